//! A day as it is written.

/// A day, and how it is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FormattedDay {
    /// Days since 1970-01-01.
    pub(crate) number: i64,
    /// `YYYY-MM-DDT`, and zeros.
    pub(crate) text: [u8; 16],
}

impl Default for FormattedDay {
    fn default() -> Self {
        Self {
            number: i64::MIN,
            text: [0; 16],
        }
    }
}
