//! What keeps the records of one customer in order.

use std::hash::{DefaultHasher, Hash, Hasher};

/// Records with the same key are sent one after the other. Two customers with the same hash only
/// wait for one another needlessly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrderingKey(u64);

impl OrderingKey {
    /// The key of a customer. Partitions are apart: order is promised within one only, and one must
    /// not wait for another.
    pub fn new(partition: u32, customer: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        (partition, customer).hash(&mut hasher);
        Self(hasher.finish())
    }
}
