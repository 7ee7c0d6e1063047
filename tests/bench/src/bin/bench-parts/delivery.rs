//! The order of delivery.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use divan::{Bencher, black_box};
use tokio::time::Instant;

use super::records::answers;
use capillary_aep_sink::answer::{Answer, Mapped};
use capillary_aep_sink::delivery::coalesce::Coalescer;
use capillary_aep_sink::delivery::entity::json_fields::fields;
use capillary_aep_sink::delivery::entity::{Entity, Record, Subject};
use capillary_aep_sink::delivery::key_queues::{Capacity, KeyQueues, RequestShape};
use capillary_aep_sink::offset_tracker::Position;

/// A batch, as configured by default.
const BATCH: Capacity = Capacity {
    records: 500,
    bytes: 900_000,
};

/// What was mapped of one record of each kind.
fn mapped() -> Vec<Mapped> {
    let read = |answer: Vec<u8>| match Answer::read(&Bytes::from(answer)) {
        Ok(Answer::Mapped(mapped)) => mapped,
        other => panic!("a documented sample is mapped, not {other:?}"),
    };
    answers().into_iter().map(read).collect()
}

fn entity(mapped: &Mapped, offset: i64, json: Bytes) -> Entity {
    let record = Arc::new(Record::new(
        Position {
            partition: 0,
            offset,
        },
        None,
        mapped.clone(),
    ));
    let ordering_key = record.ordering_key();
    let len = json.len();
    Entity::new(record, json, ordering_key, len)
}

/// The profile statements of the 14 kinds.
fn statements() -> Vec<(Mapped, Bytes)> {
    let stated = |mapped: Mapped| mapped.profile.clone().map(|profile| (mapped, profile));
    mapped().into_iter().filter_map(stated).collect()
}

#[divan::bench]
fn statements_are_taken_apart(bencher: Bencher<'_, '_>) {
    let statements = statements();
    bencher.bench_local(|| {
        let fields = statements
            .iter()
            .filter_map(|(_, json)| fields(black_box(json)));
        fields.map(|fields| fields.len()).sum::<usize>()
    });
}

/// One request: whose profile it is, what is left to say, and what is remembered when it is
/// accepted.
#[divan::bench(args = [1, 3])]
fn statements_become_one_request(bencher: Bencher<'_, '_>, count: usize) {
    let statements = statements();
    let (of, profile) = &statements[0];
    let mut coalescer = Coalescer::default();
    let mut offset = 0;
    bencher.bench_local(|| {
        let next = || {
            offset += 1;
            let mut entity = entity(of, offset, profile.clone());
            entity.subject = Subject::read(&entity.record, &entity.json);
            entity
        };
        let mut entities: Vec<Entity> = std::iter::repeat_with(next).take(count).collect();
        let payload = coalescer.coalesce(&mut entities);
        coalescer.accepted(&entities);
        payload
    });
}

/// 500 records of 14 customers become a batch, and it is accepted.
#[divan::bench]
fn a_batch_is_filled_and_ends(bencher: Bencher<'_, '_>) {
    let mapped = mapped();
    let now = Instant::now();
    let records = || {
        let each = mapped.iter().cycle().enumerate().take(BATCH.records);
        let each = each.map(|(offset, mapped)| {
            let mut mapped = mapped.clone();
            mapped.key = mapped.id.clone();
            entity(
                &mapped,
                offset as i64,
                mapped.event.clone().unwrap_or_default(),
            )
        });
        each.collect::<Vec<_>>()
    };
    bencher.with_inputs(records).bench_local_values(|entities| {
        let mut queues = KeyQueues::new(RequestShape::Batch, Duration::ZERO);
        for entity in entities {
            queues.push(entity, now, 0);
        }
        assert!(queues.due(BATCH, Duration::ZERO).is_some());
        let batch = queues.take_batch(BATCH, now, 0);
        for entity in &batch {
            queues.release(entity.ordering_key, now, 0);
        }
        batch
    });
}
