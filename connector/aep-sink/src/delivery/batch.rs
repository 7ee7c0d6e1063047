//! A batch on its way, and how it is cut when it cannot pass as a whole.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::entity::{Lane, Parcel};

/// A batch that keeps failing while its inlet is well is halved after this many attempts: Adobe's
/// documents list schema faults under 500 as well, so a "server error" may be one record's fault.
pub(super) const FAILURES_BEFORE_HALVING: u32 = 5;
/// Answers that say nothing at all are halved sooner: a shorter list is easier to answer in full.
pub(super) const UNKNOWNS_BEFORE_HALVING: u32 = 3;

/// A batch on its way. Its parts are sent one after the other, never side by side: two parts may
/// hold parcels of one lane.
#[derive(Debug)]
pub(super) struct Shipment {
    parts: VecDeque<Vec<Parcel>>,
    /// Whether it was cut: what fails alone then is kept from spoiling other batches.
    pub(super) cut: bool,
    /// Whether it was cut because it kept failing: some part of it holds the cause.
    suspect: bool,
    /// A single parcel that finds out whether a held inlet takes records again.
    pub(super) probe: bool,
    /// Failures in a row of the part in front, for the backoff.
    pub(super) failures: u32,
    /// Those of them that happened while the inlet was well.
    pub(super) failures_while_well: u32,
    pub(super) unknowns: u32,
    /// The inlet's acceptances at the last failure: more of them at the next one means the inlet is
    /// well.
    pub(super) acceptances: Option<u64>,
    /// When its latest request began.
    pub(super) begun: Instant,
    /// When the part in front may go.
    pub(super) not_before: Instant,
}

impl Shipment {
    pub(super) fn new(parcels: Vec<Parcel>, now: Instant) -> Self {
        Self {
            parts: VecDeque::from([parcels]),
            cut: false,
            suspect: false,
            probe: false,
            failures: 0,
            failures_while_well: 0,
            unknowns: 0,
            acceptances: None,
            begun: now,
            not_before: now,
        }
    }

    /// The part that is sent next, or is under way.
    pub(super) fn part(&self) -> &[Parcel] {
        self.parts.front().map_or(&[], Vec::as_slice)
    }

    pub(super) fn part_mut(&mut self) -> &mut [Parcel] {
        self.parts.front_mut().map_or(&mut [], Vec::as_mut_slice)
    }

    /// Notes an attempt on the part in front.
    pub(super) fn attempt(&mut self, now_ms: i64) {
        for parcel in self.parts.front_mut().into_iter().flatten() {
            parcel.attempts = parcel.attempts.saturating_add(1);
            parcel.first_attempt.get_or_insert(now_ms);
            parcel.last_attempt = Some(now_ms);
        }
    }

    /// Takes the part in front out; the next one starts afresh, but for the suspicion.
    pub(super) fn take_part(&mut self) -> Vec<Parcel> {
        self.failures = 0;
        // Or a bad record among 500 would take nine times five attempts to find.
        self.failures_while_well = if self.suspect {
            FAILURES_BEFORE_HALVING - 1
        } else {
            0
        };
        self.unknowns = 0;
        self.acceptances = None;
        self.parts.pop_front().unwrap_or_default()
    }

    /// Halves the part in front. Earlier parcels stay in front, so a lane's order is kept.
    pub(super) fn halve(&mut self) {
        let mut first = self.take_part();
        let second = first.split_off(first.len() / 2);
        self.cut = true;
        for half in [second, first] {
            if !half.is_empty() {
                self.parts.push_front(half);
            }
        }
    }

    /// Halves the part because it keeps failing. The parts inherit the suspicion: they are cut at
    /// their next failure.
    pub(super) fn halve_suspect(&mut self) {
        self.suspect = true;
        self.halve();
    }

    /// Takes out what is left of a lane, in order: an earlier parcel of it has to go again, and
    /// nothing may pass it.
    pub(super) fn withdraw(&mut self, lane: Lane) -> Vec<Parcel> {
        let mut withdrawn = Vec::new();
        for part in &mut self.parts {
            withdrawn.extend(part.extract_if(.., |parcel| parcel.lane == lane));
        }
        self.parts.retain(|part| !part.is_empty());
        withdrawn
    }

    pub(super) fn is_done(&self) -> bool {
        self.parts.is_empty()
    }

    /// Everything in it, in order.
    pub(super) fn into_parcels(self) -> impl Iterator<Item = Parcel> {
        self.parts.into_iter().flatten()
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;
    use crate::answer::Mapped;
    use crate::delivery::entity::Record;
    use crate::offset_tracker::Position;

    fn parcel(offset: i64) -> Parcel {
        let mapped = Mapped {
            name: "n".into(),
            id: (*offset.to_string()).into(),
            key: (*(offset % 3).to_string()).into(),
            at: 0,
            event: Some(Bytes::new()),
            profile: None,
        };
        let record = Arc::new(Record::new(
            Position {
                partition: 0,
                offset,
            },
            None,
            mapped,
        ));
        let lane = record.lane();
        Parcel::new(record, Bytes::new(), lane, 1)
    }

    fn shipment(count: i64) -> Shipment {
        Shipment::new((0..count).map(parcel).collect(), Instant::now())
    }

    fn front(shipment: &Shipment) -> Vec<i64> {
        shipment.part().iter().map(Parcel::offset).collect()
    }

    #[test]
    fn halves_are_sent_in_the_order_of_the_whole() {
        let mut shipment = shipment(5);
        shipment.halve();
        assert_eq!(front(&shipment), [0, 1]);
        shipment.halve();
        assert_eq!(front(&shipment), [0]);
        let rest: Vec<i64> = shipment
            .into_parcels()
            .map(|parcel| parcel.offset())
            .collect();
        assert_eq!(rest, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn both_halves_of_a_suspect_are_cut_at_their_next_failure() {
        let mut shipment = shipment(4);
        shipment.halve_suspect();
        assert_eq!(shipment.failures_while_well, FAILURES_BEFORE_HALVING - 1);
        shipment.take_part();
        assert_eq!(shipment.failures_while_well, FAILURES_BEFORE_HALVING - 1);
        assert_eq!(front(&shipment), [2, 3]);
    }

    #[test]
    fn what_is_left_of_a_lane_is_withdrawn_in_order_and_no_empty_part_stays() {
        let mut shipment = shipment(6);
        shipment.halve();
        let first = shipment.take_part();
        let withdrawn: Vec<i64> = shipment
            .withdraw(first[0].lane)
            .iter()
            .map(Parcel::offset)
            .collect();
        assert_eq!(withdrawn, [3]);
        shipment.withdraw(first[1].lane);
        shipment.withdraw(first[2].lane);
        assert!(shipment.is_done());
    }
}
