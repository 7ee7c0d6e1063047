//! What the limit is compared with: a fixed number, and the textbook algorithms in their usual
//! form.

use tokio::time::Instant;

use capillary_aep_sink::delivery::concurrency_limit::{ConcurrencyLimit, Sample, Signal};

use crate::simulation::Algorithm;

impl Algorithm for ConcurrencyLimit {
    fn limit(&self) -> usize {
        self.get()
    }

    fn on_response(&mut self, sample: &Sample, now: Instant) {
        ConcurrencyLimit::on_response(self, sample, now);
    }

    fn down(&mut self, now: Instant) {
        self.restart(now);
    }
}

pub(super) struct Fixed(pub(super) usize);

impl Algorithm for Fixed {
    fn limit(&self) -> usize {
        self.0
    }

    fn on_response(&mut self, _: &Sample, _: Instant) {}
}

/// TCP's: one more for each full round, half of it when refused. Knows nothing of latency.
pub(super) struct Aimd {
    pub(super) now: f64,
    pub(super) most: f64,
    shrunk: Option<Instant>,
}

impl Aimd {
    pub(super) fn new(most: f64) -> Self {
        Self {
            now: 4.0,
            most,
            shrunk: None,
        }
    }
}

impl Algorithm for Aimd {
    fn limit(&self) -> usize {
        self.now as usize
    }

    fn on_response(&mut self, sample: &Sample, now: Instant) {
        if sample.signal == Signal::Success {
            if sample.in_flight >= self.limit() {
                self.now = (self.now + 1.0 / self.now).min(self.most);
            }
        } else if self.shrunk.is_none_or(|shrunk| sample.started >= shrunk) {
            self.now = (self.now / 2.0).max(1.0);
            self.shrunk = Some(now);
        }
    }
}

/// The same with an eye on latency: once a round, one more, or a tenth less when the round took
/// longer than the moving average and some deviations.
pub(super) struct AimdWithLatency {
    now: f64,
    most: f64,
    since: Option<Instant>,
    sum: f64,
    count: f64,
    mean: Option<f64>,
    variance: f64,
    refused: bool,
    used: bool,
}

impl AimdWithLatency {
    pub(super) fn new(most: f64) -> Self {
        Self {
            now: 4.0,
            most,
            since: None,
            sum: 0.0,
            count: 0.0,
            mean: None,
            variance: 0.0,
            refused: false,
            used: false,
        }
    }
}

impl Algorithm for AimdWithLatency {
    fn limit(&self) -> usize {
        self.now as usize
    }

    fn on_response(&mut self, sample: &Sample, now: Instant) {
        let took = sample.took.as_secs_f64();
        if sample.signal == Signal::Success {
            self.sum += took;
            self.count += 1.0;
        } else {
            self.refused = true;
        }
        self.used |= sample.in_flight >= self.limit();
        let since = *self.since.get_or_insert(now);
        let mean = self.mean.unwrap_or(took);
        if (now - since).as_secs_f64() < mean {
            return;
        }
        self.since = Some(now);
        let current = if self.count > 0.0 {
            self.sum / self.count
        } else {
            mean
        };
        let slow = current > mean + 2.5 * self.variance.sqrt();
        if self.refused || slow {
            self.now = (self.now * 0.9).max(1.0);
        } else if self.used {
            self.now = (self.now + 1.0).min(self.most);
        }
        let difference = current - mean;
        self.mean = Some(mean + 0.4 * difference);
        self.variance = 0.6 * (self.variance + 0.4 * difference * difference);
        (self.sum, self.count, self.refused, self.used) = (0.0, 0.0, false, false);
    }
}

/// Keeps a small queue, estimated from the least time ever seen; that is forgotten from time to
/// time.
pub(super) struct Vegas {
    now: f64,
    most: f64,
    least_time: f64,
    answers: u32,
}

impl Vegas {
    pub(super) fn new(most: f64) -> Self {
        Self {
            now: 4.0,
            most,
            least_time: f64::INFINITY,
            answers: 0,
        }
    }
}

impl Algorithm for Vegas {
    fn limit(&self) -> usize {
        self.now as usize
    }

    fn on_response(&mut self, sample: &Sample, _: Instant) {
        let took = sample.took.as_secs_f64();
        let log = self.now.log10().max(1.0);
        if sample.signal != Signal::Success {
            self.now = (self.now - log).max(1.0);
            return;
        }
        self.answers += 1;
        if f64::from(self.answers) > 30.0 * self.now {
            self.answers = 0;
            self.least_time = took;
        }
        self.least_time = self.least_time.min(took);
        let queue = self.now * (1.0 - self.least_time / took);
        if sample.in_flight * 2 < self.limit() {
            return;
        }
        self.now = if queue <= log {
            self.now + 6.0 * log
        } else if queue < 3.0 * log {
            self.now + log
        } else if queue > 6.0 * log {
            self.now - log
        } else {
            self.now
        }
        .clamp(1.0, self.most);
    }
}

/// Compares each answer with a long moving average, and leaves room for a queue of the square root.
pub(super) struct Gradient {
    now: f64,
    most: f64,
    long: Option<f64>,
    answers: f64,
}

impl Gradient {
    pub(super) fn new(most: f64) -> Self {
        Self {
            now: 4.0,
            most,
            long: None,
            answers: 0.0,
        }
    }
}

impl Algorithm for Gradient {
    fn limit(&self) -> usize {
        self.now as usize
    }

    fn on_response(&mut self, sample: &Sample, _: Instant) {
        let short = sample.took.as_secs_f64();
        if sample.signal != Signal::Success {
            // The usual form leaves refusals to others; without this it would not back off at all.
            self.now = (self.now * 0.9).max(1.0);
            return;
        }
        self.answers = (self.answers + 1.0).min(600.0);
        let before = self.long.unwrap_or(short);
        let mut long = before + (short - before) * 2.0 / (self.answers + 1.0);
        if long / short > 2.0 {
            long *= 0.95;
        }
        self.long = Some(long);
        if sample.in_flight * 2 < self.limit() {
            return;
        }
        let gradient = (1.5 * long / short).clamp(0.5, 1.0);
        let next = self.now * gradient + self.now.sqrt();
        self.now = (self.now * 0.8 + next * 0.2).clamp(1.0, self.most);
    }
}
