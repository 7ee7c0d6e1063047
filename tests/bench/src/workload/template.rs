//! A sample event with gaps for what differs from record to record, so that making one costs less
//! than sending it.

use std::io::Write as _;

use serde_json::json;

use conformance::workload::{WorkloadError, sample, set_customer};

/// What stands in the gaps while a sample is cut up. No sample holds any of these texts.
const CUSTOMER: u64 = 7_777_777_777;
const MOBILE: &str = "12027777777";
const CREATED_AT: i64 = 1_111_111_111_111;
const EVENT_ID: &str = "the-id-of-the-event";

/// What fills a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gap {
    Customer,
    Mobile,
    CreatedAt,
    EventId,
}

/// An event kind's sample, cut up.
#[derive(Debug)]
pub(crate) struct Template {
    pieces: Vec<(String, Option<Gap>)>,
}

/// What differs from record to record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filling {
    pub(crate) customer: u64,
    /// Milliseconds since the epoch.
    pub(crate) created_at: i64,
    pub(crate) id: u128,
}

impl Template {
    pub(crate) fn of(kind: &str) -> Result<Self, WorkloadError> {
        let mut event = sample(kind)?;
        event["eventId"] = json!(EVENT_ID);
        event["createdAt"] = json!(CREATED_AT);
        set_customer(&mut event, CUSTOMER);
        Ok(Self::cut(&event.to_string()))
    }

    fn cut(mut text: &str) -> Self {
        let gaps = [
            (CUSTOMER.to_string(), Gap::Customer),
            (MOBILE.to_owned(), Gap::Mobile),
            (CREATED_AT.to_string(), Gap::CreatedAt),
            (EVENT_ID.to_owned(), Gap::EventId),
        ];
        let mut pieces = Vec::new();
        loop {
            let next = gaps
                .iter()
                .filter_map(|(mark, gap)| Some((text.find(mark.as_str())?, mark.len(), *gap)))
                .min_by_key(|(at, ..)| *at);
            let Some((at, length, gap)) = next else { break };
            pieces.push((text[..at].to_owned(), Some(gap)));
            text = &text[at + length..];
        }
        pieces.push((text.to_owned(), None));
        Self { pieces }
    }

    /// Writes an event.
    pub(crate) fn fill(&self, filling: Filling) -> Vec<u8> {
        let mut text =
            Vec::with_capacity(self.pieces.iter().map(|(piece, _)| piece.len() + 40).sum());
        for (piece, gap) in &self.pieces {
            text.extend_from_slice(piece.as_bytes());
            // Writing to memory does not fail.
            let _ = match gap {
                None => Ok(()),
                Some(Gap::Customer) => write!(text, "{}", filling.customer),
                Some(Gap::Mobile) => write!(text, "1202{:07}", filling.customer % 10_000_000),
                Some(Gap::CreatedAt) => write!(text, "{}", filling.created_at),
                Some(Gap::EventId) => write!(text, "{:032x}", filling.id),
            };
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use conformance::workload::CORE_KINDS;

    #[test]
    fn kinds_all_say_who_when_and_which() {
        for kind in CORE_KINDS {
            let filling = Filling {
                customer: 700_000_042,
                created_at: 1_790_000_000_123,
                id: 7,
            };
            let event: Value =
                serde_json::from_slice(&Template::of(kind).unwrap().fill(filling)).unwrap();
            assert_eq!(event["eventName"], kind);
            assert_eq!(event["createdAt"], 1_790_000_000_123_i64, "{kind}");
            assert_eq!(
                event["eventId"], "00000000000000000000000000000007",
                "{kind}"
            );
            assert!(event["data"].to_string().contains("700000042"), "{kind}");
        }
    }
}
