//! One partition stream, seen response by response.

use std::time::Duration;

use fluvio::{Compression, Isolation};
use fluvio_protocol::link::ErrorCode;
use fluvio_protocol::record::{Batch, RawRecords};
use fluvio_socket::{AsyncResponse, StreamSocket, VersionedSerialSocket};
use fluvio_spu_schema::server::consumer_offset::UpdateConsumerOffsetRequest;
use fluvio_spu_schema::server::smartmodule::SmartModuleInvocation;
use fluvio_spu_schema::server::stream_fetch::{
    DefaultStreamFetchRequest, DefaultStreamFetchResponse,
};
use fluvio_spu_schema::server::update_offset::{OffsetUpdate, UpdateOffsetsRequest};
use futures_util::StreamExt;

use super::error::{ClusterError, failed};

/// A record as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadRecord {
    /// Its partition.
    pub partition: u32,
    /// Base offset of its batch plus its own delta.
    pub offset: i64,
    /// Its key, if any.
    pub key: Option<Vec<u8>>,
    /// Its value.
    pub value: Vec<u8>,
}

/// What a stream is opened with.
#[derive(Clone, Debug)]
pub struct StreamRequest {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// First offset wanted; whole batches are sent, so earlier records may come along.
    pub start: i64,
    /// Limit of one response.
    pub max_bytes: i32,
    /// SmartModules the SPU runs.
    pub smartmodules: Vec<SmartModuleInvocation>,
    /// Whose offsets are committed on this stream.
    pub consumer: Option<String>,
}

impl StreamRequest {
    /// From the beginning, with the client's own limit of 1 MiB, without SmartModule or consumer.
    #[must_use]
    pub fn new(topic: impl Into<String>, partition: u32) -> StreamRequest {
        StreamRequest {
            topic: topic.into(),
            partition,
            start: 0,
            max_bytes: 1_048_576,
            smartmodules: Vec::new(),
            consumer: None,
        }
    }
}

/// A batch of a response.
#[derive(Clone, Debug)]
pub struct ReadBatch {
    /// Offset of the batch.
    pub base: i64,
    /// Offset of its last record, as its header says.
    pub last: i64,
    /// How it was compressed on its way.
    pub compression: Compression,
    /// Whether all its bytes came: the SPU cuts what it sends at the limit, and the client crates
    /// decode a cut batch without complaint, with fewer records than its header says and the whole
    /// batch counted as read.
    pub whole: bool,
    /// Timestamp of the batch; -1 when it has none.
    pub timestamp: i64,
    /// Delta, key and value of each record; none of a batch that was cut.
    pub records: Vec<(i64, Option<Vec<u8>>, Vec<u8>)>,
}

/// One response of a partition stream.
#[derive(Clone, Debug)]
pub struct Response {
    /// Its partition.
    pub partition: u32,
    /// What went wrong, or [`ErrorCode::None`].
    pub error: ErrorCode,
    /// End of what may be read.
    pub high_watermark: i64,
    /// Oldest offset retention has left.
    pub log_start: i64,
    /// What the client crates acknowledge after this response.
    pub next_offset: Option<i64>,
    /// The batches.
    pub batches: Vec<ReadBatch>,
}

impl Response {
    /// The records, with offsets from base and delta.
    #[must_use]
    pub fn into_records(self) -> Vec<ReadRecord> {
        let partition = self.partition;
        let batches = self.batches.into_iter();
        let records = batches.flat_map(|batch| {
            let base = batch.base;
            let records = batch.records.into_iter();
            records.map(move |(delta, key, value)| ReadRecord {
                partition,
                offset: base + delta,
                key,
                value,
            })
        });
        records.collect()
    }

    /// The values as text, for comparisons.
    #[must_use]
    pub fn values(&self) -> Vec<String> {
        let records = self.batches.iter().flat_map(|batch| &batch.records);
        records
            .map(|(_, _, value)| String::from_utf8_lossy(value).into_owned())
            .collect()
    }
}

/// An open partition stream on its own connection.
pub struct PartitionStream {
    serial: VersionedSerialSocket,
    responses: AsyncResponse<DefaultStreamFetchRequest>,
    partition: u32,
    session: u32,
    // Closes the connection when dropped.
    _socket: StreamSocket,
}

impl PartitionStream {
    pub(super) async fn open(
        mut socket: StreamSocket,
        request: StreamRequest,
    ) -> Result<PartitionStream, ClusterError> {
        let what = format!(
            "opening a stream of {}-{}",
            request.topic, request.partition
        );
        let serial = socket.create_serial_socket().await;
        let version = serial
            .versions()
            .lookup_version::<DefaultStreamFetchRequest>();
        let version =
            version.ok_or_else(|| failed(&what)("the SPU announces no version of StreamFetch"))?;
        let partition = request.partition;
        let request = DefaultStreamFetchRequest::builder()
            .topic(request.topic)
            .partition(partition)
            .fetch_offset(request.start)
            .isolation(Isolation::ReadCommitted)
            .max_bytes(request.max_bytes)
            .smartmodules(request.smartmodules)
            .consumer_id(request.consumer)
            .build()
            .map_err(failed(&what))?;
        let responses = socket
            .create_stream_with_version(request, version)
            .await
            .map_err(failed(&what))?;
        Ok(PartitionStream {
            serial,
            responses,
            partition,
            session: 0,
            _socket: socket,
        })
    }

    /// The next response; `None` when nothing comes for `patience` or the stream ended.
    ///
    /// # Errors
    /// When the connection breaks or a batch cannot be decompressed.
    pub async fn next(&mut self, patience: Duration) -> Result<Option<Response>, ClusterError> {
        let Ok(Some(response)) = tokio::time::timeout(patience, self.responses.next()).await else {
            return Ok(None);
        };
        let response: DefaultStreamFetchResponse =
            response.map_err(failed("reading a partition stream"))?;
        self.session = response.stream_id;
        let partition = response.partition;
        let next_offset = partition.next_offset_for_fetch();
        let batches = partition
            .records
            .batches
            .into_iter()
            .map(read_batch)
            .collect::<Result<_, _>>()?;
        Ok(Some(Response {
            partition: self.partition,
            error: partition.error_code,
            high_watermark: partition.high_watermark,
            log_start: partition.log_start_offset,
            next_offset,
            batches,
        }))
    }

    /// Tells the SPU how far was read: it sends no more before.
    ///
    /// # Errors
    /// When the connection breaks or the SPU does not know the stream.
    pub async fn acknowledge(&self, offset: i64) -> Result<(), ClusterError> {
        let request = UpdateOffsetsRequest {
            offsets: vec![OffsetUpdate {
                offset,
                session_id: self.session,
            }],
        };
        let response = self
            .serial
            .send_receive(request)
            .await
            .map_err(failed("acknowledging"))?;
        match response
            .status
            .into_iter()
            .find(|status| status.error != ErrorCode::None)
        {
            Some(status) => Err(failed("acknowledging")(status.error)),
            None => Ok(()),
        }
    }

    /// Commits an offset for the stream's consumer and gives the SPU's answer.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn commit(&self, offset: i64) -> Result<ErrorCode, ClusterError> {
        let request = UpdateConsumerOffsetRequest {
            session_id: self.session,
            offset,
        };
        let response = self
            .serial
            .send_receive(request)
            .await
            .map_err(failed("committing"))?;
        Ok(response.error_code)
    }
}

fn read_batch(raw: Batch<RawRecords>) -> Result<ReadBatch, ClusterError> {
    let compression = raw.get_compression().map_err(failed("decoding a batch"))?;
    let whole = raw.validate_decoding();
    let records = if whole {
        raw.memory_records().map_err(failed("decoding a batch"))?
    } else {
        Vec::new()
    };
    let records = records.into_iter().map(|record| {
        let key = record.key.map(|key| key.to_vec());
        (record.preamble.offset_delta(), key, record.value.to_vec())
    });
    Ok(ReadBatch {
        base: raw.get_base_offset(),
        last: raw.get_last_offset(),
        compression,
        whole,
        timestamp: raw.get_base_timestamp(),
        records: records.collect(),
    })
}
