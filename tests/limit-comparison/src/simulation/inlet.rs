//! The simulated inlet.

use super::{Event, Fault, Response, Simulation};

impl Simulation<'_> {
    pub(super) fn arrives(&mut self, id: usize) {
        let response = match (self.inlet.fault)(self.now) {
            Fault::Broken => Some(Response::Broken),
            Fault::Unavailable => Some(Response::Status(503)),
            Fault::Hangs => return,
            Fault::None if !self.within_rate() || self.inside >= self.inlet.admits => {
                Some(Response::Status(429))
            }
            Fault::None
                if self.waiting.len() >= self.inlet.queue
                    && self.busy >= (self.inlet.workers)(self.now) =>
            {
                Some(Response::Status(503))
            }
            Fault::None => None,
        };
        if let Some(response) = response {
            let network = (self.inlet.network)(self.now) / 2.0;
            self.at(self.now + network, Event::Completes(id, response));
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

    pub(super) fn work(&mut self) {
        let workers = (self.inlet.workers)(self.now);
        while self.busy < workers {
            let Some(id) = self.waiting.pop_front() else {
                return;
            };
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
}
