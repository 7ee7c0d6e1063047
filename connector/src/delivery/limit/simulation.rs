//! A simulated inlet and a client that keeps to a limit, in virtual time: what an algorithm is worth, without sleeping.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::{Reading, Sign};

/// Between two answers of the client and its timeout.
const TIMEOUT: f64 = 60.0;
const RETRY_FIRST: f64 = 0.2;
const RETRY_MOST: f64 = 30.0;
/// Failures in a row before the client asks with one request at a time, as delivery does.
const DOWN: u32 = 5;

/// What decides how many requests may be under way.
pub(super) trait Algorithm {
    fn limit(&self) -> usize;
    fn landed(&mut self, reading: &Reading, now: Instant);
    /// The client found the inlet down.
    fn down(&mut self, _now: Instant) {}
}

/// What the inlet does during a fault.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fault {
    None,
    /// Connections are refused.
    Broken,
    /// Nothing is answered.
    Hangs,
    /// 503 at once.
    Unavailable,
}

/// An inlet: some workers behind one queue. Each field is a function of the time in seconds where it can change.
#[derive(Clone, Copy)]
pub(super) struct Inlet {
    pub(super) workers: fn(f64) -> usize,
    /// Seconds on the road, there and back.
    pub(super) road: fn(f64) -> f64,
    /// Seconds of work for a request with so many records, before chance.
    pub(super) work: fn(f64, usize) -> f64,
    /// Spread of the work: of its logarithm.
    pub(super) spread: f64,
    /// Work grows by this share for each request above the number of workers.
    pub(super) thrash: f64,
    /// Requests that may wait for a worker; one more is answered 503.
    pub(super) queue: usize,
    /// Requests that may be there; one more is answered 429.
    pub(super) admits: usize,
    /// Requests a second; above it, 429.
    pub(super) rate: f64,
    pub(super) fault: fn(f64) -> Fault,
    /// Share of answers that take half a minute for no reason of load.
    pub(super) outliers: f64,
}

/// What the client has to send.
#[derive(Clone, Copy)]
pub(super) struct Supply {
    /// Records a second; infinite for a backlog without end.
    pub(super) rate: fn(f64) -> f64,
    /// Most records in a request.
    pub(super) batch: usize,
}

/// What came of a run.
#[derive(Debug, Clone, Default)]
pub(super) struct Run {
    /// Records accepted in each second.
    pub(super) accepted: Vec<u64>,
    pub(super) times: Vec<f64>,
    pub(super) requests: usize,
    pub(super) refused: usize,
    pub(super) failed: usize,
    /// The limit at the end of each second.
    pub(super) limits: Vec<usize>,
}

#[derive(Debug, Clone, Copy)]
enum Answer {
    Accepted,
    Status(u16),
    Broken,
    Timeout,
}

#[derive(Debug, Clone, Copy)]
enum Event {
    /// A request reaches the inlet.
    Arrives(usize),
    /// A worker is done with a request; `None` only looks whether there are more workers.
    Worked(Option<usize>),
    Lands(usize, Answer),
    /// The client looks again.
    Wake,
    Second,
}

struct Request {
    records: usize,
    started: f64,
    together: usize,
    failures: u32,
    landed: bool,
    outlier: bool,
}

struct Parked {
    not_before: f64,
    records: usize,
    failures: u32,
}

struct Simulation<'a> {
    inlet: Inlet,
    supply: Supply,
    algorithm: &'a mut dyn Algorithm,
    random: fastrand::Rng,
    start: Instant,
    now: f64,
    events: BinaryHeap<Reverse<(u64, u64)>>,
    bodies: Vec<Event>,
    requests: Vec<Request>,
    // the inlet
    busy: usize,
    waiting: VecDeque<usize>,
    inside: usize,
    tokens: (f64, f64),
    // the client
    flying: usize,
    parked: Vec<Parked>,
    backlog: (f64, f64),
    failures: u32,
    /// When to probe next, and how often it was.
    down: Option<(f64, u32)>,
    run: Run,
}

/// Plays so many seconds.
pub(super) fn play(inlet: Inlet, supply: Supply, algorithm: &mut dyn Algorithm, seconds: usize, seed: u64) -> Run {
    let mut simulation = Simulation {
        inlet,
        supply,
        algorithm,
        random: fastrand::Rng::with_seed(seed),
        start: Instant::now(),
        now: 0.0,
        events: BinaryHeap::new(),
        bodies: Vec::new(),
        requests: Vec::new(),
        busy: 0,
        waiting: VecDeque::new(),
        inside: 0,
        tokens: (0.0, 0.0),
        flying: 0,
        parked: Vec::new(),
        backlog: (0.0, 0.0),
        failures: 0,
        down: None,
        run: Run::default(),
    };
    for second in 1..=seconds {
        #[expect(clippy::cast_precision_loss, reason = "some hundred seconds")]
        let end = second as f64;
        // What trickles in is looked for as often as batches linger.
        for before in [0.8, 0.6, 0.4, 0.2] {
            simulation.at(end - before, Event::Wake);
        }
        simulation.at(end, Event::Second);
    }
    simulation.send();
    while let Some(Reverse((micros, id))) = simulation.events.pop() {
        #[expect(clippy::cast_precision_loss, reason = "some hundred seconds in microseconds")]
        let now = micros as f64 / 1e6;
        simulation.now = now;
        let event = simulation.bodies[usize::try_from(id).unwrap()];
        simulation.happens(event);
        if simulation.run.accepted.len() < simulation.run.limits.len() {
            simulation.run.accepted.push(0);
        }
        if simulation.run.limits.len() >= seconds {
            break;
        }
    }
    simulation.run
}

impl Simulation<'_> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "some hundred seconds in microseconds"
    )]
    fn at(&mut self, time: f64, event: Event) {
        let id = u64::try_from(self.bodies.len()).unwrap();
        self.bodies.push(event);
        self.events.push(Reverse(((time * 1e6) as u64, id)));
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Arrives(id) => self.arrives(id),
            Event::Worked(id) => {
                if let Some(id) = id {
                    self.busy -= 1;
                    self.inside -= 1;
                    let road = (self.inlet.road)(self.now) / 2.0;
                    let extra = if self.requests[id].outlier { 30.0 } else { 0.0 };
                    self.at(self.now + road + extra, Event::Lands(id, Answer::Accepted));
                }
                self.work();
            }
            Event::Lands(id, answer) => self.lands(id, answer),
            Event::Wake => self.send(),
            Event::Second => {
                self.run.limits.push(self.algorithm.limit());
                self.run.accepted.resize(self.run.limits.len(), 0);
                self.work();
                self.send();
            }
        }
    }

    // === the inlet ===

    fn arrives(&mut self, id: usize) {
        let answer = match (self.inlet.fault)(self.now) {
            Fault::Broken => Some(Answer::Broken),
            Fault::Unavailable => Some(Answer::Status(503)),
            Fault::Hangs => return,
            Fault::None if !self.within_rate() || self.inside >= self.inlet.admits => Some(Answer::Status(429)),
            Fault::None if self.waiting.len() >= self.inlet.queue && self.busy >= (self.inlet.workers)(self.now) => {
                Some(Answer::Status(503))
            }
            Fault::None => None,
        };
        if let Some(answer) = answer {
            let road = (self.inlet.road)(self.now) / 2.0;
            self.at(self.now + road, Event::Lands(id, answer));
            return;
        }
        self.inside += 1;
        self.waiting.push_back(id);
        self.work();
    }

    /// A second's worth may come at once.
    fn within_rate(&mut self) -> bool {
        let rate = self.inlet.rate;
        if !rate.is_finite() {
            return true;
        }
        let (tokens, since) = self.tokens;
        let tokens = (tokens + (self.now - since) * rate).min(rate);
        let fits = tokens >= 1.0;
        self.tokens = (if fits { tokens - 1.0 } else { tokens }, self.now);
        fits
    }

    fn work(&mut self) {
        let workers = (self.inlet.workers)(self.now);
        while self.busy < workers {
            let Some(id) = self.waiting.pop_front() else { return };
            self.busy += 1;
            let chance = (self.normal() * self.inlet.spread).exp();
            let crowd = u32::try_from(self.inside.saturating_sub(workers)).unwrap();
            let work = (self.inlet.work)(self.now, self.requests[id].records) * chance;
            let work = work * (1.0 + self.inlet.thrash * f64::from(crowd));
            self.requests[id].outlier = self.random.f64() < self.inlet.outliers;
            self.at(self.now + work, Event::Worked(Some(id)));
        }
    }

    /// A number of the standard normal distribution, near enough: the sum of twelve.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.random.f64()).sum::<f64>() - 6.0
    }

    // === the client ===

    fn send(&mut self) {
        let (waiting, since) = self.backlog;
        let rate = (self.supply.rate)(self.now);
        let waiting = if rate.is_finite() {
            waiting + rate * (self.now - since)
        } else {
            1e12
        };
        // A backlog without end ends with its phase.
        self.backlog = (if rate.is_finite() { waiting.min(1e6) } else { waiting }, self.now);
        if let Some((until, _)) = self.down {
            if self.flying > 0 || self.now < until {
                return;
            }
            if let Some(parked) = self.parked.pop() {
                self.start(parked.records, parked.failures);
            } else {
                self.fresh();
            }
            return;
        }
        while self.flying < self.algorithm.limit() {
            let due = self.parked.iter().position(|parked| parked.not_before <= self.now);
            if let Some(index) = due {
                let parked = self.parked.remove(index);
                self.start(parked.records, parked.failures);
            } else if self.flying + self.parked.len() >= self.algorithm.limit() || !self.fresh() {
                break;
            }
        }
    }

    fn fresh(&mut self) -> bool {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the records that wait, at most some millions"
        )]
        let records = (self.backlog.0.min(1e6) as usize).min(self.supply.batch);
        if records == 0 {
            return false;
        }
        self.backlog.0 -= f64::from(u32::try_from(records).unwrap());
        self.start(records, 0);
        true
    }

    fn start(&mut self, records: usize, failures: u32) {
        self.flying += 1;
        self.run.requests += 1;
        let id = self.requests.len();
        self.requests.push(Request {
            records,
            started: self.now,
            together: self.flying,
            failures,
            landed: false,
            outlier: false,
        });
        self.at(self.now + (self.inlet.road)(self.now) / 2.0, Event::Arrives(id));
        self.at(self.now + TIMEOUT, Event::Lands(id, Answer::Timeout));
    }

    fn lands(&mut self, id: usize, answer: Answer) {
        let request = &mut self.requests[id];
        if std::mem::replace(&mut request.landed, true) {
            return;
        }
        self.flying -= 1;
        let (records, failures, started, together) =
            (request.records, request.failures + 1, request.started, request.together);
        let took = self.now - started;
        let sign = match answer {
            Answer::Accepted => Some(Sign::Served),
            Answer::Status(429) => Some(Sign::Refused),
            Answer::Status(_) | Answer::Timeout => Some(Sign::Strained),
            Answer::Broken => None,
        };
        let now = self.start + Duration::from_secs_f64(self.now);
        if let Some(sign) = sign {
            let reading = Reading {
                sign,
                started: self.start + Duration::from_secs_f64(started),
                took: Duration::from_secs_f64(took),
                records,
                together,
            };
            self.algorithm.landed(&reading, now);
        }
        if matches!(answer, Answer::Accepted) {
            if let Some(second) = self.run.accepted.last_mut() {
                *second += records as u64;
            }
            self.run.times.push(took);
            self.failures = 0;
            self.down = None;
        } else {
            match answer {
                Answer::Status(429) => self.run.refused += 1,
                _ => self.run.failed += 1,
            }
            self.failures += 1;
            let pause = self.pause(failures);
            self.parked.push(Parked {
                not_before: self.now + pause,
                records,
                failures,
            });
            if let Some((until, probes)) = self.down {
                if self.now >= until {
                    let pause = self.pause(probes + 1);
                    self.down = Some((self.now + pause, probes + 1));
                    self.at(self.now + pause, Event::Wake);
                }
            } else if self.failures >= DOWN {
                let pause = self.pause(1);
                self.down = Some((self.now + pause, 1));
                self.at(self.now + pause, Event::Wake);
                self.algorithm.down(now);
            }
            self.at(self.now + pause, Event::Wake);
        }
        self.send();
    }

    /// Full jitter, as delivery does it.
    fn pause(&mut self, failures: u32) -> f64 {
        let most = (RETRY_FIRST * 2f64.powi(i32::try_from(failures).unwrap() - 1)).min(RETRY_MOST);
        most * self.random.f64()
    }
}
