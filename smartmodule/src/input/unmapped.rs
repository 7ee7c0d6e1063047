//! Why a record is not mapped.

/// Why a record is not mapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unmapped {
    /// Not wanted, or about nobody; counted by its reason.
    Skip(&'static str),
    /// Wanted, but it cannot be mapped as it is.
    Reject(Reject),
}

/// A defect of the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reject {
    /// Snake case, from a fixed set.
    pub(crate) reason: &'static str,
    /// JSON pointer into the record.
    pub(crate) pointer: String,
    /// For a person; never quotes the record.
    pub(crate) message: String,
}

impl Reject {
    #[cold]
    #[inline(never)]
    pub(crate) fn new(reason: &'static str, pointer: &str, message: &str) -> Self {
        Self {
            reason,
            pointer: pointer.to_owned(),
            message: message.to_owned(),
        }
    }
}

impl From<Reject> for Unmapped {
    fn from(reject: Reject) -> Self {
        Self::Reject(reject)
    }
}
