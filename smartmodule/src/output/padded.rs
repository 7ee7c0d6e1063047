//! Bytes made ready before they are written.

/// Longer pieces are left to the host.
pub(crate) const LONG: usize = 64;

/// Most texts are no longer.
pub(crate) const SHORT: usize = 48;

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
        padded
            .iter_mut()
            .zip(bytes)
            .for_each(|(to, from)| *to = *from);
        Self {
            padded,
            length: bytes.len(),
            long: if bytes.len() > LONG {
                bytes.to_vec()
            } else {
                Vec::new()
            },
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

/// As a [`Word`], of at most 32 bytes.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) padded: [u8; 32],
    pub(crate) length: usize,
}

impl Piece {
    /// Only for constants: `parts`, one behind the other; more than 32 bytes do not compile.
    #[allow(clippy::indexing_slicing)] // While compiling.
    pub(crate) const fn new(parts: &[&[u8]]) -> Self {
        let (mut padded, mut length, mut part) = ([0; 32], 0, 0);
        while part < parts.len() {
            let mut at = 0;
            while at < parts[part].len() {
                padded[length] = parts[part][at];
                (at, length) = (at + 1, length + 1);
            }
            part += 1;
        }
        Self { padded, length }
    }
}

/// Bytes, as a piece made ready while compiling.
macro_rules! piece {
    ($bytes:expr) => {
        const { &$crate::output::padded::Piece::new(&[$bytes]) }
    };
}
pub(crate) use piece;
