//! The world around delivery: a platform that does what a test says, and a tracker that shows what
//! was settled.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use hyper::header::HeaderValue;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use super::settings::platform;
use crate::aep::{HttpResponse, Request, Transport, TransportError};
use crate::clock::Clock;
use crate::config::Platform;
use crate::dead_letter::{DeadLetterBatch, DeadLetterError, DeadLetters, RecentDeadLetters};
use crate::delivery::{Delivery, DeliveryError, NoToken, Parts, Tokens};
use crate::inlet_name::InletName;
use crate::offset_tracker::OffsetTracker;
use crate::offset_tracker::Outcome;
use crate::offset_tracker::Position;
use crate::offset_tracker::SourceItem;
use crate::offset_tracker::{Revoker, revocations};
use crate::telemetry::{Conditions, Metrics};

/// The wall clock of every test, unless it moves it.
pub(super) const NOW: i64 = 1_760_000_000_000;

/// One request as the platform saw it.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// From 0, over both inlets.
    pub(super) number: usize,
    pub(super) profiles: bool,
    /// `_id` of events, `id` of profiles.
    pub(super) ids: Vec<String>,
    pub(super) token: String,
    pub(super) at: Duration,
    pub(super) bytes: usize,
    pub(super) body: Value,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) url: String,
}

/// What the platform does with it.
pub(super) struct Reply {
    pub(super) after: Duration,
    pub(super) answer: Result<HttpResponse, TransportError>,
}

type Rule = Box<dyn Fn(&Call) -> Reply + Send + Sync>;

pub(super) struct FakePlatform {
    start: Instant,
    rule: Rule,
    pub(super) calls: Mutex<Vec<Call>>,
    /// What was acknowledged, in the order of the acknowledgements.
    pub(super) accepted: Mutex<Vec<String>>,
}

pub(super) fn reply(status: u16, body: impl Into<Bytes>) -> Reply {
    Reply {
        after: Duration::from_millis(20),
        answer: Ok(HttpResponse {
            status,
            retry_after: None,
            request_id: Some("rq-1".to_owned()),
            body: body.into(),
        }),
    }
}

pub(super) fn busy(status: u16, retry_after: &str) -> Reply {
    let answer = HttpResponse {
        status,
        retry_after: Some(retry_after.to_owned()),
        request_id: None,
        body: Bytes::new(),
    };
    Reply {
        after: Duration::from_millis(20),
        answer: Ok(answer),
    }
}

pub(super) fn broken() -> Reply {
    Reply {
        after: Duration::from_millis(20),
        answer: Err(TransportError::Broken("reset".to_owned())),
    }
}

pub(super) fn problem(status: u16, message: &str) -> Reply {
    reply(
        status,
        json!({"status": status, "report": {"message": message}}).to_string(),
    )
}

/// Accepts everything.
pub(super) fn ok(call: &Call) -> Reply {
    items(call, |_| None)
}

/// Answers each record with a status and a message, or accepts it.
pub(super) fn items(call: &Call, verdict: impl Fn(&str) -> Option<(u16, &'static str)>) -> Reply {
    if call.profiles {
        return match verdict(&call.ids[0]) {
            None => reply(
                200,
                json!({"inletId": "ab", "xactionId": "1:2:3"}).to_string(),
            ),
            Some((status, message)) => problem(status, message),
        };
    }
    let responses: Vec<Value> = call
        .ids
        .iter()
        .map(|id| match verdict(id) {
            None => json!({"xactionId": format!("1:2:3:{}", id.len())}),
            Some((status, message)) => json!({"statusCode": status, "message": message}),
        })
        .collect();
    reply(207, json!({"responses": responses}).to_string())
}

impl Transport for FakePlatform {
    async fn post(
        &self,
        request: &Request,
        authorization: HeaderValue,
    ) -> Result<HttpResponse, TransportError> {
        let call = self.call(request, &authorization);
        let Reply { after, answer } = (self.rule)(&call);
        sleep(after).await;
        let answer = answer?;
        if (200..300).contains(&answer.status) {
            let statuses: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            for (index, id) in call.ids.iter().enumerate() {
                let item = statuses
                    .pointer(&format!("/responses/{index}"))
                    .unwrap_or(&statuses);
                if item.get("xactionId").is_some() && item.get("status").is_none() {
                    self.accepted.lock().unwrap().push(id.clone());
                }
            }
        }
        Ok(answer)
    }
}

impl FakePlatform {
    fn call(&self, request: &Request, authorization: &HeaderValue) -> Call {
        let body: Value =
            serde_json::from_slice(&request.body.write()).expect("every request is JSON");
        let id = |message: &Value| {
            let entity = message
                .pointer("/body/xdmEntity")
                .or(message.pointer("/body"))
                .unwrap_or(message);
            entity
                .get("_id")
                .or(entity.get("id"))
                .and_then(Value::as_str)
                // Of a merged statement, only what is newest is left.
                .unwrap_or("merged")
                .to_owned()
        };
        let ids = match body.get("messages") {
            Some(messages) => messages.as_array().unwrap().iter().map(id).collect(),
            None => vec![id(&body)],
        };
        let mut calls = self.calls.lock().unwrap();
        let call = Call {
            number: calls.len(),
            profiles: request.head.uri.path().contains("profile"),
            ids,
            token: authorization.to_str().unwrap().to_owned(),
            at: self.start.elapsed(),
            bytes: request.body.write().len(),
            body,
            headers: request
                .head
                .headers
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
                .collect(),
            url: request.head.uri.to_string(),
        };
        calls.push(call.clone());
        call
    }
}

/// Hands out `t1`, and the next number after each refusal.
#[derive(Default)]
pub(super) struct FakeTokens {
    refused: AtomicU32,
    /// While this is above zero, there is no token.
    pub(super) failures: AtomicU32,
    /// While this is set, somebody has to change the credential.
    pub(super) revoked: AtomicBool,
    /// While this is set, a refused token is handed out again: its replacement has to wait.
    pub(super) waits: AtomicBool,
    /// The inlets that said they accept tokens again.
    pub(super) accepted: Mutex<Vec<InletName>>,
    /// The clock of their issuer.
    pub(super) server_time: Mutex<Option<i64>>,
}

impl FakeTokens {
    fn current(&self) -> HeaderValue {
        let number = self.refused.load(Ordering::Relaxed) + 1;
        HeaderValue::from_str(&format!("Bearer t{number}")).unwrap()
    }
}

impl Tokens for FakeTokens {
    type Token = HeaderValue;

    async fn token(&self, _inlet: InletName) -> Result<HeaderValue, NoToken> {
        if self.revoked.load(Ordering::Relaxed) {
            return Err(NoToken {
                message: "Adobe IMS refuses the client secret: check secrets.IMS_CLIENT_SECRET"
                    .to_owned(),
                heals: false,
            });
        }
        if self.failures.load(Ordering::Relaxed) > 0 {
            self.failures.fetch_sub(1, Ordering::Relaxed);
            return Err(NoToken {
                message: "IMS does not answer".to_owned(),
                heals: true,
            });
        }
        Ok(self.current())
    }

    fn refuse(&self, _inlet: InletName, token: &HeaderValue) {
        if *token == self.current() && !self.waits.load(Ordering::Relaxed) {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn accept(&self, inlet: InletName, _token: &HeaderValue) {
        self.accepted.lock().unwrap().push(inlet);
    }

    fn bearer<'a>(&self, token: &'a HeaderValue) -> &'a HeaderValue {
        token
    }

    fn server_time(&self, _now: Instant) -> Option<i64> {
        *self.server_time.lock().unwrap()
    }
}

#[derive(Default)]
pub(super) struct FakeDeadLetters {
    pub(super) written: Mutex<Vec<(String, Value)>>,
    /// Errors to answer with, before dead letters are written.
    pub(super) errors: Mutex<Vec<DeadLetterError>>,
    /// How long a write takes.
    pub(super) round_trip: Mutex<Duration>,
    pub(super) round_trips: Mutex<usize>,
}

impl DeadLetters for FakeDeadLetters {
    const END: &'static str = "dead-lettered";

    async fn write(&self, batch: &mut DeadLetterBatch) -> Result<(), DeadLetterError> {
        if let Some(error) = self.errors.lock().unwrap().pop() {
            return Err(error);
        }
        let round_trip = *self.round_trip.lock().unwrap();
        sleep(round_trip).await;
        *self.round_trips.lock().unwrap() += 1;
        for (key, value) in &batch.records {
            let value = serde_json::from_slice(value).expect("a letter is JSON");
            self.written.lock().unwrap().push((key.clone(), value));
        }
        Ok(())
    }
}

pub(super) struct World {
    pub(super) platform: Arc<FakePlatform>,
    pub(super) tokens: Arc<FakeTokens>,
    pub(super) dead_letters: Arc<FakeDeadLetters>,
    pub(super) tracker: Arc<OffsetTracker>,
    pub(super) metrics: Arc<Metrics>,
    pub(in crate::delivery) conditions: Arc<Conditions>,
    pub(in crate::delivery) recent: Arc<RecentDeadLetters>,
    pub(super) clock: Arc<AtomicI64>,
    pub(super) config: Platform,
    /// Of the delivery made last.
    pub(super) revoker: Mutex<Option<Revoker>>,
    /// The records' own time. Answers come without one; only records that are read raw have it.
    pub(super) logged: Option<i64>,
    next: AtomicI64,
}

/// A mapped event of a customer; its `_id` is `id`.
pub(super) fn event(id: &str, customer: &str) -> Value {
    json!({"v": 1, "name": "pointsIssued", "id": id, "key": customer, "at": NOW - 1000,
        "event": {"_id": id}})
}

/// The same with a profile statement, `id` with `-p`.
pub(super) fn both(id: &str, customer: &str) -> Value {
    let mut answer = event(id, customer);
    answer["profile"] = json!({"id": format!("{id}-p")});
    answer
}

pub(super) fn ten() -> Vec<serde_json::Value> {
    (0..10)
        .map(|n| event(&n.to_string(), &format!("c{n}")))
        .collect()
}

impl World {
    pub(super) fn new(rule: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Self {
        let config = platform();
        let clock = Arc::new(AtomicI64::new(NOW));
        Self {
            platform: Arc::new(FakePlatform {
                start: Instant::now(),
                rule: Box::new(rule),
                calls: Mutex::default(),
                accepted: Mutex::default(),
            }),
            tokens: Arc::default(),
            dead_letters: Arc::default(),
            tracker: Arc::new(OffsetTracker::new(config.buffer)),
            metrics: Arc::default(),
            conditions: Arc::new(Conditions::new(Clock::Fixed(Arc::clone(&clock)))),
            recent: Arc::default(),
            revoker: Mutex::default(),
            logged: None,
            clock,
            config,
            next: AtomicI64::new(0),
        }
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut Platform)) -> Self {
        change(&mut self.config);
        self
    }

    /// The next record of partition 0.
    pub(super) fn source_item(&self, answer: Value) -> SourceItem {
        let offset = self.next.fetch_add(1, Ordering::Relaxed);
        self.item_at(0, offset, answer)
    }

    pub(super) fn item_at(&self, partition: u32, offset: i64, mut answer: Value) -> SourceItem {
        let position = Position { partition, offset };
        answer["offset"] = json!(position.offset);
        let answer = Bytes::from(answer.to_string());
        self.tracker
            .open(position, answer.len() as u64, None)
            .unwrap();
        SourceItem::Record {
            position,
            timestamp: self.logged,
            answer,
        }
    }

    pub(super) fn delivery(&self) -> Delivery<FakePlatform, FakeTokens, FakeDeadLetters> {
        let (revoker, revocations) = revocations();
        *self.revoker.lock().unwrap() = Some(revoker);
        let parts = Parts {
            topic: "capillary-events".to_owned(),
            tracker: Arc::clone(&self.tracker),
            revocations,
            metrics: Arc::clone(&self.metrics),
            conditions: Arc::clone(&self.conditions),
            recent: Arc::clone(&self.recent),
            clock: Clock::Fixed(Arc::clone(&self.clock)),
            journal: None,
            transport: Arc::clone(&self.platform),
            tokens: Arc::clone(&self.tokens),
            dead_letters: Arc::clone(&self.dead_letters),
            random: fastrand::Rng::with_seed(7),
        };
        Delivery::new(&self.config, parts).unwrap()
    }

    /// Delivers these answers to the end, which must come within a simulated day.
    pub(super) async fn run(
        &self,
        answers: impl IntoIterator<Item = Value>,
    ) -> Result<(), DeliveryError> {
        self.run_for(Duration::from_secs(86_400), answers)
            .await
            .expect("delivery ends")
    }

    /// Delivers for this long at most; `None` when it was not done then.
    pub(super) async fn run_for(
        &self,
        time: Duration,
        answers: impl IntoIterator<Item = Value>,
    ) -> Option<Result<(), DeliveryError>> {
        let (sender, receiver) = mpsc::channel(100_000);
        for answer in answers {
            sender.send(self.source_item(answer)).await.unwrap();
        }
        drop(sender);
        timeout(time, self.delivery().run(receiver)).await.ok()
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.platform.calls.lock().unwrap().clone()
    }

    pub(super) fn accepted(&self) -> Vec<String> {
        self.platform.accepted.lock().unwrap().clone()
    }

    pub(super) fn dead_letters(&self) -> Vec<Value> {
        self.dead_letters
            .written
            .lock()
            .unwrap()
            .iter()
            .map(|(_, dead_letter)| dead_letter.clone())
            .collect()
    }

    pub(super) fn delivered(&self) -> u64 {
        self.tracker.count(Outcome::Delivered)
    }

    pub(super) fn dead(&self) -> u64 {
        self.tracker.count(Outcome::DeadLettered)
    }
}
