//! Partition streams: what is read, when it is sent, and what becomes of it in SmartModules.

use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use fluvio::Isolation;
use fluvio_protocol::api::{RequestHeader, RequestMessage};
use fluvio_protocol::link::ErrorCode;
use fluvio_protocol::record::{Batch, Offset, RawRecords};
use fluvio_protocol::{Decoder, Encoder, Version};
use fluvio_socket::{ExclusiveFlvSink, SocketError};
use fluvio_spu_schema::fetch::{
    FetchPartition, FetchRequest, FetchResponse, FetchablePartitionResponse,
    FetchableTopicResponse, FileFetchRequest,
};
use fluvio_spu_schema::server::smartmodule::SmartModuleInvocation;
use fluvio_spu_schema::server::stream_fetch::{
    FileStreamFetchRequest, StreamFetchRequest, StreamFetchResponse,
};
use tokio::sync::watch;

use super::sessions::{Session, Sessions};
use crate::mock_cluster::lock::lock;
use crate::mock_cluster::replica::Replica;
use crate::mock_cluster::smartmodules::chains::Chain;
use crate::mock_cluster::smartmodules::{self, Processed};
use crate::mock_cluster::state::Shared;

/// A piece of a log as it goes over the wire: its length, then its bytes, the last batch possibly
/// cut.
#[derive(Debug, Default)]
struct LogSlice(Bytes);

impl Encoder for LogSlice {
    fn write_size(&self, _: Version) -> usize {
        size_of::<i32>() + self.0.len()
    }

    fn encode<T: BufMut>(&self, dest: &mut T, version: Version) -> std::io::Result<()> {
        let length = i32::try_from(self.0.len()).map_err(std::io::Error::other)?;
        length.encode(dest, version)?;
        dest.put_slice(&self.0);
        Ok(())
    }
}

impl Decoder for LogSlice {
    fn decode<T: Buf>(&mut self, src: &mut T, version: Version) -> std::io::Result<()> {
        let mut length = 0_i32;
        length.decode(src, version)?;
        let length = usize::try_from(length).map_err(std::io::Error::other)?;
        if src.remaining() < length {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        self.0 = src.copy_to_bytes(length);
        Ok(())
    }
}

type PartitionResponse = FetchablePartitionResponse<LogSlice>;

/// Why a stream ended. The connection goes on in any case.
enum StreamEnd {
    /// The consumer is told.
    Refused(ErrorCode),
    /// The connection is gone.
    Closed,
}

impl From<SocketError> for StreamEnd {
    fn from(_: SocketError) -> StreamEnd {
        StreamEnd::Closed
    }
}

impl From<ErrorCode> for StreamEnd {
    fn from(code: ErrorCode) -> StreamEnd {
        StreamEnd::Refused(code)
    }
}

/// One partition stream of one consumer.
pub(crate) struct PartitionStream {
    shared: Arc<Shared>,
    replica: Arc<Replica>,
    header: RequestHeader,
    sink: ExclusiveFlvSink,
    id: u32,
    start: Offset,
    max_bytes: usize,
    invocations: Vec<SmartModuleInvocation>,
    isolation: Isolation,
    credit: watch::Receiver<Option<Offset>>,
}

/// Opens a stream, or answers that this SPU does not lead the partition.
pub(crate) async fn open(
    shared: &Arc<Shared>,
    spu: i32,
    header: RequestHeader,
    request: FileStreamFetchRequest,
    mut sink: ExclusiveFlvSink,
    sessions: &mut Sessions,
) -> Result<Option<PartitionStream>, SocketError> {
    let replica = shared
        .state()
        .led_by(spu, &request.topic, request.partition);
    let Some(replica) = replica else {
        let partition = PartitionResponse {
            partition_index: request.partition,
            error_code: ErrorCode::NotLeaderForPartition,
            ..PartitionResponse::default()
        };
        let response = StreamFetchResponse {
            topic: request.topic,
            stream_id: 0,
            partition,
        };
        send(&mut sink, &header, response).await?;
        return Ok(None);
    };
    let id = u32::try_from(sessions.len()).unwrap_or(u32::MAX - 1) + 1;
    let (credit, given) = watch::channel(None);
    let (topic, partition, consumer) = (request.topic, request.partition, request.consumer_id);
    sessions.insert(
        id,
        Session {
            topic,
            partition,
            consumer,
            credit,
        },
    );
    Ok(Some(PartitionStream {
        shared: Arc::clone(shared),
        replica,
        header,
        sink,
        id,
        start: request.fetch_offset,
        max_bytes: usize::try_from(request.max_bytes).unwrap_or_default(),
        invocations: request.smartmodules,
        isolation: request.isolation,
        credit: given,
    }))
}

impl PartitionStream {
    /// Sends until the connection closes or the stream fails.
    pub(crate) async fn run(mut self) {
        if let Err(StreamEnd::Refused(error_code)) = self.follow().await {
            let partition_index = self.replica.partition;
            let partition = PartitionResponse {
                partition_index,
                error_code,
                ..PartitionResponse::default()
            };
            // The connection may have closed meanwhile; then nobody waits for the reason.
            let _ = self.respond(partition).await;
        }
    }

    async fn follow(&mut self) -> Result<(), StreamEnd> {
        let invocations = std::mem::take(&mut self.invocations);
        let version = self.header.api_version();
        let mut chain =
            smartmodules::build(&self.shared, &self.replica, invocations, version).await?;
        // Where the last read ended; and how far the consumer is, unknown while something sent has
        // not been acknowledged.
        let (mut read, waits) = self.send_from(self.start, &mut chain).await?;
        let mut consumer = (!waits).then_some(read);
        let mut end = self.replica.watch_readable(self.isolation);
        let mut deleted = self.replica.watch_deletion();
        // What was written since the read must not be missed.
        end.mark_changed();
        loop {
            let from = tokio::select! {
                changed = self.credit.changed() => {
                    if changed.is_err() {
                        return Err(StreamEnd::Closed);
                    }
                    match *self.credit.borrow_and_update() {
                        Some(offset) if offset >= read => { consumer = Some(offset); continue }
                        Some(offset) => offset,
                        None => continue,
                    }
                }
                _ = deleted.wait_for(|deleted| *deleted) => return Err(ErrorCode::TopicDeleted.into()),
                changed = end.changed() => {
                    if changed.is_err() {
                        return Err(StreamEnd::Closed);
                    }
                    let end = *end.borrow_and_update();
                    match consumer {
                        Some(offset) if end > offset => offset,
                        _ => { read = end; continue }
                    }
                }
            };
            let waits;
            (read, waits) = self.send_from(from, &mut chain).await?;
            consumer = (!waits).then_some(read);
        }
    }

    /// Sends what lies at `offset` and after; gives where the next read begins and whether the
    /// consumer has to acknowledge first.
    async fn send_from(
        &mut self,
        offset: Offset,
        chain: &mut Option<Chain>,
    ) -> Result<(Offset, bool), StreamEnd> {
        let delay = self.shared.state().faults.fetch_delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let (start, high_watermark) = self.replica.told_range();
        let (end, slice) = {
            let log = lock(&self.replica.log);
            let end = match self.isolation {
                Isolation::ReadCommitted => high_watermark,
                Isolation::ReadUncommitted => log.end(),
            };
            if !log.readable(offset)? || offset >= end {
                return Ok((offset, false));
            }
            let slice = if chain.is_none() {
                log.slice(offset, end, self.max_bytes)
            } else {
                Bytes::new()
            };
            (end, slice)
        };
        let mut response = PartitionResponse {
            partition_index: self.replica.partition,
            high_watermark,
            log_start_offset: start,
            ..PartitionResponse::default()
        };
        if chain.is_none() {
            if slice.is_empty() {
                return Ok((offset, false));
            }
            response.records = LogSlice(slice);
            self.respond(response).await?;
            return Ok((end, true));
        }
        let (batch, error) = self.transform(offset, end, chain).await?;
        let failed = error.is_some();
        let empty = batch.records().is_empty();
        if empty && !failed {
            // Nothing is said about what was read, and it is not read again: a hole if the output
            // was too large.
            return Ok((end, false));
        }
        if let Some(error) = error {
            response.error_code = ErrorCode::SmartModuleRuntimeError(Box::new(error));
        }
        response.next_filter_offset = if empty {
            end
        } else {
            batch.get_last_offset() + 1
        };
        response.records = encoded(batch).map_err(|_| ErrorCode::CompressionError)?;
        self.respond(response).await?;
        Ok((end, true))
    }

    /// Runs the batches from the one that holds `offset` to `end` through the chain, on a thread of
    /// its own: it may take seconds.
    async fn transform(
        &self,
        offset: Offset,
        end: Offset,
        chain: &mut Option<Chain>,
    ) -> Result<Processed, StreamEnd> {
        let Some(mut taken) = chain.take() else {
            return Ok((Batch::default(), None));
        };
        let (replica, max_bytes) = (Arc::clone(&self.replica), self.max_bytes);
        let processed = tokio::task::spawn_blocking(move || {
            let mut next = offset;
            let batches = std::iter::from_fn(|| {
                let batch = lock(&replica.log)
                    .batch_at(next)
                    .filter(|batch| batch.base < end)
                    .cloned()?;
                next = batch.last + 1;
                Some(batch.to_batch())
            });
            let processed = smartmodules::process(&mut taken, batches, max_bytes);
            (taken, processed)
        });
        let (taken, processed) = processed
            .await
            .map_err(|error| ErrorCode::Other(format!("SmartModule err {error}")))?;
        *chain = Some(taken);
        Ok(processed.map_err(|error| ErrorCode::Other(format!("SmartModule err {error}")))?)
    }

    async fn respond(&mut self, partition: PartitionResponse) -> Result<(), SocketError> {
        let response = StreamFetchResponse {
            topic: self.replica.topic.clone(),
            stream_id: self.id,
            partition,
        };
        send(&mut self.sink, &self.header, response).await
    }
}

/// One part of each log that is asked for, at once and without a stream (`handle_fetch_request` in
/// fluvio-spu/src/services/public/fetch_handler.rs).
pub(crate) async fn part(
    shared: &Shared,
    spu: i32,
    request: RequestMessage<FileFetchRequest>,
    sink: &mut ExclusiveFlvSink,
) -> Result<(), SocketError> {
    let (header, request) = request.get_header_request();
    let limit = usize::try_from(request.max_bytes).unwrap_or_default();
    let read = |topic: &str, asked: &FetchPartition| -> Result<PartitionResponse, ErrorCode> {
        let replica = shared.state().led_by(spu, topic, asked.partition_index);
        let replica = replica.ok_or(ErrorCode::NotLeaderForPartition)?;
        let (log_start_offset, high_watermark) = replica.told_range();
        let log = lock(&replica.log);
        let end = match request.isolation_level {
            Isolation::ReadCommitted => high_watermark,
            Isolation::ReadUncommitted => log.end(),
        };
        let mut response = PartitionResponse {
            high_watermark,
            log_start_offset,
            ..PartitionResponse::default()
        };
        if log.readable(asked.fetch_offset)? {
            response.records = LogSlice(log.slice(asked.fetch_offset, end, limit));
        }
        Ok(response)
    };
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.fetch_partitions.iter().map(|asked| {
            let refused = |error_code| PartitionResponse {
                error_code,
                ..PartitionResponse::default()
            };
            PartitionResponse {
                partition_index: asked.partition_index,
                ..read(&topic.name, asked).unwrap_or_else(refused)
            }
        });
        FetchableTopicResponse {
            name: topic.name.clone(),
            partitions: partitions.collect(),
            ..FetchableTopicResponse::default()
        }
    });
    let response = FetchResponse {
        topics: topics.collect(),
        ..FetchResponse::default()
    };
    let message = RequestMessage::<FetchRequest<LogSlice>>::response_with_header(&header, response);
    sink.send_response(&message, header.api_version()).await
}

/// A batch on its way to a consumer: compressed as its input was.
fn encoded(batch: Batch) -> Result<LogSlice, Box<dyn std::error::Error + Send + Sync>> {
    let batch = Batch::<RawRecords>::try_from(batch)?;
    let mut bytes = BytesMut::with_capacity(batch.write_size(0));
    batch.encode(&mut bytes, 0)?;
    Ok(LogSlice(bytes.freeze()))
}

async fn send(
    sink: &mut ExclusiveFlvSink,
    header: &RequestHeader,
    response: StreamFetchResponse<LogSlice>,
) -> Result<(), SocketError> {
    let message =
        RequestMessage::<StreamFetchRequest<LogSlice>>::response_with_header(header, response);
    sink.send_response(&message, header.api_version()).await
}
