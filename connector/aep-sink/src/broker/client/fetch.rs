//! Reading a partition, as a stream or one part at a time: the one place where requests for it are
//! made.

use fluvio::Isolation;
use fluvio_protocol::link::ErrorCode;
use fluvio_protocol::record::{Batch, RawRecords, RecordSet};
use fluvio_spu_schema::fetch::{FetchPartition, FetchRequest, FetchableTopic};
use fluvio_spu_schema::server::stream_fetch::DefaultStreamFetchRequest;

use super::connection::{Connection, Responses};
use super::smartmodule;
use crate::broker::error::BrokerError;
use crate::config::Transform;

/// What is asked of the leader of a partition.
pub(crate) struct Fetch<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: u32,
    /// The first offset wanted.
    pub(crate) offset: i64,
    /// The most bytes of a response.
    pub(crate) max_bytes: i32,
    pub(crate) isolation: Isolation,
    /// The SmartModule the records go through.
    pub(crate) transform: Option<&'a Transform>,
    /// The consumer that may store offsets through the stream.
    pub(crate) consumer: Option<&'a str>,
}

/// The answer to a request for one part of the log.
pub(crate) enum LogPart {
    /// The batches; the last one may be cut.
    Batches(Vec<Batch<RawRecords>>),
    Refused(ErrorCode),
}

impl<'a> Fetch<'a> {
    /// Replicated records as they were produced.
    pub(crate) fn unmapped(topic: &'a str, partition: u32, offset: i64, max_bytes: i32) -> Self {
        Self {
            topic,
            partition,
            offset,
            max_bytes,
            isolation: Isolation::ReadCommitted,
            transform: None,
            consumer: None,
        }
    }

    /// Opens the stream. `what` is for messages.
    pub(crate) async fn open(
        self,
        connection: &Connection,
        what: &'static str,
    ) -> Result<Responses, BrokerError> {
        let smartmodules: Vec<_> = self
            .transform
            .map(smartmodule::invocation)
            .into_iter()
            .collect();
        let request = DefaultStreamFetchRequest::builder()
            .topic(self.topic.to_owned())
            .partition(self.partition)
            .fetch_offset(self.offset)
            .isolation(self.isolation)
            .max_bytes(self.max_bytes)
            .smartmodules(smartmodules)
            .consumer_id(self.consumer.map(str::to_owned))
            .build()
            .map_err(|error| connection.unusable(what, error.to_string()))?;
        connection.stream(request).await
    }

    /// Asks for one part of the log, without a stream: nothing is left behind at the broker.
    /// Without a SmartModule and a consumer.
    pub(crate) async fn once(
        self,
        connection: &Connection,
        what: &'static str,
    ) -> Result<LogPart, BrokerError> {
        let request: FetchRequest<RecordSet<RawRecords>> = FetchRequest {
            max_bytes: self.max_bytes,
            isolation_level: self.isolation,
            topics: vec![FetchableTopic {
                name: self.topic.to_owned(),
                fetch_partitions: vec![FetchPartition {
                    partition_index: self.partition,
                    fetch_offset: self.offset,
                    max_bytes: self.max_bytes,
                    ..FetchPartition::default()
                }],
            }],
            ..FetchRequest::default()
        };
        let response = connection.call_for(what, request, self.max_bytes).await?;
        let found = response
            .find_partition(self.topic, self.partition)
            .ok_or_else(|| connection.unusable(what, "the partition is not in it".to_owned()))?;
        Ok(match found.error_code {
            ErrorCode::None => LogPart::Batches(found.records.batches),
            code => LogPart::Refused(code),
        })
    }
}
