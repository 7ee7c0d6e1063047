//! Who may ask the broker for more: bounds what is in memory over all partitions together.

use std::num::NonZeroU32;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::ledger::{Bounds, Ledger};

/// A response stands in memory as the frame that was received, as the records cut from it, and for a moment in between:
/// responses on their way may take no more than this part of the buffer.
const SHARE: u64 = 4;
/// So many partitions may read their log directly at once: a response is as large as the largest batch, 32 MiB.
const DIRECT_READS: usize = 2;

/// Hands out turns. A turn stands for one response that is asked for but not yet in the ledger, so that partitions
/// with a backlog cannot all pass the ledger's bound at the same moment.
#[derive(Debug, Clone)]
pub(super) struct Flow {
    ledger: Arc<Ledger>,
    turns: Arc<Semaphore>,
    direct: Arc<Semaphore>,
}

/// Given back when dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Flow {
    /// As many turns as responses of full size fit into their share of the buffer; at least one.
    pub(super) fn new(ledger: Arc<Ledger>, bounds: Bounds, max_bytes: NonZeroU32) -> Self {
        let fit = bounds.bytes / SHARE / u64::from(max_bytes.get());
        let turns = usize::try_from(fit)
            .unwrap_or(usize::MAX)
            .clamp(1, Semaphore::MAX_PERMITS);
        Self {
            ledger,
            turns: Arc::new(Semaphore::new(turns)),
            direct: Arc::new(Semaphore::new(DIRECT_READS)),
        }
    }

    /// Waits until one more partition may read its log directly. To be taken before a turn, never while holding one:
    /// who reads directly takes turns.
    pub(super) async fn direct(&self) -> Turn {
        Turn {
            // The semaphore is never closed.
            _permit: Arc::clone(&self.direct).acquire_owned().await.ok(),
        }
    }

    /// Waits until this partition may ask for a response.
    pub(super) async fn turn(&self, partition: u32) -> Turn {
        loop {
            // First room, then the turn: a partition that is full must not keep the others waiting.
            self.ledger.room(partition).await;
            // The semaphore is never closed.
            let turn = Turn {
                _permit: Arc::clone(&self.turns).acquire_owned().await.ok(),
            };
            if self.ledger.has_room(partition) {
                return turn;
            }
        }
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use crate::outcome::Outcome;
    use crate::position::Position;

    use super::*;

    fn flow(bytes: u64, max_bytes: u32) -> (Arc<Ledger>, Flow) {
        let bounds = Bounds { bytes, offsets: 100 };
        let ledger = Arc::new(Ledger::new(bounds));
        let flow = Flow::new(Arc::clone(&ledger), bounds, NonZeroU32::new(max_bytes).unwrap());
        (ledger, flow)
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_backlog_waits_until_the_first_response_is_in_the_ledger() {
        let (_ledger, flow) = flow(24, 16);
        let first = flow.turn(0).await;
        assert!(timeout(Duration::from_secs(60), flow.turn(1)).await.is_err());
        drop(first);
        flow.turn(1).await;
    }

    #[tokio::test(start_paused = true)]
    async fn direct_reads_of_many_partitions_wait_for_each_other() {
        let (_ledger, flow) = flow(24, 16);
        let (first, _second) = (flow.direct().await, flow.direct().await);
        assert!(timeout(Duration::from_secs(60), flow.direct()).await.is_err());
        drop(first);
        flow.direct().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_buffer_holds_back_every_partition_until_something_settles() {
        let (ledger, flow) = flow(24, 16);
        let position = Position {
            partition: 0,
            offset: 0,
        };
        ledger.open(position, 24).unwrap();
        assert!(timeout(Duration::from_secs(60), flow.turn(1)).await.is_err());
        ledger.settle(position, Outcome::Delivered).unwrap();
        flow.turn(1).await;
    }
}
