//! A small connector with one bug: it reads the real topic through the real SmartModule, posts to
//! the simulator, writes dead letters and commits, as the product does, and shares no code with it.

use std::time::Duration;

use capillary_xdm::{Input, Mapper};
use conformance::cluster::{PartitionStream, StreamRequest, TopicOptions, smartmodule};
use conformance::scenario::Scenario;
use fluvio_protocol::link::ErrorCode;
use serde_json::{Value, json};

/// The bug that is planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    None,
    CommitsBeforeAcknowledgement,
    CommitsTheNextOffset,
    IgnoresInnerErrors,
    DeadLettersTheNeighbour,
    ReordersWithinKey,
    MissesTheTailHole,
    DeadLettersConfigurationFaults,
    DeadLettersForAnotherReason,
    ChangesThePayload,
    /// The dead letter of the event ends the record: its profile statement is forgotten.
    SettlesWithTheEvent,
    /// The dead letter of the profile statement ends the record: its event is forgotten.
    SettlesWithTheProfile,
}

/// Records in one request.
pub(crate) const BATCH: usize = 5;
/// Answers over this never arrive: a hole.
const MAX_BYTES: i32 = 10_000;
/// Silence that counts as the end, once something came.
const SILENCE: Duration = Duration::from_secs(3);
/// The first response waits for the broker to compile the SmartModule.
const COMPILING: Duration = Duration::from_secs(45);

/// Why the model stopped before the end.
struct Stopped;

pub(crate) struct FaultyConnector<'a> {
    scenario: &'a Scenario,
    bug: Bug,
    http: reqwest::Client,
    /// It is killed when these are spent.
    requests: usize,
    with_profiles: bool,
}

impl<'a> FaultyConnector<'a> {
    pub(crate) async fn new(scenario: &'a Scenario, bug: Bug) -> Self {
        let dead_letters = TopicOptions::new(scenario.dead_letter_topic());
        scenario.cluster.create_topic(dead_letters).await.unwrap();
        Self {
            scenario,
            bug,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            requests: usize::MAX,
            with_profiles: false,
        }
    }

    /// Profile statements are delivered too.
    pub(crate) fn with_profiles(self) -> Self {
        Self {
            with_profiles: true,
            ..self
        }
    }

    /// Runs until everything is done, it is held, or so many requests were sent.
    pub(crate) async fn run(&mut self, requests: usize) {
        self.requests = requests;
        let start = self.scenario.stored().await.unwrap()[0].map_or(0, |stored| stored + 1);
        let request = StreamRequest {
            start,
            max_bytes: MAX_BYTES,
            smartmodules: vec![smartmodule("capillary-xdm")],
            consumer: Some(self.scenario.name.clone()),
            ..StreamRequest::new(&self.scenario.topic, 0)
        };
        let mut stream = self.scenario.cluster.stream(request).await.unwrap();
        let answers = self.read(&mut stream, start).await;
        let mut later = Vec::new();
        for chunk in answers.chunks(BATCH) {
            let last = chunk[chunk.len() - 1]["offset"].as_i64().unwrap();
            if self.bug == Bug::CommitsBeforeAcknowledgement {
                commit(&stream, last).await;
            }
            if self.deliver(chunk, &mut later).await.is_err() {
                return;
            }
            let settled = last + i64::from(self.bug == Bug::CommitsTheNextOffset);
            commit(&stream, settled).await;
        }
        for record in later {
            let _held = self.deliver(&[record], &mut Vec::new()).await;
        }
    }

    async fn read(&self, stream: &mut PartitionStream, start: i64) -> Vec<Value> {
        let mut answers: Vec<Value> = Vec::new();
        let mut expected = start;
        let mut patience = COMPILING;
        while let Some(response) = stream.next(patience).await.unwrap() {
            patience = SILENCE;
            for value in response.values() {
                let answer: Value = serde_json::from_str(&value).unwrap();
                let offset = answer["offset"].as_i64().unwrap();
                if offset >= expected {
                    answers.extend(self.natively(expected, offset).await);
                    answers.push(answer);
                    expected = offset + 1;
                }
            }
            if let Some(next) = response.next_offset {
                stream.acknowledge(next).await.unwrap();
            }
        }
        if self.bug != Bug::MissesTheTailHole {
            let end = self
                .scenario
                .cluster
                .high_watermark(&self.scenario.topic, 0)
                .await
                .unwrap();
            answers.extend(self.natively(expected, end).await);
        }
        answers
    }

    /// What the stream left out, mapped here.
    async fn natively(&self, from: i64, to: i64) -> Vec<Value> {
        if from >= to {
            return Vec::new();
        }
        let mut mapper = Mapper::new(self.scenario.params().unwrap());
        let records = self.scenario.source().await.unwrap();
        let hole = records
            .into_iter()
            .filter(|record| (from..to).contains(&record.offset));
        hole.map(|record| {
            let mut answer = Vec::new();
            let (offset, value) = (record.offset, record.value.as_slice());
            let timestamp = None;
            mapper.answer(
                Input {
                    offset,
                    timestamp,
                    value,
                },
                &mut answer,
            );
            serde_json::from_slice(&answer).unwrap()
        })
        .collect()
    }

    /// Sends records until each is settled. `later`: what the bug puts off.
    async fn deliver(&mut self, records: &[Value], later: &mut Vec<Value>) -> Result<(), Stopped> {
        for rejected in records
            .iter()
            .filter(|record| record.get("reject").is_some())
        {
            let reason = rejected["reject"]["reason"].as_str().unwrap();
            self.write_dead_letter(rejected, None, reason).await;
        }
        let mut forgotten = Vec::new();
        if self.bug == Bug::SettlesWithTheProfile {
            forgotten = self.state(records).await;
        }
        let mut waiting: Vec<Value> = records
            .iter()
            .filter(|record| record.get("event").is_some() && !forgotten.contains(*record))
            .cloned()
            .collect();
        while !waiting.is_empty() {
            let (status, codes) = self.post(&waiting).await?;
            match status {
                207 if self.bug == Bug::IgnoresInnerErrors => waiting.clear(),
                207 => {
                    let mut again = Vec::new();
                    for (index, record) in waiting.iter().enumerate() {
                        match codes.get(index) {
                            Some(200) => {}
                            Some(400) if self.bug == Bug::DeadLettersTheNeighbour => {
                                self.write_dead_letter(
                                    &waiting[(index + 1) % waiting.len()],
                                    Some("event"),
                                    "refused",
                                )
                                .await;
                            }
                            Some(400) if self.bug == Bug::DeadLettersForAnotherReason => {
                                self.write_dead_letter(record, Some("event"), "too_large")
                                    .await;
                            }
                            Some(400) => {
                                self.write_dead_letter(record, Some("event"), "refused")
                                    .await;
                                if self.bug == Bug::SettlesWithTheEvent {
                                    forgotten.push(record.clone());
                                }
                            }
                            _ => again.push(record.clone()),
                        }
                    }
                    if self.bug == Bug::ReordersWithinKey {
                        later.append(&mut again);
                    }
                    waiting = again;
                }
                404 if self.bug == Bug::DeadLettersConfigurationFaults => {
                    for record in std::mem::take(&mut waiting) {
                        self.write_dead_letter(&record, Some("event"), "refused")
                            .await;
                    }
                }
                // Held: a matter of the configuration.
                404 => return Err(Stopped),
                _ => {}
            }
        }
        if self.with_profiles && self.bug != Bug::SettlesWithTheProfile {
            let rest: Vec<_> = records
                .iter()
                .filter(|record| !forgotten.contains(record))
                .cloned()
                .collect();
            self.state(&rest).await;
        }
        Ok(())
    }

    /// Sends the profile statements one by one; gives the records whose one was refused.
    async fn state(&self, records: &[Value]) -> Vec<Value> {
        let simulator = &self.scenario.simulator;
        let inlet = simulator.inlet("profiles").unwrap();
        let mut refused = Vec::new();
        for record in records
            .iter()
            .filter(|record| record.get("profile").is_some())
        {
            let statement = json!({
                "header": {"flowId": inlet.flow_id, "imsOrgId": simulator.config().organization_id,
                           "datasetId": inlet.dataset_id, "operations": {"data": "merge"}},
                "body": record["profile"],
            });
            let request = self
                .http
                .post(simulator.inlet_url(inlet))
                .header("content-type", "application/json")
                .header("x-adobe-flow-id", &inlet.flow_id)
                .body(statement.to_string());
            let status = request.send().await.unwrap().status();
            if status.as_u16() == 400 {
                self.write_dead_letter(record, Some("profile"), "refused")
                    .await;
                refused.push(record.clone());
            } else {
                assert!(status.is_success(), "{status}");
            }
        }
        refused
    }

    async fn post(&mut self, records: &[Value]) -> Result<(u16, Vec<u64>), Stopped> {
        self.requests = self.requests.checked_sub(1).ok_or(Stopped)?;
        let simulator = &self.scenario.simulator;
        let inlet = simulator.inlet("events").unwrap();
        let schema = json!({"id": inlet.schema_id(),
            "contentType": "application/vnd.adobe.xed-full+json;version=1"});
        let message = |record: &Value| {
            json!({
                "header": {"schemaRef": schema, "imsOrgId": simulator.config().organization_id,
                           "datasetId": inlet.dataset_id, "flowId": inlet.flow_id,
                           "source": {"name": "model"}},
                "body": {"xdmMeta": {"schemaRef": schema}, "xdmEntity": self.entity(record)},
            })
        };
        let messages: Vec<_> = records.iter().map(message).collect();
        let request = self
            .http
            .post(simulator.batch_url(inlet))
            .header("content-type", "application/json")
            .body(json!({"messages": messages}).to_string());
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default();
        let code = |item: &Value| {
            item["statusCode"]
                .as_u64()
                .or(item["status"].as_u64())
                .unwrap_or(200)
        };
        let items = body["responses"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        Ok((status, items.iter().map(code).collect()))
    }

    fn entity(&self, record: &Value) -> Value {
        let mut entity = record["event"].clone();
        if self.bug == Bug::ChangesThePayload {
            entity["eventType"] = json!("capillary.another");
        }
        entity
    }

    /// Writes a dead letter for a part of a record; for all of one that the mapping rejects.
    async fn write_dead_letter(&self, record: &Value, part: Option<&str>, reason: &str) {
        let stage = part.map_or("mapping", |_| "delivery");
        let kept = part.map_or_else(|| json!({"raw": null}), |part| json!({part: record[part]}));
        let inlet = part.map(|part| format!("{part}s"));
        let dead_letter = json!({
            "source": {"partition": 0, "offset": record["offset"]}, "stage": stage,
            "reason": reason,
            "target": {"inlet": inlet.unwrap_or_default(), "status": 400}, "record": kept,
        });
        let topic = self.scenario.dead_letter_topic();
        let cluster = &self.scenario.cluster;
        cluster
            .produce(&topic, Some(0), None, dead_letter.to_string())
            .await
            .unwrap();
    }
}

async fn commit(stream: &PartitionStream, offset: i64) {
    assert_eq!(stream.commit(offset).await.unwrap(), ErrorCode::None);
}
