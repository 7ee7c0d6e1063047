//! The stored offsets of this consumer, read from the partition that keeps them.

use std::collections::HashMap;
use std::sync::Arc;

use fluvio_protocol::link::ErrorCode;
use fluvio_spu_schema::server::consumer_offset::FetchConsumerOffsetsRequest;

use crate::broker::client::{ClusterMetadata, Purpose};
use crate::broker::error::BrokerError;

/// Fluvio's own topic of stored offsets has one partition.
const OFFSET_TOPIC: &str = "consumer-offset";
const WHAT: &str = "reading the stored offsets";

/// Reads stored offsets.
pub(crate) struct StoredOffsets {
    metadata: Arc<ClusterMetadata>,
    topic: String,
    consumer: String,
}

impl StoredOffsets {
    pub(crate) fn new(metadata: Arc<ClusterMetadata>, topic: String, consumer: String) -> Self {
        Self {
            metadata,
            topic,
            consumer,
        }
    }

    /// By partition, the offset last processed. A partition that is not in the map has none; an
    /// error is never "none".
    pub(crate) async fn read(&self) -> Result<HashMap<u32, i64>, BrokerError> {
        // Only the leader of that partition answers; other brokers refuse.
        let connection = self
            .metadata
            .connect_leader_for(Purpose::Offsets, OFFSET_TOPIC, 0)
            .await?;
        let request = FetchConsumerOffsetsRequest::with_opts(None, Some(self.consumer.clone()));
        let response = connection.call(WHAT, request).await?;
        if response.error_code != ErrorCode::None {
            return Err(connection.refused(WHAT, response.error_code));
        }
        // A broker before version 24 ignores the filter, so it is applied here as well.
        let mine = response
            .consumers
            .into_iter()
            .filter(|stored| {
                stored.consumer_id == self.consumer && stored.replica_id.topic == self.topic
            })
            .map(|stored| (stored.replica_id.partition, stored.offset));
        Ok(mine.collect())
    }
}
