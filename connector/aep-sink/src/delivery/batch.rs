//! A batch in flight, and how it is split when it cannot pass as a whole.

use std::collections::VecDeque;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::entity::{Entity, OrderingKey};
use super::suspicion::{Suspicion, Tally};

/// A batch that is all there is to send, and keeps failing, is halved after this many attempts:
/// Adobe's documents list schema faults under 500 as well, so a "server error" may be one record's
/// fault. Not sooner: a short outage should not cost the batch.
pub(super) const FAILURES_BEFORE_HALVING: u32 = 10;
/// A batch whose responses name no record at all is halved sooner: a shorter list is easier to
/// answer in full.
pub(super) const UNKNOWNS_BEFORE_HALVING: u32 = 3;

/// A batch on its way. Its chunks are sent one after the other, never side by side: two chunks may
/// hold entities of one queue.
#[derive(Debug)]
pub(super) struct Batch {
    chunks: VecDeque<Vec<Entity>>,
    /// Whether it was split: what fails alone then is kept from spoiling other batches.
    pub(super) is_split: bool,
    /// Whether it was split because it kept failing: some chunk of it holds the cause.
    suspect: bool,
    /// A single entity that finds out whether a held inlet takes records again.
    pub(super) probe: bool,
    /// Failures in a row of the chunk in front, for the backoff.
    pub(super) failures: u32,
    pub(super) unknowns: u32,
    /// Whether the chunk in front is what makes its requests fail. `None`: not sent yet.
    suspicion: Option<Suspicion>,
    /// When its latest request began.
    pub(super) begun: Instant,
    /// When the chunk in front may go.
    pub(super) not_before: Instant,
    /// Takes the request back, as long as it is not sent.
    pub(super) withdraw: Option<oneshot::Sender<()>>,
}

impl Batch {
    pub(super) fn new(entities: Vec<Entity>, now: Instant) -> Self {
        Self {
            chunks: VecDeque::from([entities]),
            is_split: false,
            suspect: false,
            probe: false,
            failures: 0,
            unknowns: 0,
            suspicion: None,
            begun: now,
            not_before: now,
            withdraw: None,
        }
    }

    /// The chunk that is sent next, or is in flight.
    pub(super) fn chunk(&self) -> &[Entity] {
        self.chunks.front().map_or(&[], Vec::as_slice)
    }

    pub(super) fn chunk_mut(&mut self) -> &mut [Entity] {
        self.chunks.front_mut().map_or(&mut [], Vec::as_mut_slice)
    }

    /// Notes an attempt on the chunk in front, and how its inlet stands.
    pub(super) fn attempt(&mut self, tally: Tally, now: Instant, now_ms: i64) {
        self.suspicion
            .get_or_insert_with(|| Suspicion::sent(tally, now));
        for entity in self.chunks.front_mut().into_iter().flatten() {
            entity.attempts = entity.attempts.saturating_add(1);
            entity.first_attempt.get_or_insert(now_ms);
            entity.last_attempt = Some(now_ms);
        }
    }

    /// Takes the chunk in front out; the next one starts afresh, but stays suspect.
    pub(super) fn take_chunk(&mut self) -> Vec<Entity> {
        self.failures = 0;
        self.unknowns = 0;
        self.suspicion = self.suspicion.map(Suspicion::of_part);
        self.chunks.pop_front().unwrap_or_default()
    }

    /// Halves the chunk in front. Earlier entities stay in front, so a queue's order is kept.
    pub(super) fn halve(&mut self) {
        let mut first = self.take_chunk();
        let second = first.split_off(first.len() / 2);
        self.is_split = true;
        for half in [second, first] {
            if !half.is_empty() {
                self.chunks.push_front(half);
            }
        }
    }

    /// Halves the chunk because it keeps failing. The chunks stay suspect: they are split at
    /// their next failure.
    pub(super) fn halve_suspect(&mut self) {
        self.suspect = true;
        self.halve();
    }

    /// What is held against the chunk in front.
    pub(super) fn suspicion(&mut self) -> &mut Suspicion {
        self.suspicion.get_or_insert_default()
    }

    /// Whether the chunk in front is to be halved. Of one that failed as a whole, some chunk has
    /// the cause, so one failure is enough while others pass, or while there is nothing else to
    /// send (`idle`): a bad record among 500 would otherwise take long to find.
    pub(super) fn is_to_cut(&mut self, idle: bool, now: Instant) -> bool {
        let is_half = self.suspect;
        let suspicion = self.suspicion();
        if is_half {
            idle || suspicion.is_contradicted()
        } else {
            suspicion.is_to_cut(now) || (idle && suspicion.is_lasting(now))
        }
    }

    /// Takes out what is left of a queue, in order: an earlier entity of it has to go again, and
    /// nothing may pass it.
    pub(super) fn withdraw(&mut self, ordering_key: OrderingKey) -> Vec<Entity> {
        let mut withdrawn = Vec::new();
        for chunk in &mut self.chunks {
            withdrawn.extend(chunk.extract_if(.., |entity| entity.ordering_key == ordering_key));
        }
        self.chunks.retain(|chunk| !chunk.is_empty());
        withdrawn
    }

    /// Takes out what is of a partition and waits: all of it, or all behind the chunk in front when
    /// that one is in flight.
    pub(super) fn revoke(&mut self, partition: u32, is_in_flight: bool) -> Vec<Entity> {
        let mut revoked = Vec::new();
        for chunk in self.chunks.iter_mut().skip(usize::from(is_in_flight)) {
            revoked.extend(chunk.extract_if(.., |entity| entity.is_of(partition)));
        }
        self.chunks.retain(|chunk| !chunk.is_empty());
        revoked
    }

    pub(super) fn is_done(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Everything in it, in order.
    pub(super) fn into_entities(self) -> impl Iterator<Item = Entity> {
        self.chunks.into_iter().flatten()
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

    fn entity(offset: i64) -> Entity {
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
        let ordering_key = record.ordering_key();
        Entity::new(record, Bytes::new(), ordering_key, 1)
    }

    fn batch(count: i64) -> Batch {
        Batch::new((0..count).map(entity).collect(), Instant::now())
    }

    fn front(batch: &Batch) -> Vec<i64> {
        batch.chunk().iter().map(Entity::offset).collect()
    }

    #[test]
    fn batch_halves_are_sent_in_the_order_of_the_whole() {
        let mut batch = batch(5);
        batch.halve();
        assert_eq!(front(&batch), [0, 1]);
        batch.halve();
        assert_eq!(front(&batch), [0]);
        let rest: Vec<i64> = batch
            .into_entities()
            .map(|entity| entity.offset())
            .collect();
        assert_eq!(rest, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn batch_halves_of_a_suspect_are_split_at_their_next_failure() {
        let (mut batch, mut tally, now) = (batch(4), Tally::default(), Instant::now());
        batch.attempt(tally, now, 0);
        tally.add(1, 0, now);
        batch.suspicion().failed(tally, now);
        assert!(!batch.is_to_cut(true, now), "it failed once");
        batch.halve_suspect();
        batch.take_chunk();
        assert_eq!(front(&batch), [2, 3]);
        batch.suspicion().failed(tally, now);
        assert!(
            !batch.is_to_cut(false, now),
            "nobody was accepted meanwhile"
        );
        assert!(batch.is_to_cut(true, now), "nobody else is there");
        tally.add(1, 0, now);
        batch.suspicion().failed(tally, now);
        assert!(batch.is_to_cut(false, now));
    }

    #[test]
    fn batch_withdraws_a_key_in_order_and_keeps_no_empty_chunk() {
        let mut batch = batch(6);
        batch.halve();
        let first = batch.take_chunk();
        let withdrawn: Vec<i64> = batch
            .withdraw(first[0].ordering_key)
            .iter()
            .map(Entity::offset)
            .collect();
        assert_eq!(withdrawn, [3]);
        batch.withdraw(first[1].ordering_key);
        batch.withdraw(first[2].ordering_key);
        assert!(batch.is_done());
    }
}
