//! What must become of each record.

use capillary_xdm::{Input, Mapper, Params};

use super::record::{Answer, Place, Produced, Reject};

/// A record and what must become of it.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) place: Place,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// Nothing.
    Skipped,
    /// A dead letter for this reason.
    Rejected { reason: String },
    /// An event, in the order of its ordering key. `at` is its time.
    Event {
        id: String,
        ordering_key: String,
        at: i64,
    },
}

pub(super) fn expected_of(params: Params, topic: &[Produced]) -> Vec<Expected> {
    let mut mapper = Mapper::new(params);
    let mut answer = Vec::new();
    let expected = |record: &Produced| {
        answer.clear();
        let input = Input {
            offset: record.offset,
            timestamp: record.timestamp,
            value: &record.value,
        };
        mapper.answer(input, &mut answer);
        let kind = match serde_json::from_slice::<Answer<'_>>(&answer) {
            Ok(answer) if answer.skip.is_some() => Kind::Skipped,
            Ok(Answer {
                id: Some(id),
                key,
                at,
                event: Some(_),
                ..
            }) => Kind::Event {
                id,
                ordering_key: key.unwrap_or_default(),
                at: at.unwrap_or_default(),
            },
            Ok(Answer {
                reject: Some(Reject { reason }),
                ..
            }) => Kind::Rejected { reason },
            // `judge` tells of an answer that is none.
            _ => Kind::Rejected {
                reason: String::new(),
            },
        };
        let place = record.place();
        Expected { place, kind }
    };
    topic.iter().map(expected).collect()
}
