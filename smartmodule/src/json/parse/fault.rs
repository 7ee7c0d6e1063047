//! Why a text is not usable JSON.

/// Why a text is not usable JSON, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Not JSON, or cut off, at this byte.
    Syntax(usize),
    /// Nested deeper than 64 levels.
    TooDeep,
    /// More values than fit.
    TooMany,
}
