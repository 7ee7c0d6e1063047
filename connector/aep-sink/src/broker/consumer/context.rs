//! What the tasks of one consumer share.

use std::sync::Arc;
use std::time::Duration;

use fluvio::Isolation;
use tokio::sync::watch;

use super::startup_order::StartupOrder;
use super::status::PartitionStatuses;
use super::stream::FetchBudget;
use crate::broker::client::{ClusterMetadata, Connection};
use crate::broker::error::BrokerError;
use crate::broker::offsets::HeldUntil;
use crate::broker::partition_log::{BOUNDS, LogBounds, fetch_bounds};
use crate::config::{OffsetRange, OnEvicted, Partitions, Start, Transform};
use crate::offset_tracker::{OffsetTracker, Revoker};
use crate::telemetry::Conditions;

/// What all partitions of a reader share.
pub(crate) struct ConsumerContext {
    pub(crate) metadata: Arc<ClusterMetadata>,
    pub(crate) topic: String,
    pub(crate) consumer: String,
    pub(crate) partitions: Partitions,
    pub(crate) start: Start,
    pub(crate) transform: Transform,
    pub(crate) on_evicted: OnEvicted,
    /// What may be passed over where it cannot be decoded.
    pub(crate) skip_offsets: Vec<OffsetRange>,
    /// What of the log is read.
    pub(crate) isolation: Isolation,
    pub(crate) tracker: Arc<OffsetTracker>,
    pub(crate) fetch_budget: FetchBudget,
    pub(crate) startup_order: StartupOrder,
    /// How long a process that says nothing keeps its partitions.
    pub(crate) lease: Duration,
    /// Until when nobody else can have claimed them.
    pub(crate) held: HeldUntil,
    /// What delivery is asked with to give up a partition.
    pub(crate) revoker: Revoker,
    pub(crate) statuses: Arc<PartitionStatuses>,
    pub(crate) conditions: Arc<Conditions>,
}

impl ConsumerContext {
    /// The name of a partition in Fluvio.
    pub(crate) fn replica(&self, partition: u32) -> String {
        format!("{}-{partition}", self.topic)
    }

    /// The bounds of a partition's log now, also noted in its status.
    pub(crate) async fn look(
        &self,
        connection: &Connection,
        partition: u32,
    ) -> Result<LogBounds, BrokerError> {
        let log = self.log(connection, partition).await?;
        self.statuses.change(partition, |status| {
            status.log_start = Some(log.start);
            status.high_watermark = Some(log.end);
        });
        Ok(log)
    }

    /// The bounds of a partition's log now.
    pub(crate) async fn log(
        &self,
        connection: &Connection,
        partition: u32,
    ) -> Result<LogBounds, BrokerError> {
        fetch_bounds(connection, BOUNDS, &self.topic, partition).await
    }
}

/// Waits until it is time to stop. An error means that the sender is gone, which is as good as
/// a stop.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // The value is dropped here: it holds a lock.
    let _ = stop.wait_for(|stop| *stop).await;
}
