//! Who may ask the broker for more: bounds what is in memory over all partitions together.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::BufferLimits;
use crate::offset_tracker::OffsetTracker;

/// The unit in which responses on their way are counted, in bytes.
const UNIT: u64 = 1024;
/// Least bytes of a response, or reading many partitions would be all asking and no reading.
const LEAST: u32 = 128 << 10;
/// Most bytes of a response where nothing is known to need more: 500 records of 1 kB, a batch of
/// events. Larger ones bring no more records a second, and each stands in memory up to three times.
const MOST: u32 = 512 << 10;
/// So many times its bytes a response counts once it is in the tracker: a mapped answer has no less
/// than 500 bytes, and the account of a record takes 1000. Skipped ones are shorter; they are
/// settled as they come.
const ACCOUNTED: u64 = 3;
/// So many partitions may read their log directly at once: a response is as large as the largest
/// batch, 32 MiB.
const DIRECT_READS: usize = 2;

/// Hands out turns. A turn stands for one response that is asked for but not yet in the tracker, so
/// that partitions with a backlog cannot all pass the tracker's bound at the same moment.
#[derive(Debug, Clone)]
pub(super) struct Flow {
    tracker: Arc<OffsetTracker>,
    max_bytes: NonZeroU32,
    /// Bytes that responses on their way may have together.
    share: u64,
    /// Partitions that are read.
    partitions: Arc<AtomicUsize>,
    turns: Arc<Semaphore>,
    direct: Arc<Semaphore>,
}

/// Given back when dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Flow {
    pub(super) fn new(
        tracker: Arc<OffsetTracker>,
        bounds: BufferLimits,
        max_bytes: NonZeroU32,
    ) -> Self {
        let share = bounds.on_the_way();
        Self {
            tracker,
            max_bytes,
            share,
            partitions: Arc::new(AtomicUsize::new(1)),
            turns: Arc::new(Semaphore::new(units(share).min(Semaphore::MAX_PERMITS))),
            direct: Arc::new(Semaphore::new(DIRECT_READS)),
        }
    }

    /// So many partitions are read from now on.
    pub(super) fn divide(&self, partitions: usize) {
        self.partitions.store(partitions.max(1), Ordering::Relaxed);
    }

    /// The most bytes of a response, as configured.
    pub(super) fn largest(&self) -> NonZeroU32 {
        self.max_bytes
    }

    /// The most bytes of a response to one partition, some batch of which needs so many: an equal
    /// part of half of what may be on its way, since a connection keeps the memory of its largest
    /// response, as a frame and as what is cut from it. Where that is too little, as much more as
    /// batches of one producer differ, in steps: each costs a hole in the answers.
    pub(super) fn response(&self, needed: u64) -> NonZeroU32 {
        let partitions = u64::try_from(self.partitions.load(Ordering::Relaxed)).unwrap_or(u64::MAX);
        let part = u32::try_from(self.share / 2 / partitions)
            .unwrap_or(u32::MAX)
            .clamp(LEAST, MOST);
        let wanted = if needed <= u64::from(part) {
            part
        } else {
            let roomy = needed
                .saturating_add(needed / 4)
                .checked_next_power_of_two();
            roomy
                .and_then(|roomy| u32::try_from(roomy).ok())
                .unwrap_or(u32::MAX)
        };
        NonZeroU32::new(wanted).map_or(self.max_bytes, |wanted| wanted.min(self.max_bytes))
    }

    /// Waits until one more partition may read its log directly. To be taken before a turn, never
    /// while holding one: who reads directly takes turns.
    pub(super) async fn direct(&self) -> Turn {
        Turn {
            // The semaphore is never closed.
            _permit: Arc::clone(&self.direct).acquire_owned().await.ok(),
        }
    }

    /// Waits until this partition may ask for a response of at most so many bytes.
    pub(super) async fn turn(&self, partition: u32, bytes: NonZeroU32) -> Turn {
        // At most half: where one of two large ones does not come, others must not wait for it.
        let units = units((ACCOUNTED * u64::from(bytes.get())).min(self.share / 2));
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        loop {
            // First room, then the turn: a partition that is full must not keep the others waiting.
            self.tracker.room(partition).await;
            // The semaphore is never closed.
            let turn = Turn {
                _permit: Arc::clone(&self.turns).acquire_many_owned(units).await.ok(),
            };
            if self.tracker.has_room(partition) {
                return turn;
            }
        }
    }
}

/// At least one, so that there is always a turn.
fn units(bytes: u64) -> usize {
    usize::try_from(bytes / UNIT).unwrap_or(usize::MAX).max(1)
}

// === tests ===

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use crate::offset_tracker::Outcome;
    use crate::offset_tracker::Position;

    use super::*;

    const RESPONSE: NonZeroU32 = NonZeroU32::new(16 << 10).unwrap();

    fn flow(bytes: u64, max_bytes: u32) -> (Arc<OffsetTracker>, Flow) {
        let bounds = BufferLimits {
            bytes,
            offsets: 100,
        };
        let tracker = Arc::new(OffsetTracker::new(bounds));
        let flow = Flow::new(
            Arc::clone(&tracker),
            bounds,
            NonZeroU32::new(max_bytes).unwrap(),
        );
        (tracker, flow)
    }

    #[tokio::test(start_paused = true)]
    async fn backlogs_wait_while_what_is_on_its_way_will_fill_its_share_with_its_accounts() {
        // A share of 160 KiB: ten responses, or three with the accounts of their records.
        let (_ledger, flow) = flow(640 << 10, 16 << 10);
        let first = flow.turn(0, RESPONSE).await;
        let _others = (flow.turn(1, RESPONSE).await, flow.turn(2, RESPONSE).await);
        assert!(
            timeout(Duration::from_secs(60), flow.turn(3, RESPONSE))
                .await
                .is_err()
        );
        drop(first);
        flow.turn(3, RESPONSE).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_response_that_does_not_come_leaves_turns_to_others() {
        let (_ledger, flow) = flow(16 << 20, 2 << 20);
        let first = flow.turn(0, flow.largest()).await;
        let small = flow.response(0);
        let _second = timeout(Duration::from_secs(60), flow.turn(1, small))
            .await
            .unwrap();
        assert!(
            timeout(Duration::from_secs(60), flow.turn(2, flow.largest()))
                .await
                .is_err()
        );
        drop(first);
        flow.turn(2, flow.largest()).await;
    }

    #[test]
    fn the_more_partitions_the_smaller_their_responses() {
        let (_ledger, flow) = flow(16 << 20, 2 << 20);
        let found = [1, 8, 12, 100].map(|partitions| {
            flow.divide(partitions);
            flow.response(0).get() >> 10
        });
        assert_eq!(found, [512, 256, 170, 128]);
    }

    #[test]
    fn a_batch_that_needs_more_than_its_part_gets_it_and_a_quarter_more() {
        let (_ledger, flow) = flow(16 << 20, 2 << 20);
        flow.divide(8);
        let found = [256, 257, 409, 410, 1_000, 1_639, 9_000]
            .map(|needed| flow.response(needed << 10).get() >> 10);
        assert_eq!(found, [256, 512, 512, 1_024, 2_048, 2_048, 2_048]);
    }

    #[test]
    fn no_response_is_larger_than_configured() {
        let (_ledger, flow) = flow(16 << 20, 10_000);
        assert_eq!(flow.response(0).get(), 10_000);
    }

    #[tokio::test(start_paused = true)]
    async fn direct_reads_of_many_partitions_wait_for_each_other() {
        let (_ledger, flow) = flow(24, 16);
        let (first, _second) = (flow.direct().await, flow.direct().await);
        assert!(
            timeout(Duration::from_secs(60), flow.direct())
                .await
                .is_err()
        );
        drop(first);
        flow.direct().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_buffer_holds_back_every_partition_until_something_settles() {
        let (tracker, flow) = flow(24, 16);
        let position = Position {
            partition: 0,
            offset: 0,
        };
        tracker.open(position, 24).unwrap();
        assert!(
            timeout(Duration::from_secs(60), flow.turn(1, RESPONSE))
                .await
                .is_err()
        );
        tracker.settle(position, Outcome::Delivered).unwrap();
        flow.turn(1, RESPONSE).await;
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_room_is_woken_by_what_settles() {
        // Room in the buffer, and room in the stretch of a partition's offsets.
        for (buffer, bytes, offsets, partition) in [(24, 24, 1, 1), (1_000, 1, 100, 0)] {
            let (tracker, flow) = flow(buffer, 16);
            let position = |offset| Position {
                partition: 0,
                offset,
            };
            for offset in 0..offsets {
                tracker.open(position(offset), bytes).unwrap();
            }
            let settles = async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                tracker.settle(position(0), Outcome::Delivered).unwrap();
            };
            let waits = timeout(Duration::from_secs(60), flow.turn(partition, RESPONSE));
            let (woken, ()) = tokio::join!(waits, settles);
            assert!(woken.is_ok(), "{buffer}");
        }
    }
}
