//! An endless stream of records as the workload's description says.

use std::hash::{DefaultHasher, Hash, Hasher};

use fastrand::Rng;

use super::customers::Customers;
use super::description::Description;
use super::template::{Filling, Template};
use conformance::cluster::ProducedRecord;
use conformance::workload::WorkloadError;

/// Makes records.
#[derive(Debug)]
pub(crate) struct Stream {
    customers: Customers,
    templates: Vec<Template>,
    /// For each template, the sum of the shares up to and including it.
    shares: Vec<u32>,
    partitions: u64,
    rng: Rng,
}

impl Stream {
    pub(crate) fn new(description: &Description) -> Result<Self, WorkloadError> {
        let mut sum = 0;
        let shares = description.kinds.values().map(|share| {
            sum += share;
            sum
        });
        Ok(Self {
            shares: shares.collect(),
            customers: Customers::new(description.customers, description.zipf),
            templates: description
                .kinds
                .keys()
                .map(|kind| Template::of(kind))
                .collect::<Result<_, _>>()?,
            partitions: u64::from(description.partitions),
            rng: Rng::with_seed(description.seed),
        })
    }

    /// The next record, and the partition of its key.
    pub(crate) fn next(&mut self, created_at: i64) -> (u32, ProducedRecord) {
        let customer = self.customers.next(&mut self.rng);
        let point = self
            .rng
            .u32(0..self.shares.last().copied().unwrap_or(1).max(1));
        let kind = self.shares.partition_point(|share| *share <= point);
        let filling = Filling {
            customer,
            created_at,
            id: self.rng.u128(..),
        };
        let record = ProducedRecord {
            key: Some(customer.to_string().into_bytes()),
            value: self.templates[kind].fill(filling),
        };
        let mut hasher = DefaultHasher::new();
        customer.hash(&mut hasher);
        let partition = u32::try_from(hasher.finish() % self.partitions).unwrap_or_default();
        (partition, record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_come_by_their_shares_and_a_customer_stays_in_one_partition() {
        let description = Description::load().unwrap();
        let mut stream = Stream::new(&description).unwrap();
        let mut partitions = std::collections::BTreeMap::new();
        let mut transactions = 0;
        for _ in 0..10_000 {
            let (partition, record) = stream.next(0);
            assert_eq!(
                *partitions.entry(record.key).or_insert(partition),
                partition
            );
            let value = String::from_utf8(record.value).unwrap();
            transactions += u32::from(value.contains("\"eventName\":\"transactionAdded\""));
        }
        assert!(
            (2800..3200).contains(&transactions),
            "{transactions} of 3000 expected"
        );
    }
}
