//! Bytes made ready before they are written.

use crate::sink::{LONG, SHORT};

/// Bytes that are written again and again; short ones are copied in one size.
#[derive(Debug, Clone)]
pub(crate) struct ReadyMade {
    pub(crate) padded: [u8; LONG],
    pub(crate) length: usize,
    /// All of it, when it is longer.
    pub(crate) long: Vec<u8>,
}

impl ReadyMade {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let mut padded = [0; LONG];
        padded.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        Self {
            padded,
            length: bytes.len(),
            long: if bytes.len() > LONG { bytes.to_vec() } else { Vec::new() },
        }
    }
}

/// A few bytes that are written again and again, made ready while compiling.
#[derive(Debug)]
pub(crate) struct Word {
    pub(crate) padded: [u8; SHORT],
    pub(crate) length: u8,
}

impl Word {
    /// Only for constants: more than 48 bytes do not compile.
    #[allow(clippy::indexing_slicing)] // While compiling.
    pub(crate) const fn new(bytes: &[u8]) -> Self {
        let (mut padded, mut at) = ([0; SHORT], 0);
        while at < bytes.len() {
            padded[at] = bytes[at];
            at += 1;
        }
        Self {
            padded,
            length: at as u8,
        }
    }
}

/// A day, and how it is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WrittenDay {
    /// Days since 1970-01-01.
    pub(crate) number: i64,
    /// `YYYY-MM-DDT`, and zeros.
    pub(crate) text: [u8; 16],
}

impl Default for WrittenDay {
    fn default() -> Self {
        Self {
            number: i64::MIN,
            text: [0; 16],
        }
    }
}
