//! Whether each customer's records lie in one partition: order is kept within a partition only.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;

use super::report::{Finding, Status};
use crate::answer::Answer;

/// Name of the step.
pub(super) const STEP: &str = "customers";

/// Where the records of each sampled customer lie.
#[derive(Debug, Default)]
pub(super) struct CustomerPartitions {
    partitions: HashMap<String, HashSet<u32>>,
    records: usize,
}

impl CustomerPartitions {
    /// Takes in one answer; skipped and rejected records have no customer.
    pub(super) fn add(&mut self, partition: u32, answer: &Bytes) {
        if let Ok(Answer::Mapped(mapped)) = Answer::read(answer) {
            self.records += 1;
            self.partitions
                .entry(mapped.key.to_string())
                .or_default()
                .insert(partition);
        }
    }

    /// The finding. Counts only: a customer's id is nobody's business here.
    pub(super) fn finding(&self, partitions: usize) -> Finding {
        if partitions < 2 {
            return Finding::ok(
                STEP,
                "the topic has one partition, so every customer's records are in order",
            );
        }
        let repeated = self
            .partitions
            .values()
            .filter(|partitions| partitions.len() > 1)
            .count();
        let customers = self.partitions.len();
        if customers == 0 {
            return Finding::skipped(
                STEP,
                "no record with a customer among the last ones of the topic",
            );
        }
        let sampled = format!("{} records of {customers} customers sampled", self.records);
        if repeated == 0 {
            return Finding::ok(
                STEP,
                format!("{sampled}: each customer's records are in one partition"),
            );
        }
        let found = format!(
            "{sampled}: the records of {repeated} customers are spread over several partitions"
        );
        Finding::new(STEP, Status::Warning, found).advise(
            "produce with the customer id as the record's key; records of one customer in several \
                partitions may be delivered out of order",
        )
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    fn customer_partitions(places: &[(u32, &str)]) -> CustomerPartitions {
        let mut customer_partitions = CustomerPartitions::default();
        for (partition, customer) in places {
            let answer = format!(
                r#"{{"v":1,"offset":0,"name":"pointsIssued","id":"i","key":"1:{customer}","at":1,"event":{{}}}}"#
            );
            customer_partitions.add(*partition, &Bytes::from(answer));
        }
        customer_partitions.add(
            9,
            &Bytes::from_static(br#"{"offset":0,"skip":"unwanted_kind"}"#),
        );
        customer_partitions
    }

    #[test]
    fn one_customer_in_two_partitions_is_a_warning_that_names_no_customer() {
        let finding = customer_partitions(&[(0, "555"), (1, "777"), (2, "555")]).finding(3);
        assert!(!finding.failed());
        let text = format!("{finding:?}");
        assert!(
            text.contains("Warning") && text.contains("1 customers are spread"),
            "{text}"
        );
        assert!(!text.contains("555"), "{text}");
    }

    #[test]
    fn customers_with_partitions_of_their_own_are_fine() {
        let finding = customer_partitions(&[(0, "5"), (1, "7"), (0, "5")]).finding(2);
        assert_eq!(
            finding,
            Finding::ok(
                STEP,
                "3 records of 2 customers sampled: each customer's records are in one partition"
            )
        );
    }

    #[test]
    fn nothing_is_claimed_of_an_empty_topic() {
        assert!(format!("{:?}", customer_partitions(&[]).finding(2)).contains("Skipped"));
        assert!(format!("{:?}", customer_partitions(&[]).finding(1)).contains("Ok"));
    }
}
