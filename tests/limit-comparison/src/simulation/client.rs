//! The client, which repeats and probes as delivery does.

use std::time::Duration;

use super::{Event, Parked, Request, Response, Simulation};
use capillary_aep_sink::delivery::concurrency_limit::{Sample, Signal};

/// Seconds an answer is waited for, and pauses between attempts.
const TIMEOUT: f64 = 60.0;
const RETRY_FIRST: f64 = 0.2;
const RETRY_MOST: f64 = 30.0;
/// Failures in a row before the client asks with one request at a time, as delivery does.
const DOWN: u32 = 5;

impl Simulation<'_> {
    pub(super) fn send(&mut self) {
        let (waiting, since) = self.backlog;
        let rate = (self.load.rate)(self.now);
        let waiting = if rate.is_finite() {
            waiting + rate * (self.now - since)
        } else {
            1e12
        };
        // A backlog without end ends with its phase.
        self.backlog = (
            if rate.is_finite() {
                waiting.min(1e6)
            } else {
                waiting
            },
            self.now,
        );
        if let Some((until, _)) = self.down {
            if self.in_flight > 0 || self.now < until {
                return;
            }
            if let Some(parked) = self.parked.pop() {
                self.start(parked.records, parked.failures);
            } else {
                self.start_new();
            }
            return;
        }
        while self.in_flight < self.algorithm.limit() {
            let due = self
                .parked
                .iter()
                .position(|parked| parked.not_before <= self.now);
            if let Some(index) = due {
                let parked = self.parked.remove(index);
                self.start(parked.records, parked.failures);
            } else if self.in_flight + self.parked.len() >= self.algorithm.limit()
                || !self.start_new()
            {
                break;
            }
        }
    }

    fn start_new(&mut self) -> bool {
        let records = (self.backlog.0.min(1e6) as usize).min(self.load.batch);
        if records == 0 {
            return false;
        }
        self.backlog.0 -= f64::from(u32::try_from(records).unwrap());
        self.start(records, 0);
        true
    }

    fn start(&mut self, records: usize, failures: u32) {
        self.in_flight += 1;
        self.run.requests += 1;
        let id = self.requests.len();
        self.requests.push(Request {
            records,
            started: self.now,
            in_flight: self.in_flight,
            failures,
            on_response: false,
            outlier: false,
        });
        self.at(
            self.now + (self.inlet.network)(self.now) / 2.0,
            Event::Arrives(id),
        );
        self.at(self.now + TIMEOUT, Event::Completes(id, Response::Timeout));
    }

    pub(super) fn completes(&mut self, id: usize, response: Response) {
        let request = &mut self.requests[id];
        if std::mem::replace(&mut request.on_response, true) {
            return;
        }
        self.in_flight -= 1;
        let (records, failures, started, in_flight) = (
            request.records,
            request.failures + 1,
            request.started,
            request.in_flight,
        );
        let took = self.now - started;
        let signal = match response {
            Response::Accepted => Some(Signal::Success),
            Response::Status(429) => Some(Signal::Throttled),
            Response::Status(_) | Response::Timeout => Some(Signal::Overloaded),
            Response::Broken => None,
        };
        let now = self.start + Duration::from_secs_f64(self.now);
        if let Some(signal) = signal {
            let sample = Sample {
                signal,
                started: self.start + Duration::from_secs_f64(started),
                took: Duration::from_secs_f64(took),
                records,
                in_flight,
            };
            self.algorithm.on_response(&sample, now);
        }
        if matches!(response, Response::Accepted) {
            if let Some(second) = self.run.accepted.last_mut() {
                *second += records as u64;
            }
            self.run.times.push(took);
            self.failures = 0;
            self.down = None;
        } else {
            match response {
                Response::Status(429) => self.run.refused += 1,
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
