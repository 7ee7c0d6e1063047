//! Backpressure: a partition asks the broker for more only with a permit, which bounds the memory
//! of responses over all partitions together.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::BufferLimits;
use crate::error::Fault;
use crate::offset_tracker::{Full, OffsetTracker};
use crate::telemetry::{Component, Condition, Conditions};

/// The unit in which responses on their way are counted, in bytes.
const UNIT: u64 = 1024;
/// Least bytes of a response, or reading many partitions would be all asking and no reading.
const MIN_RESPONSE: u32 = 128 << 10;
/// Most bytes of a response where nothing is known to need more: 500 records of 1 kB, a batch of
/// events. Larger ones bring no more records a second, and each is in memory up to three times.
const MAX_RESPONSE: u32 = 512 << 10;
/// A response counts this many times its bytes once it is in the tracker: a mapped answer has no
/// less than 500 bytes, and the account of a record takes 1000. Skipped ones are shorter; they are
/// settled as they come.
const MEMORY_FACTOR: u64 = 3;
/// How many partitions may read their log directly at once: a response is as large as the largest
/// batch, 32 MiB.
const MAX_DIRECT_READS: usize = 2;

/// Hands out permits. A permit is for one response that is asked for but not yet in the tracker, so
/// that partitions with a backlog cannot all pass the tracker's bound at the same moment.
#[derive(Debug, Clone)]
pub(crate) struct FetchBudget {
    tracker: Arc<OffsetTracker>,
    conditions: Arc<Conditions>,
    max_bytes: NonZeroU32,
    /// Bytes that responses on their way may have together.
    share: u64,
    /// Partitions that are read.
    partitions: Arc<AtomicUsize>,
    permits: Arc<Semaphore>,
    direct_reads: Arc<Semaphore>,
}

/// Given back when dropped.
#[derive(Debug)]
pub(crate) struct FetchPermit {
    _permit: Option<OwnedSemaphorePermit>,
}

impl FetchBudget {
    pub(crate) fn new(
        tracker: Arc<OffsetTracker>,
        conditions: Arc<Conditions>,
        bounds: BufferLimits,
        max_bytes: NonZeroU32,
    ) -> Self {
        let share = bounds.on_the_way();
        Self {
            tracker,
            conditions,
            max_bytes,
            share,
            partitions: Arc::new(AtomicUsize::new(1)),
            permits: Arc::new(Semaphore::new(units(share).min(Semaphore::MAX_PERMITS))),
            direct_reads: Arc::new(Semaphore::new(MAX_DIRECT_READS)),
        }
    }

    /// Sets how many partitions are read from now on.
    pub(crate) fn set_partitions(&self, partitions: usize) {
        self.partitions.store(partitions.max(1), Ordering::Relaxed);
    }

    /// The most bytes of a response, as configured.
    pub(crate) fn max_response_size(&self) -> NonZeroU32 {
        self.max_bytes
    }

    /// The most bytes of a response to one partition, some batch of which needs `needed`: an equal
    /// part of half of what may be on its way, since a connection keeps the memory of its largest
    /// response, as a frame and as what is cut from it. Where that is too little, as much more as
    /// batches of one producer differ, in steps: each costs a gap in the answers.
    pub(crate) fn response_size(&self, needed: u64) -> NonZeroU32 {
        let partitions = u64::try_from(self.partitions.load(Ordering::Relaxed)).unwrap_or(u64::MAX);
        let part = u32::try_from(self.share / 2 / partitions)
            .unwrap_or(u32::MAX)
            .clamp(MIN_RESPONSE, MAX_RESPONSE);
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

    /// Waits until this partition may read its log directly, up to `bytes` of it. First room and a
    /// permit, then a place among the direct reads: whoever has a place waits for nothing that
    /// others could hold.
    pub(crate) async fn acquire_direct_read(
        &self,
        partition: u32,
        bytes: NonZeroU32,
    ) -> [FetchPermit; 2] {
        let permit = self.acquire(partition, bytes).await;
        [permit, self.permit(&self.direct_reads, 1).await]
    }

    /// Waits until this partition may ask for a response of at most `bytes`: first for room, then
    /// for a permit, since a partition that is full must not keep the others waiting.
    pub(crate) async fn acquire(&self, partition: u32, bytes: NonZeroU32) -> FetchPermit {
        // At most half: where one of two large ones does not come, others must not wait for it.
        let units = units((MEMORY_FACTOR * u64::from(bytes.get())).min(self.share / 2));
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        loop {
            self.room(partition).await;
            let permit = self.permit(&self.permits, units).await;
            if self.tracker.has_room(partition) {
                return permit;
            }
        }
    }

    async fn permit(&self, permits: &Arc<Semaphore>, units: u32) -> FetchPermit {
        FetchPermit {
            // The semaphore is never closed.
            _permit: Arc::clone(permits).acquire_many_owned(units).await.ok(),
        }
    }

    /// Waits for room, and tells of the one wait that an operator may want to end: the others end
    /// with what is in their way, which is told already.
    async fn room(&self, partition: u32) {
        let place = Component::Room(partition);
        if let Some(Full::Repeats(first)) = self.tracker.full(partition) {
            let condition = Condition {
                fault: Fault::External,
                reason: format!(
                    "offset {first} is not settled yet, and a restart would read everything from \
                    there on again; that is as much as buffer.max-repeated allows"
                ),
                remedy: "mend what keeps that record from being delivered, or raise \
                    buffer.max-repeated"
                    .to_owned(),
            };
            self.conditions.put(place, condition);
            let _told = Told(&self.conditions, place);
            self.tracker.room(partition).await;
        }
        self.tracker.room(partition).await;
    }
}

/// Takes a condition back when the wait it tells of ends, also when it is given up.
struct Told<'a>(&'a Conditions, Component);

impl Drop for Told<'_> {
    fn drop(&mut self) {
        self.0.clear(self.1);
    }
}

/// At least one, so that there is always a permit.
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

    fn fetch_budget(bytes: u64, max_bytes: u32) -> (Arc<OffsetTracker>, FetchBudget) {
        let bounds = BufferLimits::new(bytes, 100);
        let tracker = Arc::new(OffsetTracker::new(bounds));
        let fetch_budget = FetchBudget::new(
            Arc::clone(&tracker),
            Arc::default(),
            bounds,
            NonZeroU32::new(max_bytes).unwrap(),
        );
        (tracker, fetch_budget)
    }

    #[tokio::test(start_paused = true)]
    async fn permits_end_when_responses_on_their_way_fill_their_share() {
        // A share of 160 KiB: ten responses, or three with the accounts of their records.
        let (_tracker, fetch_budget) = fetch_budget(640 << 10, 16 << 10);
        let first = fetch_budget.acquire(0, RESPONSE).await;
        let _others = (
            fetch_budget.acquire(1, RESPONSE).await,
            fetch_budget.acquire(2, RESPONSE).await,
        );
        assert!(
            timeout(Duration::from_secs(60), fetch_budget.acquire(3, RESPONSE))
                .await
                .is_err()
        );
        drop(first);
        fetch_budget.acquire(3, RESPONSE).await;
    }

    #[tokio::test(start_paused = true)]
    async fn large_response_that_does_not_come_leaves_permits_to_others() {
        let (_tracker, fetch_budget) = fetch_budget(16 << 20, 2 << 20);
        let first = fetch_budget
            .acquire(0, fetch_budget.max_response_size())
            .await;
        let small = fetch_budget.response_size(0);
        let _second = timeout(Duration::from_secs(60), fetch_budget.acquire(1, small))
            .await
            .unwrap();
        assert!(
            timeout(
                Duration::from_secs(60),
                fetch_budget.acquire(2, fetch_budget.max_response_size())
            )
            .await
            .is_err()
        );
        drop(first);
        fetch_budget
            .acquire(2, fetch_budget.max_response_size())
            .await;
    }

    #[test]
    fn responses_are_smaller_the_more_partitions_there_are() {
        let (_tracker, fetch_budget) = fetch_budget(16 << 20, 2 << 20);
        let found = [1, 8, 12, 100].map(|partitions| {
            fetch_budget.set_partitions(partitions);
            fetch_budget.response_size(0).get() >> 10
        });
        assert_eq!(found, [512, 256, 170, 128]);
    }

    #[test]
    fn large_batch_gets_what_it_needs_and_a_quarter_more() {
        let (_tracker, fetch_budget) = fetch_budget(16 << 20, 2 << 20);
        fetch_budget.set_partitions(8);
        let found = [256, 257, 409, 410, 1_000, 1_639, 9_000]
            .map(|needed| fetch_budget.response_size(needed << 10).get() >> 10);
        assert_eq!(found, [256, 512, 512, 1_024, 2_048, 2_048, 2_048]);
    }

    #[test]
    fn response_is_never_larger_than_configured() {
        let (_tracker, fetch_budget) = fetch_budget(16 << 20, 10_000);
        assert_eq!(fetch_budget.response_size(0).get(), 10_000);
    }

    #[tokio::test(start_paused = true)]
    async fn direct_reads_of_many_partitions_wait_for_each_other() {
        let (_tracker, fetch_budget) = fetch_budget(16 << 20, 16);
        let (first, _second) = (
            fetch_budget.acquire_direct_read(0, RESPONSE).await,
            fetch_budget.acquire_direct_read(1, RESPONSE).await,
        );
        let third = fetch_budget.acquire_direct_read(2, RESPONSE);
        assert!(timeout(Duration::from_secs(60), third).await.is_err());
        drop(first);
        fetch_budget.acquire_direct_read(2, RESPONSE).await;
    }

    #[tokio::test(start_paused = true)]
    async fn direct_reads_without_room_leave_their_place_to_others() {
        let (tracker, fetch_budget) = fetch_budget(16 << 20, 16);
        for (partition, offset) in
            (0..2).flat_map(|partition| (0..100).map(move |n| (partition, n)))
        {
            let position = Position { partition, offset };
            tracker.open(position, 1, None).unwrap();
        }
        let _full = [0, 1].map(|partition| {
            let fetch_budget = fetch_budget.clone();
            tokio::spawn(async move { fetch_budget.acquire_direct_read(partition, RESPONSE).await })
        });
        tokio::task::yield_now().await;
        let third = fetch_budget.acquire_direct_read(2, RESPONSE);
        assert!(timeout(Duration::from_secs(60), third).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn bound_of_repetitions_is_told_while_it_stops_reading() {
        let bounds = BufferLimits {
            repeated: 10,
            ..BufferLimits::new(1_000_000, 100)
        };
        let (tracker, conditions) = (Arc::new(OffsetTracker::new(bounds)), Arc::default());
        let fetch_budget = FetchBudget::new(
            Arc::clone(&tracker),
            Arc::clone(&conditions),
            bounds,
            RESPONSE,
        );
        let position = |offset| Position {
            partition: 0,
            offset,
        };
        for offset in 0..10 {
            tracker.open(position(offset), 1, None).unwrap();
            if offset > 3 {
                tracker
                    .settle(position(offset), Outcome::Delivered)
                    .unwrap();
            }
        }
        let settles = async {
            tokio::time::sleep(Duration::from_secs(60)).await;
            let told = conditions.all();
            assert!(told[0].reason.contains("offset 0 "), "{}", told[0].reason);
            tracker.settle(position(0), Outcome::Delivered).unwrap();
        };
        // A wait that is given up tells of nothing any more.
        let minute = Duration::from_secs(60);
        assert!(
            timeout(minute, fetch_budget.acquire(0, RESPONSE))
                .await
                .is_err()
        );
        assert!(conditions.all().is_empty());
        tokio::join!(fetch_budget.acquire(0, RESPONSE), settles);
        assert!(conditions.all().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn full_buffer_holds_back_every_partition_until_one_settles() {
        let (tracker, fetch_budget) = fetch_budget(24, 16);
        let position = Position {
            partition: 0,
            offset: 0,
        };
        tracker.open(position, 24, None).unwrap();
        assert!(
            timeout(Duration::from_secs(60), fetch_budget.acquire(1, RESPONSE))
                .await
                .is_err()
        );
        tracker.settle(position, Outcome::Delivered).unwrap();
        fetch_budget.acquire(1, RESPONSE).await;
    }

    #[tokio::test(start_paused = true)]
    async fn settling_wakes_partitions_that_wait_for_room() {
        // Room in the buffer, and room in the offsets of a partition.
        for (buffer, bytes, offsets, partition) in [(24, 24, 1, 1), (1_000, 1, 100, 0)] {
            let (tracker, fetch_budget) = fetch_budget(buffer, 16);
            let position = |offset| Position {
                partition: 0,
                offset,
            };
            for offset in 0..offsets {
                tracker.open(position(offset), bytes, None).unwrap();
            }
            let settles = async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                tracker.settle(position(0), Outcome::Delivered).unwrap();
            };
            let waits = timeout(
                Duration::from_secs(60),
                fetch_budget.acquire(partition, RESPONSE),
            );
            let (woken, ()) = tokio::join!(waits, settles);
            assert!(woken.is_ok(), "{buffer}");
        }
    }
}
