//! Writing records.

use std::sync::Arc;

use fluvio::Isolation;
use fluvio_controlplane_metadata::topic::CompressionAlgorithm;
use fluvio_protocol::api::RequestKind;
use fluvio_protocol::link::ErrorCode;
use fluvio_protocol::record::{Batch, Offset, RawRecords, RecordSet};
use fluvio_spu_schema::produce::{
    DefaultPartitionRequest, DefaultProduceRequest, PartitionProduceResponse, ProduceResponse,
    TopicProduceResponse,
};
use fluvio_spu_schema::server::smartmodule::SmartModuleInvocation;

use crate::mock_cluster::log::Log;
use crate::mock_cluster::replica::Replica;
use crate::mock_cluster::smartmodules;
use crate::mock_cluster::state::Shared;

/// Version the SPU builds its own chains with (`COMMON_VERSION` of the SPU protocol).
const SPU_VERSION: i16 = 25;

/// Stores what a producer sent; `None` when the answer is to get lost.
pub(crate) async fn produce(
    shared: &Arc<Shared>,
    spu: i32,
    request: DefaultProduceRequest,
    version: i16,
) -> Option<ProduceResponse> {
    let mut response = ProduceResponse::default();
    let mut answered = true;
    let waits = request.isolation == Isolation::ReadCommitted;
    for topic in request.topics {
        let mut partitions = Vec::new();
        for partition in topic.partitions {
            let mut answer = PartitionProduceResponse {
                partition_index: partition.partition_index,
                ..Default::default()
            };
            match write(
                shared,
                spu,
                &topic.name,
                partition,
                &request.smartmodules,
                version,
            )
            .await
            {
                Ok(base_offset) => {
                    answer.base_offset = base_offset;
                    if waits && let Some(code) = unreplicated(shared, spu, &topic.name, &answer) {
                        answer.error_code = code;
                    }
                }
                Err(code) => answer.error_code = code,
            }
            partitions.push(answer);
        }
        answered &= !shared
            .state()
            .faults
            .unanswered_produce
            .contains(&topic.name);
        response.responses.push(TopicProduceResponse {
            name: topic.name,
            partitions,
        });
    }
    answered.then_some(response)
}

/// What is said of records that were stored and not replicated in time (`wait_for_acks` in
/// fluvio-spu's `produce_handler.rs`): the error takes the place of "none", and the offset stays in
/// the answer. The wait itself is left out.
fn unreplicated(
    shared: &Arc<Shared>,
    spu: i32,
    topic: &str,
    answer: &PartitionProduceResponse,
) -> Option<ErrorCode> {
    let replica = shared.state().led_by(spu, topic, answer.partition_index)?;
    (!replica.is_replicated()).then_some(ErrorCode::RequestTimedOut {
        kind: RequestKind::Produce,
        timeout_ms: 10_000,
    })
}

async fn write(
    shared: &Arc<Shared>,
    spu: i32,
    topic: &str,
    request: DefaultPartitionRequest,
    invocations: &[SmartModuleInvocation],
    version: i16,
) -> Result<Offset, ErrorCode> {
    let (replica, compression) = {
        let state = shared.state();
        if let Some(code) = state.faults.produce.get(topic) {
            return Err(code.clone());
        }
        let replica = state
            .led_by(spu, topic, request.partition_index)
            .ok_or(ErrorCode::NotLeaderForPartition)?;
        let spec = state.topics.get(topic).ok_or(ErrorCode::TopicNotFound)?;
        (replica, spec.get_compression_type().clone())
    };
    let mut records = request.records;
    if let Some(mut chain) =
        smartmodules::build(shared, &replica, invocations.to_vec(), version).await?
    {
        let batches = records.batches.into_iter().map(Ok);
        let processed =
            tokio::task::block_in_place(|| smartmodules::process(&mut chain, batches, usize::MAX));
        records = match processed {
            Ok((_, Some(error))) => {
                return Err(ErrorCode::SmartModuleRuntimeError(Box::new(error)));
            }
            Ok((output, None)) => one_batch(output)?,
            Err(error) => {
                return Err(ErrorCode::Other(format!(
                    "smartmodule chain failed: {error}"
                )));
            }
        };
    }
    if records.total_records() == 0 {
        return Ok(0);
    }
    if !records
        .batches
        .iter()
        .all(|batch| is_allowed(batch, &compression))
    {
        return Err(ErrorCode::CompressionError);
    }
    if replica.deduplication.is_some() {
        records = deduplicated(shared, &replica, records).await?;
        if records.total_records() == 0 {
            return Ok(replica.range().1);
        }
    }
    for batch in &records.batches {
        Log::accepts(batch)?;
    }
    replica
        .append(records.batches)
        .map_err(|_| ErrorCode::StorageError)
}

/// Runs the topic's deduplication filter. The batch keeps its length, so a dropped record leaves a
/// gap in the offsets for good.
async fn deduplicated(
    shared: &Arc<Shared>,
    replica: &Replica,
    records: RecordSet<RawRecords>,
) -> Result<RecordSet<RawRecords>, ErrorCode> {
    let mut filter = replica.filter.lock().await;
    if filter.is_none() {
        let invocations = replica
            .deduplication
            .iter()
            .map(smartmodules::deduplication)
            .collect();
        *filter = smartmodules::build(shared, replica, invocations, SPU_VERSION).await?;
    }
    let Some(chain) = filter.as_mut() else {
        return Ok(records);
    };
    let batches = records.batches.into_iter().map(Ok);
    match smartmodules::process(chain, batches, usize::MAX) {
        Ok((output, None)) => one_batch(output),
        Ok((_, Some(_))) => Err(ErrorCode::StorageError),
        Err(_) => {
            // Built anew for the next write.
            *filter = None;
            Err(ErrorCode::StorageError)
        }
    }
}

fn one_batch(output: Batch) -> Result<RecordSet<RawRecords>, ErrorCode> {
    if output.records().is_empty() {
        return Ok(RecordSet::default());
    }
    let batch = Batch::<RawRecords>::try_from(output);
    let batch = batch.map_err(|error| ErrorCode::Other(format!("Compression Error: {error:?}")))?;
    Ok(RecordSet {
        batches: vec![batch],
    })
}

fn is_allowed(batch: &Batch<RawRecords>, topic: &CompressionAlgorithm) -> bool {
    // The codec's number in the lower three bits of a batch's attributes.
    let codec = batch.get_header().attributes & 0x07;
    match topic {
        CompressionAlgorithm::Any => true,
        CompressionAlgorithm::None => codec == 0,
        CompressionAlgorithm::Gzip => codec == 1,
        CompressionAlgorithm::Snappy => codec == 2,
        CompressionAlgorithm::Lz4 => codec == 3,
        CompressionAlgorithm::Zstd => codec == 4,
    }
}
