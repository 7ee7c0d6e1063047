//! What the connector does with an answer it has read.

use bytes::Bytes;
use divan::{Bencher, black_box};

use super::records::answers;
use capillary_aep_sink::answer::Answer;
use capillary_aep_sink::config::BufferLimits;
use capillary_aep_sink::offset_tracker::{OffsetTracker, Outcome, Position};

/// Records of a batch.
const RECORDS: i64 = 500;

/// One answer of each of the 14 kinds.
#[divan::bench]
fn fourteen_answers_are_read(bencher: Bencher<'_, '_>) {
    let answers: Vec<Bytes> = answers().into_iter().map(Bytes::from).collect();
    bencher.bench_local(|| {
        let read = answers
            .iter()
            .filter(|answer| Answer::read(black_box(answer)).is_ok());
        assert_eq!(read.count(), answers.len());
    });
}

/// Opened in order and settled in order, as a batch is.
#[divan::bench]
fn five_hundred_offsets_are_opened_and_settled(bencher: Bencher<'_, '_>) {
    let tracker = OffsetTracker::new(BufferLimits::new(16 << 20, 100_000));
    let mut next = 0;
    bencher.bench_local(|| {
        let offsets = next..next + RECORDS;
        next = offsets.end;
        let at = |offset| Position {
            partition: 0,
            offset,
        };
        let opened = offsets
            .clone()
            .all(|offset| tracker.open(at(offset), 2_000, None).is_ok());
        let settled =
            { offsets }.all(|offset| tracker.settle(at(offset), Outcome::Delivered).is_ok());
        assert!(opened && settled);
    });
}
