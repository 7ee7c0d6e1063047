//! Log ends, and the offsets that consumers stored.

use std::time::{SystemTime, UNIX_EPOCH};

use fluvio_protocol::link::ErrorCode;
use fluvio_protocol::record::Offset;
use fluvio_spu_schema::server::consumer_offset::{
    ConsumerOffset, DeleteConsumerOffsetRequest, DeleteConsumerOffsetResponse,
    FetchConsumerOffsetsRequest, FetchConsumerOffsetsResponse, UpdateConsumerOffsetRequest,
    UpdateConsumerOffsetResponse,
};
use fluvio_spu_schema::server::fetch_offset::{
    FetchOffsetPartitionResponse, FetchOffsetTopicResponse, FetchOffsetsRequest,
    FetchOffsetsResponse,
};

use super::sessions::Sessions;
use crate::mock_cluster::faults::CommitFault;
use crate::mock_cluster::state::{ConsumerKey, Shared, State, StoredOffset};

/// Log start and high watermark of partitions.
pub(crate) fn log_ends(
    shared: &Shared,
    spu: i32,
    request: &FetchOffsetsRequest,
) -> FetchOffsetsResponse {
    let state = shared.state();
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            let partition_index = partition.partition_index;
            match state.led_by(spu, &topic.name, partition_index) {
                Some(replica) => {
                    let (start_offset, last_stable_offset) = replica.told_range();
                    let error_code = ErrorCode::None;
                    FetchOffsetPartitionResponse {
                        error_code,
                        partition_index,
                        start_offset,
                        last_stable_offset,
                    }
                }
                None => FetchOffsetPartitionResponse {
                    error_code: ErrorCode::PartitionNotLeader,
                    partition_index,
                    ..FetchOffsetPartitionResponse::default()
                },
            }
        });
        FetchOffsetTopicResponse {
            name: topic.name.clone(),
            partitions: partitions.collect(),
        }
    });
    FetchOffsetsResponse {
        topics: topics.collect(),
    }
}

/// Stores the offset of a session's consumer, on whatever SPU the session is; `None` when the
/// answer is to get lost.
pub(crate) fn commit(
    shared: &Shared,
    sessions: &Sessions,
    request: &UpdateConsumerOffsetRequest,
) -> Option<UpdateConsumerOffsetResponse> {
    let refused = |error_code| {
        Some(UpdateConsumerOffsetResponse {
            offset: 0,
            error_code,
        })
    };
    let Some(session) = sessions.get(&request.session_id) else {
        return refused(ErrorCode::FetchSessionNotFoud);
    };
    let Some(consumer) = &session.consumer else {
        return refused(ErrorCode::Other("stream without consumer id".to_owned()));
    };
    let mut state = shared.state();
    match state.offsets_leader() {
        None => return refused(ErrorCode::TopicNotFound),
        // Another SPU passes the offset on over the network, and that one is down.
        Some(leader) if !state.is_online(leader) => {
            return refused(ErrorCode::Other(
                "Connection refused (os error 111)".to_owned(),
            ));
        }
        Some(_) => {}
    }
    if state.faults.commit == CommitFault::Refused {
        return refused(ErrorCode::Other(
            "the offset could not be stored".to_owned(),
        ));
    }
    if state.faults.commit != CommitFault::Forgotten {
        let key = (consumer.clone(), session.topic.clone(), session.partition);
        store(&mut state, key, request.offset);
    }
    let answer = UpdateConsumerOffsetResponse {
        offset: request.offset,
        error_code: ErrorCode::None,
    };
    (state.faults.commit != CommitFault::AnswerLost).then_some(answer)
}

/// Writes a consumer's offset.
pub(crate) fn store(state: &mut State, key: ConsumerKey, offset: Offset) {
    let modified = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    state.offsets.insert(key, StoredOffset { offset, modified });
}

/// The stored offsets; only the leader of their partition answers.
pub(crate) fn stored(
    shared: &Shared,
    spu: i32,
    request: &FetchConsumerOffsetsRequest,
) -> FetchConsumerOffsetsResponse {
    let state = shared.state();
    if state.offsets_leader() != Some(spu) {
        return FetchConsumerOffsetsResponse {
            error_code: ErrorCode::PartitionNotLeader,
            consumers: Vec::new(),
        };
    }
    let wanted = |(consumer, topic, partition): &ConsumerKey| {
        let Some(filter) = &request.filter_opts else {
            return true;
        };
        filter.consumer_id.as_ref().is_none_or(|id| id == consumer)
            && filter
                .replica_id
                .as_ref()
                .is_none_or(|key| key.topic == *topic && key.partition == *partition)
    };
    let found = state.offsets.iter().filter(|(key, _)| wanted(key));
    let consumers = found.map(|((consumer, topic, partition), stored)| {
        ConsumerOffset::new(
            consumer.clone(),
            (topic.clone(), *partition),
            stored.offset,
            stored.modified,
        )
    });
    FetchConsumerOffsetsResponse {
        error_code: ErrorCode::None,
        consumers: consumers.collect(),
    }
}

/// Forgets a stored offset; only the leader of their partition does.
pub(crate) fn delete(
    shared: &Shared,
    spu: i32,
    request: &DeleteConsumerOffsetRequest,
) -> DeleteConsumerOffsetResponse {
    let mut state = shared.state();
    if state.offsets_leader() != Some(spu) {
        return DeleteConsumerOffsetResponse {
            error_code: ErrorCode::PartitionNotLeader,
        };
    }
    let replica = &request.replica_id;
    state.offsets.remove(&(
        request.consumer_id.clone(),
        replica.topic.clone(),
        replica.partition,
    ));
    DeleteConsumerOffsetResponse {
        error_code: ErrorCode::None,
    }
}
