//! The order in which partitions open their streams at a start.
//!
//! The broker compiles the SmartModule for each stream, and those of all its partitions at once on
//! the same processors. At a start, partitions without a backlog let those with one go first: else
//! the first records would wait until the streams that have nothing to read are compiled as well. A
//! record that comes to one of those meanwhile waits with it.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// Others are not waited for any longer: the leader of one may be away, or its compiler slow.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// Counts the partitions that go first, or may have to.
#[derive(Debug, Clone, Default)]
pub(crate) struct StartupOrder(watch::Sender<usize>);

/// A partition that goes first, until this is dropped.
#[derive(Debug)]
pub(crate) struct StartupSlot(watch::Sender<usize>);

impl StartupOrder {
    /// A partition begins. Before its log was looked at, it may have a backlog.
    pub(crate) fn enter(&self) -> StartupSlot {
        self.0.send_modify(|count| *count += 1);
        StartupSlot(self.0.clone())
    }

    /// Waits until no partition holds a slot any more, but not for long.
    pub(crate) async fn wait_for_backlogs(&self) {
        let mut count = self.0.subscribe();
        // Whether they are all served or late: now it may go.
        let _ = timeout(MAX_WAIT, count.wait_for(|count| *count == 0)).await;
    }
}

impl Drop for StartupSlot {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn partition_without_backlog_waits_for_the_others_but_not_long() {
        let (startup_order, start) = (StartupOrder::default(), Instant::now());
        startup_order.wait_for_backlogs().await;
        assert_eq!(start.elapsed(), Duration::ZERO);

        let (first, second) = (startup_order.enter(), startup_order.enter());
        let served = async {
            sleep(Duration::from_millis(300)).await;
            drop(first);
            sleep(Duration::from_millis(300)).await;
            drop(second);
        };
        tokio::join!(
            startup_order.wait_for_backlogs(),
            startup_order.wait_for_backlogs(),
            served
        );
        assert_eq!(start.elapsed(), Duration::from_millis(600));

        let _late = startup_order.enter();
        startup_order.wait_for_backlogs().await;
        assert_eq!(start.elapsed(), Duration::from_millis(600) + MAX_WAIT);
    }
}
