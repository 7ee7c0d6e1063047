//! A made-up day of a loyalty programme: raw Capillary events for demos and end-to-end tests.
//!
//! The documented samples are the templates. Each event gets its own identity, customer and time,
//! so that every one can be found again at the other end. Every so often there is one that nobody
//! asked for, or one that is broken.

use std::path::{Path, PathBuf};

use fastrand::Rng;
use serde_json::{Value, json};

/// The 14 kinds of Adobe's list: what is mapped by default.
pub const CORE_KINDS: [&str; 14] = [
    "customerAdded",
    "customerUpdated",
    "transactionAdded",
    "transactionUpdated",
    "pointsIssued",
    "pointsRedeemed",
    "pointsExpired",
    "pointsExpiryReminder",
    "pointsExpiryChange",
    "tierUpgraded",
    "tierRenewed",
    "tierDowngraded",
    "tierDowngradeReminder",
    "promotionEarned",
];

/// Kinds that exist but are not delivered by default.
const UNWANTED_KINDS: [&str; 3] = ["streakStart", "targetValueAchieved", "promotionCreated"];

/// The first customer id of the made-up programme.
const FIRST_CUSTOMER: u64 = 700_100_200;

/// What must become of a produced record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Delivered as an event with this `_id`, and as a profile statement if the kind makes one.
    Delivered {
        /// The event's `_id`: its `eventId`.
        id: String,
    },
    /// Left in the broker.
    Skipped,
    /// Written to the dead-letter topic.
    DeadLettered,
}

/// One record to produce.
#[derive(Debug, Clone)]
pub struct RawEvent {
    /// The customer: produce with it as the key, so that one customer stays in one partition.
    pub key: String,
    /// The record's value, as the team's gateway would write it.
    pub value: Vec<u8>,
    /// What must become of it.
    pub expected: Expected,
}

/// How often something other than a wanted, whole event comes.
#[derive(Debug, Clone, Copy)]
pub struct Mix {
    /// One in so many is of a kind nobody asked for; 0 is never.
    pub unwanted_every: u64,
    /// One in so many is broken; 0 is never.
    pub broken_every: u64,
}

impl Default for Mix {
    fn default() -> Self {
        Self {
            unwanted_every: 12,
            broken_every: 40,
        }
    }
}

/// An endless, reproducible stream of raw events.
#[derive(Debug)]
pub struct Workload {
    templates: Vec<Value>,
    unwanted: Vec<Value>,
    rng: Rng,
    customers: u64,
    mix: Mix,
    now_ms: i64,
    produced: u64,
}

impl Workload {
    /// A stream for so many customers. The same seed and time give the same events.
    ///
    /// # Errors
    /// When a sample of the repository cannot be read.
    pub fn new(seed: u64, customers: u64, mix: Mix, now_ms: i64) -> Result<Self, WorkloadError> {
        let load = |kinds: &[&str]| {
            kinds
                .iter()
                .map(|kind| sample(kind))
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            templates: load(&CORE_KINDS)?,
            unwanted: load(&UNWANTED_KINDS)?,
            rng: Rng::with_seed(seed),
            customers: customers.max(1),
            mix,
            now_ms,
            produced: 0,
        })
    }

    fn is_turn(&self, every: u64) -> bool {
        every != 0 && self.produced % every == every - 1
    }

    /// The next event.
    pub fn next_event(&mut self) -> RawEvent {
        let customer = FIRST_CUSTOMER + self.rng.u64(0..self.customers);
        let broken = self.is_turn(self.mix.broken_every);
        let unwanted = !broken && self.is_turn(self.mix.unwanted_every);
        let pool = if unwanted {
            &self.unwanted
        } else {
            &self.templates
        };
        let turn = usize::try_from(self.produced).unwrap_or_default();
        let mut event = pool[turn % pool.len()].clone();
        let id = uuid(&mut self.rng);
        // A minute in the past, moving on by a millisecond an event: never in the future, always in
        // order.
        let created_at = self.now_ms - 60_000 + i64::try_from(self.produced).unwrap_or_default();
        event["eventId"] = json!(id);
        event["createdAt"] = json!(created_at);
        set_customer(&mut event, customer);
        let value = if broken {
            breakage(&mut self.rng, event)
        } else {
            event.to_string().into_bytes()
        };
        self.produced += 1;
        let expected = match (broken, unwanted) {
            (true, _) => Expected::DeadLettered,
            (_, true) => Expected::Skipped,
            _ => Expected::Delivered { id },
        };
        RawEvent {
            key: customer.to_string(),
            value,
            expected,
        }
    }
}

/// A sample could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the sample {path}: {reason}")]
pub struct WorkloadError {
    path: PathBuf,
    reason: String,
}

/// The documented sample of an event kind.
///
/// # Errors
/// When the repository has no such sample.
pub fn sample(kind: &str) -> Result<Value, WorkloadError> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/capillary")
        .join(format!("{kind}.json"));
    let failed = |reason: String| WorkloadError {
        path: path.clone(),
        reason,
    };
    let text = std::fs::read(&path).map_err(|error| failed(error.to_string()))?;
    serde_json::from_slice(&text).map_err(|error| failed(error.to_string()))
}

/// Puts another customer into an event, wherever it names one.
pub fn set_customer(event: &mut Value, customer: u64) {
    if let Some(identifiers) = event
        .pointer_mut("/data/customerIdentifiers")
        .and_then(Value::as_object_mut)
    {
        identifiers.insert("customerId".to_owned(), json!(customer));
        if let Some(instore) = identifiers
            .get_mut("instore")
            .and_then(Value::as_object_mut)
        {
            if instore.contains_key("email") {
                instore.insert(
                    "email".to_owned(),
                    json!(format!("c{customer}@example.com")),
                );
            }
            if instore.contains_key("mobile") {
                instore.insert(
                    "mobile".to_owned(),
                    json!(format!("1202{}", customer % 10_000_000)),
                );
            }
            if instore.contains_key("externalId") {
                instore.insert("externalId".to_owned(), json!(format!("HP-{customer}")));
            }
        }
    }
    if let Some(entity) = event
        .pointer_mut("/data/entityInformation")
        .and_then(Value::as_object_mut)
    {
        entity.insert("entityId".to_owned(), json!(customer));
    }
}

/// One of the ways in which events are broken in practice.
fn breakage(rng: &mut Rng, mut event: Value) -> Vec<u8> {
    match rng.u8(0..4) {
        0 => {
            let mut text = event.to_string();
            text.truncate(text.len() / 2);
            text.into_bytes()
        }
        1 => b"not json at all".to_vec(),
        2 => vec![0xff, 0xfe, 0x00, 0x80],
        _ => {
            event["createdAt"] = json!(123_456_789_012_i64);
            event.to_string().into_bytes()
        }
    }
}

/// A UUID's text from the seeded generator.
fn uuid(rng: &mut Rng) -> String {
    let hex = format!("{:032x}", rng.u128(..));
    format!(
        "{}-{}-4{}-a{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[13..16],
        &hex[17..20],
        &hex[20..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_gives_the_same_events() {
        let mut one = Workload::new(7, 10, Mix::default(), 1_790_000_000_000).unwrap();
        let mut two = Workload::new(7, 10, Mix::default(), 1_790_000_000_000).unwrap();
        for _ in 0..100 {
            assert_eq!(one.next_event().value, two.next_event().value);
        }
    }

    #[test]
    fn workload_has_every_core_kind_and_expectation() {
        let mut workload = Workload::new(1, 10, Mix::default(), 1_790_000_000_000).unwrap();
        let events: Vec<_> = (0..200).map(|_| workload.next_event()).collect();
        for kind in CORE_KINDS {
            let name = format!("\"eventName\":\"{kind}\"");
            assert!(
                events
                    .iter()
                    .any(|event| String::from_utf8_lossy(&event.value).contains(&name)),
                "{kind} is missing"
            );
        }
        assert!(
            events
                .iter()
                .any(|event| event.expected == Expected::Skipped)
        );
        assert!(
            events
                .iter()
                .any(|event| event.expected == Expected::DeadLettered)
        );
    }
}
