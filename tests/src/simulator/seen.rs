//! Everything the simulator saw: requests, token calls, acknowledgements, and counts of them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::store::Store;

/// What happened to one message of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct MessageFate {
    /// `_id` of the record.
    pub id: Option<String>,
    /// Value of its first identity marked primary.
    pub identity: Option<String>,
    /// Whether the record was accepted, whatever the answer said.
    pub accepted: bool,
    /// The status meant for it, 200 when it was accepted; a fault may keep it from the client.
    pub status: u16,
    /// The text that came with a refusal inside an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// One request to an inlet.
///
/// `arrived` and `ended` are ticks of one counter, so that "was under way at the same time" can be
/// asked without a clock: request `b` overlapped `a` when `b.arrived` lies between `a.arrived` and
/// `a.ended`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct InletRequest {
    /// Position in the order of arrival, over all inlets, and unique; not without gaps.
    pub number: u64,
    /// The inlet's name; the id as requested when there is no such inlet.
    pub inlet: String,
    /// Whether it went to `/collection/batch/`.
    pub batch: bool,
    /// Tick of arrival.
    pub arrived: u64,
    /// Tick of the answer, or of the client's leaving. `None` while it is under way.
    pub ended: Option<u64>,
    /// Milliseconds since the epoch.
    pub at_ms: u64,
    /// Bytes of the body, when it was read.
    pub bytes: usize,
    /// Which of the tokens given out came with it, from 0. No two processes have the same.
    pub token: Option<usize>,
    /// Status of the answer; `None` when there was none (reset, hang, client gone).
    pub status: Option<u16>,
    /// What each message met, in order; empty when the request was not read that far.
    pub messages: Vec<MessageFate>,
    /// The fault it met as a whole.
    pub fault: Option<&'static str>,
}

/// One call to the token server. Holds no secret and no token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TokenCall {
    /// Position in the order of arrival, and unique; not without gaps.
    pub number: u64,
    /// Milliseconds since the epoch.
    pub at_ms: u64,
    /// The path called.
    pub path: String,
    /// The scope asked for.
    pub scope: Option<String>,
    /// Status of the answer; `None` when there was none.
    pub status: Option<u16>,
    /// Which secret was right: 1 or 2.
    pub secret: Option<u8>,
}

/// Counts of one inlet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct InletCounters {
    /// Requests that arrived.
    pub requests: u64,
    /// Those to `/collection/batch/`.
    pub batches: u64,
    /// Messages accepted.
    pub accepted: u64,
    /// Messages refused.
    pub refused: u64,
    /// Answers by status.
    pub by_status: BTreeMap<u16, u64>,
    /// Requests that got no answer: reset, hang, or the client left.
    pub unanswered: u64,
    /// Requests being served right now.
    pub under_way: u64,
    /// The most that were ever served at once.
    pub most_at_once: u64,
}

/// Counts of everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Counters {
    /// Connections accepted.
    pub connections: u64,
    /// Calls to the token server.
    pub token_calls: u64,
    /// Tokens given out.
    pub tokens_issued: u64,
    /// Answers of the token server by status.
    pub tokens_by_status: BTreeMap<u16, u64>,
    /// Token calls being served right now.
    pub token_calls_under_way: u64,
    /// The most that were ever served at once; above 1 the client's refresh is not single-flight.
    pub most_token_calls_at_once: u64,
    /// Per inlet, by name.
    pub inlets: BTreeMap<String, InletCounters>,
    /// Requests to the services that tell what became of records.
    pub landing_requests: u64,
    /// Requests to inlets that do not exist.
    pub unknown_inlet: u64,
    /// Faults used, by kind.
    pub faults: BTreeMap<String, u64>,
    /// Events accepted, copies included.
    pub events_accepted: u64,
    /// Profile statements accepted.
    pub profiles_accepted: u64,
    /// What became of accepted records: `stored`, `duplicate`, `oversize` and so on.
    pub ingestion: BTreeMap<String, u64>,
}

/// All that was seen since the start or the last reset.
#[derive(Debug, Default)]
pub struct Seen {
    pub(super) counters: Counters,
    pub(super) store: Store,
    pub(super) requests: Vec<InletRequest>,
    pub(super) token_calls: Vec<TokenCall>,
    tick: u64,
}

impl Seen {
    /// The counts.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What was accepted.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Requests to inlets in the order of arrival.
    #[must_use]
    pub fn requests(&self) -> &[InletRequest] {
        &self.requests
    }

    /// Calls to the token server in the order of arrival.
    #[must_use]
    pub fn token_calls(&self) -> &[TokenCall] {
        &self.token_calls
    }

    /// Forgets all but what is under way, which will still end.
    pub(super) fn reset(&mut self) {
        let tick = self.tick;
        let under_way = self.counters.token_calls_under_way;
        let requests = self
            .requests
            .iter()
            .filter(|request| request.ended.is_none())
            .cloned()
            .collect::<Vec<_>>();
        let inlets = self.counters.inlets.iter().map(|(name, counters)| {
            let left = counters.under_way;
            (
                name.clone(),
                InletCounters {
                    under_way: left,
                    most_at_once: left,
                    ..InletCounters::default()
                },
            )
        });
        let counters = Counters {
            token_calls_under_way: under_way,
            most_token_calls_at_once: under_way,
            inlets: inlets.collect(),
            ..Counters::default()
        };
        *self = Self {
            counters,
            requests,
            tick,
            ..Self::default()
        };
    }

    pub(super) fn count_fault(&mut self, name: &str) {
        if name != "pass" {
            *self.counters.faults.entry(name.to_owned()).or_default() += 1;
        }
    }

    /// A request arrived; returns its number. Numbers are ticks too, so they are never used twice,
    /// even after a reset.
    pub(super) fn arrived(&mut self, inlet: &str, known: bool, batch: bool, at_ms: u64) -> u64 {
        self.tick += 1;
        let number = self.tick;
        if known {
            let counters = self.counters.inlets.entry(inlet.to_owned()).or_default();
            counters.requests += 1;
            counters.batches += u64::from(batch);
            counters.under_way += 1;
            counters.most_at_once = counters.most_at_once.max(counters.under_way);
        } else {
            self.counters.unknown_inlet += 1;
        }
        self.requests.push(InletRequest {
            number,
            inlet: inlet.to_owned(),
            batch,
            arrived: number,
            ended: None,
            at_ms,
            bytes: 0,
            token: None,
            status: None,
            messages: Vec::new(),
            fault: None,
        });
        number
    }

    pub(super) fn request(&mut self, number: u64) -> Option<&mut InletRequest> {
        // Ordered by number, and almost always among the last ones.
        let index = self
            .requests
            .binary_search_by_key(&number, |request| request.number)
            .ok()?;
        self.requests.get_mut(index)
    }

    pub(super) fn ended(&mut self, number: u64, status: Option<u16>) {
        self.tick += 1;
        let tick = self.tick;
        let Some(request) = self.request(number) else {
            return;
        };
        request.ended = Some(tick);
        request.status = status;
        let inlet = request.inlet.clone();
        if let Some(counters) = self.counters.inlets.get_mut(&inlet) {
            counters.under_way = counters.under_way.saturating_sub(1);
            match status {
                Some(status) => *counters.by_status.entry(status).or_default() += 1,
                None => counters.unanswered += 1,
            }
        }
    }

    pub(super) fn token_call_arrived(&mut self, path: &str, at_ms: u64) -> u64 {
        self.tick += 1;
        let number = self.tick;
        self.counters.token_calls += 1;
        self.counters.token_calls_under_way += 1;
        self.counters.most_token_calls_at_once = self
            .counters
            .most_token_calls_at_once
            .max(self.counters.token_calls_under_way);
        let path = path.to_owned();
        self.token_calls.push(TokenCall {
            number,
            at_ms,
            path,
            scope: None,
            status: None,
            secret: None,
        });
        number
    }

    pub(super) fn token_call(&mut self, number: u64) -> Option<&mut TokenCall> {
        self.token_calls
            .iter_mut()
            .rev()
            .find(|call| call.number == number)
    }

    pub(super) fn token_call_ended(&mut self, number: u64, status: Option<u16>) {
        self.counters.token_calls_under_way = self.counters.token_calls_under_way.saturating_sub(1);
        if let Some(status) = status {
            *self.counters.tokens_by_status.entry(status).or_default() += 1;
        }
        if let Some(call) = self.token_call(number) {
            call.status = status;
        }
    }

    /// Counts what became of a request's messages, and brings the counts taken from the store up to
    /// date.
    pub(super) fn recount(&mut self, inlet: &str, accepted: u64, refused: u64) {
        if let Some(counters) = self.counters.inlets.get_mut(inlet) {
            counters.accepted += accepted;
            counters.refused += refused;
        }
        self.counters.events_accepted = self.store.events().len() as u64;
        self.counters.profiles_accepted = self.store.profiles().len() as u64;
        for (ingestion, count) in self.store.ingestion() {
            self.counters
                .ingestion
                .insert(ingestion.name().to_owned(), *count);
        }
    }
}
