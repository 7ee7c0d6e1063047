//! Maps whose keys are digests already.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map by what is a digest already: to hash it once more only costs time.
pub(super) type ByDigest<K, V> = HashMap<K, V, BuildHasherDefault<Digested>>;

/// Takes a digest for its hash.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Digested(u64);

impl Hasher for Digested {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, digest: u64) {
        self.0 = digest;
    }
}
