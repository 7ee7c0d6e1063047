//! Whose fault an error is, and whether it heals.

use std::time::Duration;

/// Whose fault it is: the first question of an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Configuration, credentials or rights: somebody must change something.
    User,
    /// Experience Platform, IMS or the Fluvio cluster.
    External,
    /// A defect of this program.
    Internal,
}

impl Fault {
    /// For programs.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::External => "external",
            Self::Internal => "internal",
        }
    }

    /// For a person.
    pub(crate) fn whose(self) -> &'static str {
        match self {
            Self::User => "yours: configuration, credentials or rights",
            Self::External => "outside: Experience Platform, IMS or the Fluvio cluster",
            Self::Internal => "a defect of this program",
        }
    }
}

/// What to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    /// The same attempt would fail the same way.
    Never,
    /// Heals by itself; try again after the backoff's pause.
    Backoff,
    /// Heals by itself; the other side named the pause.
    After(Duration),
}
