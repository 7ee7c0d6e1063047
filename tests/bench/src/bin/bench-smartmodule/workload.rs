//! The records every module gets.

use conformance::workload::{Mix, Workload};
use fluvio_protocol::record::Record;

use crate::engine::{BASE_TIMESTAMP, Failure};

/// An endless stream of the 14 kinds of Adobe's list in turn, each with another customer and time.
pub(crate) struct Records {
    workload: Workload,
}

impl Records {
    pub(crate) fn new() -> Result<Self, Failure> {
        let mix = Mix {
            unwanted_every: 0,
            broken_every: 0,
        };
        Ok(Self {
            workload: Workload::new(7, 100_000, mix, BASE_TIMESTAMP)?,
        })
    }

    /// The next batch, as it lies in the log.
    pub(crate) fn batch(&mut self, count: usize) -> Vec<Record> {
        let record = |delta| {
            let mut record = Record::new(name_first(self.workload.next_event().value));
            record.preamble.set_offset_delta(delta);
            record
        };
        (0..count as i64).map(record).collect()
    }
}

/// The event with its name in front, where Capillary writes it and the workload's generator does
/// not.
fn name_first(event: Vec<u8>) -> Vec<u8> {
    const KEY: &[u8] = b"\"eventName\":\"";
    let found = event.windows(KEY.len()).position(|window| window == KEY);
    let Some(start) = found.filter(|start| *start > 1) else {
        return event;
    };
    let value = start + KEY.len();
    let end = event[value..]
        .iter()
        .position(|byte| *byte == b'"')
        .map_or(event.len(), |at| value + at + 1);
    // With the comma before it.
    let mut moved = vec![b'{'];
    moved.extend_from_slice(&event[start..end]);
    moved.push(b',');
    moved.extend_from_slice(&event[1..start - 1]);
    moved.extend_from_slice(&event[end..]);
    moved
}
