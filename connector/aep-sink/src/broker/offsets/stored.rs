//! The stored offsets of this consumer, read from the partition that keeps them.

use std::collections::HashMap;
use std::sync::Arc;

use fluvio_protocol::link::ErrorCode;
use fluvio_spu_schema::server::consumer_offset::FetchConsumerOffsetsRequest;

use tokio::sync::Mutex;

use crate::broker::client::{ClusterMetadata, Connection};
use crate::broker::error::BrokerError;

/// Fluvio's own topic of stored offsets has one partition.
const OFFSET_TOPIC: &str = "consumer-offset";
const WHAT: &str = "reading the stored offsets";

/// Reads stored offsets.
pub(crate) struct StoredOffsets {
    metadata: Arc<ClusterMetadata>,
    topic: String,
    consumer: String,
    /// Kept between reads, dropped when one fails.
    connection: Mutex<Option<Connection>>,
}

impl StoredOffsets {
    pub(crate) fn new(metadata: Arc<ClusterMetadata>, topic: String, consumer: String) -> Self {
        Self {
            metadata,
            topic,
            consumer,
            connection: Mutex::new(None),
        }
    }

    /// By partition, the offset last processed. A partition that is not in the map has none; an
    /// error is never "none".
    pub(crate) async fn read(&self) -> Result<HashMap<u32, i64>, BrokerError> {
        let mut slot = self.connection.lock().await;
        let connection = match slot.take() {
            Some(connection) => connection,
            // Only the leader of that partition answers; other brokers refuse.
            None => self.metadata.connect_leader(OFFSET_TOPIC, 0).await?,
        };
        let request = FetchConsumerOffsetsRequest::with_opts(None, Some(self.consumer.clone()));
        let response = connection.call(WHAT, request).await?;
        if response.error_code != ErrorCode::None {
            return Err(connection.refused(WHAT, response.error_code));
        }
        *slot = Some(connection);
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
