//! Which inputs and outcomes are the same.

use std::hash::{DefaultHasher, Hash, Hasher};

/// A hash that is the same in every process.
pub(crate) fn hash<T: Hash + ?Sized>(value: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
