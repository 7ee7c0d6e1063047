//! Bytes padded in advance to a fixed size, so that they are copied without a loop.

/// Longer pieces are left to the host.
pub(crate) const LONG: usize = 64;

/// Most texts are no longer.
pub(crate) const SHORT: usize = 48;

/// Bytes from a parameter that every record repeats, padded to [`LONG`].
#[derive(Debug, Clone)]
pub(crate) struct PaddedBytes {
    pub(crate) padded: [u8; LONG],
    pub(crate) length: usize,
    /// All bytes when there are more than [`LONG`]; else empty.
    pub(crate) long: Vec<u8>,
}

impl PaddedBytes {
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

/// A constant of at most 48 bytes.
#[derive(Debug)]
pub(crate) struct Padded48 {
    pub(crate) padded: [u8; SHORT],
    pub(crate) length: u8,
}

impl Padded48 {
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

/// A constant of at most 32 bytes.
#[derive(Debug)]
pub(crate) struct Padded32 {
    pub(crate) padded: [u8; 32],
    pub(crate) length: usize,
}

impl Padded32 {
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

/// A [`Padded32`] of constant bytes.
macro_rules! padded {
    ($bytes:expr) => {
        const { &$crate::output::padded::Padded32::new(&[$bytes]) }
    };
}
pub(crate) use padded;
