//! Which acknowledged record a failed one is.

use std::collections::{HashMap, HashSet};

use super::fingerprint::Fingerprint;
use super::journal::Entry;
use super::platform::FailedRecord;
use crate::inlet_name::InletName;

/// The platform's clock and ours may differ so much, in milliseconds.
const SKEW_MS: i64 = 60 * 1000;

/// Journal entries of what failed, by what they are found by.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    wanted: HashMap<(InletName, Fingerprint), Vec<Entry>>,
}

impl Candidates {
    /// Asks for a failed record.
    pub(super) fn want(&mut self, inlet: InletName, record: &FailedRecord) {
        if let Some(fingerprint) = fingerprint(inlet, record) {
            self.wanted.entry((inlet, fingerprint)).or_default();
        }
    }

    /// Takes an entry of the journal, if it was asked for.
    pub(super) fn offer(&mut self, entry: Entry) {
        if let Some(entries) = self.wanted.get_mut(&(entry.inlet, entry.fingerprint)) {
            entries.push(entry);
        }
    }

    /// For each failed record of one batch the entries it came from; none when the journal knows it
    /// not.
    ///
    /// What has no `_id` is found by identity and time: of what was sent for this identity before
    /// the batch, the newest, with all that went in the same request.
    pub(super) fn of_batch(
        &self,
        inlet: InletName,
        created: i64,
        records: &[FailedRecord],
    ) -> Vec<Vec<Entry>> {
        let mut used = HashSet::new();
        let find = |record: &FailedRecord| {
            let Some(fingerprint) = fingerprint(inlet, record) else {
                return Vec::new();
            };
            let entries = self.wanted.get(&(inlet, fingerprint));
            let of_time = entries.into_iter().flatten().filter(|entry| {
                let is_before = entry.sent <= created.saturating_add(SKEW_MS);
                is_before && !used.contains(&(fingerprint, entry.sent))
            });
            let Some(newest) = of_time.map(|entry| entry.sent).max() else {
                return Vec::new();
            };
            used.insert((fingerprint, newest));
            let same = entries.into_iter().flatten();
            let mut same: Vec<Entry> = same.filter(|entry| entry.sent == newest).copied().collect();
            same.sort_by_key(|entry| (entry.position.partition, entry.position.offset));
            same.dedup();
            same
        };
        records.iter().map(find).collect()
    }
}

fn fingerprint(inlet: InletName, record: &FailedRecord) -> Option<Fingerprint> {
    Fingerprint::of_entity(inlet, record.entity.as_ref()?)
}

// === tests ===

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::offset_tracker::Position;

    fn record(entity: Value) -> FailedRecord {
        FailedRecord {
            entity: Some(entity),
            violations: Vec::new(),
        }
    }

    fn statement() -> FailedRecord {
        record(json!({"identityMap": {"CapillaryId": [{"id": "7", "primary": true}]}}))
    }

    fn entry(inlet: InletName, record: &FailedRecord, offset: i64, sent: i64) -> Entry {
        Entry {
            inlet,
            position: Position {
                partition: 0,
                offset,
            },
            sent,
            fingerprint: fingerprint(inlet, record).unwrap(),
        }
    }

    fn offsets(found: &[Vec<Entry>]) -> Vec<Vec<i64>> {
        let offsets =
            |entries: &Vec<Entry>| entries.iter().map(|entry| entry.position.offset).collect();
        found.iter().map(offsets).collect()
    }

    #[test]
    fn event_is_found_by_its_id_and_a_foreign_one_is_not() {
        let inlet = InletName::Events;
        let records = [
            record(json!({"_id": "mine"})),
            record(json!({"_id": "other"})),
        ];
        let mut candidates = Candidates::default();
        for record in &records {
            candidates.want(inlet, record);
        }
        candidates.offer(entry(inlet, &records[0], 5, 1_000));
        candidates.offer(entry(inlet, &record(json!({"_id": "landed"})), 6, 1_000));
        let found = candidates.of_batch(inlet, 2_000, &records);
        assert_eq!(offsets(&found), [vec![5], vec![]]);
    }

    #[test]
    fn statement_is_the_newest_before_its_batch_with_all_of_its_request() {
        let inlet = InletName::Profiles;
        let failed = [statement(), statement(), statement()];
        let mut candidates = Candidates::default();
        candidates.want(inlet, &failed[0]);
        let later = 500_000;
        for (offset, sent) in [(1, 1_000), (2, 2_000), (3, 2_000), (4, later)] {
            candidates.offer(entry(inlet, &failed[0], offset, sent));
        }
        let found = candidates.of_batch(inlet, 3_000, &failed);
        assert_eq!(offsets(&found), [vec![2, 3], vec![1], vec![]]);
    }
}
