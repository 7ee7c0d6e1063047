//! A simulated inlet and a client that keeps to a limit, in virtual time: what an algorithm is
//! worth, without sleeping.

mod client;
mod inlet;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use tokio::time::Instant;

use capillary_aep_sink::delivery::concurrency_limit::Sample;

/// What decides how many requests may be under way.
pub(super) trait Algorithm {
    fn limit(&self) -> usize;
    fn on_response(&mut self, sample: &Sample, now: Instant);
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

/// An inlet: some workers behind one queue. Each field is a function of the time in seconds where
/// it can change.
#[derive(Clone, Copy)]
pub(super) struct Inlet {
    pub(super) workers: fn(f64) -> usize,
    /// Seconds on the road, there and back.
    pub(super) network: fn(f64) -> f64,
    /// Seconds of work for a request with this many records, before chance.
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
pub(super) struct Load {
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
enum Response {
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
    Completes(usize, Response),
    /// The client looks again.
    Wake,
    Second,
}

struct Request {
    records: usize,
    started: f64,
    in_flight: usize,
    failures: u32,
    on_response: bool,
    outlier: bool,
}

struct Parked {
    not_before: f64,
    records: usize,
    failures: u32,
}

struct Simulation<'a> {
    inlet: Inlet,
    load: Load,
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
    in_flight: usize,
    parked: Vec<Parked>,
    backlog: (f64, f64),
    failures: u32,
    /// When to probe next, and how often it was.
    down: Option<(f64, u32)>,
    run: Run,
}

/// Plays this many seconds.
pub(super) fn play(
    inlet: Inlet,
    load: Load,
    algorithm: &mut dyn Algorithm,
    seconds: usize,
    seed: u64,
) -> Run {
    let mut simulation = Simulation {
        inlet,
        load,
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
        in_flight: 0,
        parked: Vec::new(),
        backlog: (0.0, 0.0),
        failures: 0,
        down: None,
        run: Run::default(),
    };
    for second in 1..=seconds {
        let end = second as f64;
        // What trickles in is looked for as often as batches linger.
        for before in [0.8, 0.6, 0.4, 0.2] {
            simulation.at(end - before, Event::Wake);
        }
        simulation.at(end, Event::Second);
    }
    simulation.send();
    while let Some(Reverse((micros, id))) = simulation.events.pop() {
        let now = micros as f64 / 1e6;
        simulation.now = now;
        let event = simulation.bodies[usize::try_from(id).unwrap()];
        simulation.handle(event);
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
    fn at(&mut self, time: f64, event: Event) {
        let id = u64::try_from(self.bodies.len()).unwrap();
        self.bodies.push(event);
        self.events.push(Reverse(((time * 1e6) as u64, id)));
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Arrives(id) => self.arrives(id),
            Event::Worked(id) => {
                if let Some(id) = id {
                    self.busy -= 1;
                    self.inside -= 1;
                    let network = (self.inlet.network)(self.now) / 2.0;
                    let extra = if self.requests[id].outlier { 30.0 } else { 0.0 };
                    self.at(
                        self.now + network + extra,
                        Event::Completes(id, Response::Accepted),
                    );
                }
                self.work();
            }
            Event::Completes(id, response) => self.completes(id, response),
            Event::Wake => self.send(),
            Event::Second => {
                self.run.limits.push(self.algorithm.limit());
                self.run.accepted.resize(self.run.limits.len(), 0);
                self.work();
                self.send();
            }
        }
    }
}
