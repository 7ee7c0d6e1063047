//! A topic that is read with permits as the consumer reads it, and delivered.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::inlet::{MARK, ScriptedInlet};
use crate::broker::ReadingBudget;
use crate::clock::Clock;
use crate::config::{BufferLimits, Platform};
use crate::delivery::tests::settings::platform;
use crate::delivery::tests::world::{FakeDeadLetters, FakeTokens, NOW};
use crate::delivery::{Delivery, DeliveryError, Parts};
use crate::offset_tracker::{OffsetTracker, Outcome, Position, SourceItem, revocations};
use crate::telemetry::Conditions;

/// The records of a response of the broker.
const RESPONSE: usize = 256;
/// What keeping account of a record takes, as the consumer counts it.
const TRACKING: u64 = 1_000;

/// What the topic holds.
#[derive(Clone, Copy)]
pub(super) struct Topic {
    pub(super) partitions: u32,
    /// Records of each partition.
    pub(super) records: i64,
    /// How many of them come in a second; `None`: all are there.
    pub(super) rate: Option<f64>,
    /// Every how many records one is of the first customer.
    pub(super) first_customer: i64,
    /// The offset in partition 0 whose record is marked; it is of the first customer.
    pub(super) marked: Option<i64>,
}

impl Topic {
    pub(super) fn of(records: i64) -> Self {
        Self {
            partitions: 1,
            records,
            rate: None,
            first_customer: 500,
            marked: Some(50),
        }
    }

    fn answer(&self, partition: u32, offset: i64) -> Bytes {
        let is_marked = partition == 0 && self.marked == Some(offset);
        let customer = if is_marked || offset % self.first_customer == 0 {
            0
        } else {
            offset
        };
        let mark = if is_marked { MARK } else { "" };
        let (id, at) = (format!("{mark}{partition}-{offset}"), NOW - 1000);
        Bytes::from(format!(
            r#"{{"v":1,"offset":{offset},"name":"pointsIssued","id":"{id}","key":"c{customer}","at":{at},"event":{{"_id":"{id}"}}}}"#
        ))
    }
}

/// Reading and delivery of a topic, under way.
pub(super) struct Running {
    pub(super) tracker: Arc<OffsetTracker>,
    pub(super) conditions: Arc<Conditions>,
    pub(super) dead_letters: Arc<FakeDeadLetters>,
    delivery: JoinHandle<Result<(), DeliveryError>>,
    /// Keeps the stream open when its records are all read.
    _items: mpsc::Sender<SourceItem>,
}

/// Reads a topic and delivers it, with these bounds.
pub(super) fn start(topic: Topic, inlet: Arc<ScriptedInlet>, buffer: BufferLimits) -> Running {
    let config = Platform {
        buffer,
        profiles: None,
        ..platform()
    };
    let tracker = Arc::new(OffsetTracker::new(buffer));
    let (conditions, dead_letters) = (Arc::new(Conditions::default()), Arc::default());
    let budget = ReadingBudget::new(
        Arc::clone(&tracker),
        Arc::clone(&conditions),
        buffer,
        NonZeroU32::MAX,
    );
    let (items, receiver) = mpsc::channel(1024);
    for partition in 0..topic.partitions {
        tracker.begin(partition, None);
        let reading = read(
            topic,
            partition,
            Arc::clone(&tracker),
            budget.clone(),
            items.clone(),
        );
        tokio::spawn(reading);
    }
    let delivery = Delivery::new(
        &config,
        Parts {
            topic: "capillary-events".to_owned(),
            tracker: Arc::clone(&tracker),
            metrics: Arc::default(),
            conditions: Arc::clone(&conditions),
            recent: Arc::default(),
            clock: Clock::Fixed(Arc::new(NOW.into())),
            journal: None,
            transport: inlet,
            tokens: Arc::<FakeTokens>::default(),
            dead_letters: Arc::clone(&dead_letters),
            random: fastrand::Rng::with_seed(7),
            revocations: revocations().1,
        },
    )
    .unwrap();
    Running {
        tracker,
        conditions,
        dead_letters,
        delivery: tokio::spawn(delivery.run(receiver)),
        _items: items,
    }
}

async fn read(
    topic: Topic,
    partition: u32,
    tracker: Arc<OffsetTracker>,
    budget: ReadingBudget,
    items: mpsc::Sender<SourceItem>,
) {
    let (start, response) = (Instant::now(), budget.response_size(0));
    let mut next = 0;
    while next < topic.records {
        let permit = budget.acquire(partition, response).await;
        sleep(Duration::from_millis(2)).await;
        let produced = topic.rate.map_or(topic.records, |rate| {
            ((start.elapsed().as_secs_f64() * rate) as i64).min(topic.records)
        });
        for offset in (next..produced).take(RESPONSE) {
            let answer = topic.answer(partition, offset);
            let position = Position { partition, offset };
            let bytes = answer.len() as u64 + TRACKING;
            tracker.open(position, bytes, None).unwrap();
            let item = SourceItem::Record {
                position,
                timestamp: None,
                answer,
            };
            items.send(item).await.unwrap();
            next = offset + 1;
        }
        drop(permit);
        let pause = topic.rate.map_or(0.0, |rate| (1.0 / rate).min(60.0));
        sleep(Duration::from_secs_f64(pause.max(0.005))).await;
    }
}

impl Running {
    pub(super) fn delivered(&self) -> u64 {
        self.tracker.count(Outcome::Delivered)
    }

    pub(super) fn dead(&self) -> u64 {
        self.tracker.count(Outcome::DeadLettered)
    }

    /// What is told at this moment, with its place.
    pub(super) fn told(&self) -> Vec<String> {
        let all = self.conditions.all().into_iter();
        all.map(|told| format!("{}: {}", told.place, told.reason))
            .collect()
    }

    /// Waits until so many records have ended, and says after which time.
    pub(super) async fn until_ended(&self, records: u64, longest: Duration) -> Option<Duration> {
        let start = Instant::now();
        while start.elapsed() < longest {
            assert!(!self.delivery.is_finished(), "delivery goes on");
            if self.delivered() + self.dead() >= records {
                return Some(start.elapsed());
            }
            sleep((longest / 300).min(Duration::from_secs(5))).await;
        }
        None
    }
}
