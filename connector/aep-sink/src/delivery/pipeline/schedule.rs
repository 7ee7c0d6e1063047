//! What goes out next, and when to ask again.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::breaker::State;
use super::now::Now;
use super::state::{Headroom, Pipeline};
use crate::delivery::batch::Batch;
use crate::delivery::coalesce::Payload;
use crate::delivery::entity::Entity;

/// What one statement may hold of several. Profile drops records above 100 kB without a word.
const LARGEST_COALESCED: usize = 100_000;

/// A request to be sent.
#[derive(Debug)]
pub(in crate::delivery) struct NextRequest<'a> {
    /// Its number, for [`Pipeline::on_response`].
    pub(in crate::delivery) id: u64,
    /// The entities it is about.
    pub(in crate::delivery) entities: &'a [Entity],
    /// What is sent instead of the only or all of them, when they are statements about one profile.
    pub(in crate::delivery) coalesced: Option<Bytes>,
    /// Says that it must not be sent any more, if it is not yet.
    pub(in crate::delivery) withdrawn: oneshot::Receiver<()>,
}

impl Pipeline {
    /// Whether one more request may be in flight. When the limit shrinks, those between two
    /// attempts may be more than it allows; they keep their places and go one after the other.
    fn may_send(&self) -> bool {
        self.in_flight.len() < self.limit.get()
    }

    /// Whether something new may be begun.
    fn may_begin(&self, headroom: Headroom) -> bool {
        headroom.0 && self.load() < self.limit.get()
    }

    /// What goes out next, if anything may go now.
    pub(in crate::delivery) fn next(
        &mut self,
        now: Now,
        headroom: Headroom,
    ) -> Option<NextRequest<'_>> {
        self.queues.wake_rested(now.instant, now.wall);
        self.judge_suspects(now);
        loop {
            let mut batch = self.next_batch(now, headroom)?;
            batch.begun = now.instant;
            let payload = match &mut self.coalescer {
                Some(coalescer) => loop {
                    match coalescer.coalesce(batch.chunk_mut()) {
                        Payload::Coalesced(json)
                            if json.len() > LARGEST_COALESCED && batch.chunk().len() > 1 =>
                        {
                            batch.halve();
                        }
                        payload => break payload,
                    }
                },
                None => Payload::AsStated,
            };
            batch.attempt(self.tally, now.instant, now.wall);
            let coalesced = match payload {
                Payload::AsStated => None,
                Payload::Coalesced(json) => Some(json),
                Payload::Nothing => {
                    // Nothing of it asks the inlet; what is left is an ordinary batch.
                    batch.probe = false;
                    for entity in batch.take_chunk() {
                        self.complete(entity, None, now);
                    }
                    self.resume(batch, now);
                    continue;
                }
            };
            let (withdraw, withdrawn) = oneshot::channel();
            batch.withdraw = Some(withdraw);
            let id = self.next_id;
            self.next_id += 1;
            let entities = self.in_flight.entry(id).or_insert(batch).chunk();
            return Some(NextRequest {
                id,
                entities,
                coalesced,
                withdrawn,
            });
        }
    }

    /// The batch whose chunk in front goes out next.
    fn next_batch(&mut self, now: Now, headroom: Headroom) -> Option<Batch> {
        match self.breaker.state() {
            State::Misconfigured { until } => {
                if now.instant < until || !self.in_flight.is_empty() || !headroom.0 {
                    return None;
                }
                // One record: if the inlet refuses it, only that one was tried in vain. A different
                // one each time, so that a poison record cannot keep the breaker open.
                let mut batch = Batch::new(vec![self.queues.take_one()?], now.instant);
                batch.probe = true;
                Some(batch)
            }
            State::Unavailable { until, .. } => {
                if now.instant < until || !self.in_flight.is_empty() {
                    return None;
                }
                // One request: the limit does not matter, and it must not keep the question to what
                // has failed before.
                let mut batch = self.outage_probe(now, headroom.0)?;
                batch.probe = true;
                Some(batch)
            }
            State::Closed => {
                if !self.may_send() {
                    return None;
                }
                let permit = self.may_begin(headroom);
                match self
                    .parked
                    .iter()
                    .position(|parked| parked.not_before <= now.instant)
                {
                    Some(index) => Some(self.parked.swap_remove(index)),
                    None => self.next_new(now, permit),
                }
            }
        }
    }

    /// Picks the probe of an inlet that is down: something else each time. What failed may be
    /// failing for its own sake, and asking with it alone would keep the inlet unavailable forever.
    fn outage_probe(&mut self, now: Now, permit: bool) -> Option<Batch> {
        (0..3).find_map(|turn| match (self.breaker.probes() + turn) % 3 {
            // The one that waits longest; what fails goes to the end.
            1 => (!self.parked.is_empty()).then(|| self.parked.remove(0)),
            2 => self.next_full(now, permit),
            _ => self.next_alone(now, permit),
        })
    }

    fn next_new(&mut self, now: Now, permit: bool) -> Option<Batch> {
        self.next_alone(now, permit)
            .or_else(|| self.next_full(now, permit))
    }

    fn next_alone(&mut self, now: Now, permit: bool) -> Option<Batch> {
        let entity = permit.then(|| self.queues.take_solo())??;
        let mut batch = Batch::new(vec![entity], now.instant);
        batch.is_split = true;
        Some(batch)
    }

    fn next_full(&mut self, now: Now, permit: bool) -> Option<Batch> {
        if !permit || self.batch_due()? > now.instant {
            return None;
        }
        let batch = self
            .queues
            .take_batch(self.limits.capacity, now.instant, now.wall);
        (!batch.is_empty()).then(|| Batch::new(batch, now.instant))
    }

    fn batch_due(&self) -> Option<Instant> {
        let linger = if self.flush {
            Duration::ZERO
        } else {
            self.limits.linger
        };
        self.queues.due(self.limits.capacity, linger)
    }

    /// When [`Self::next`] has to be asked again, if nothing happens before. Never a moment at
    /// which it could do nothing: that would make the driver spin.
    pub(in crate::delivery) fn wake(&self, headroom: Headroom) -> Option<Instant> {
        let resting = self.queues.next_wake();
        let suspects = if self.is_idle() {
            self.suspects.due()
        } else {
            None
        };
        let sending = match self.breaker.state() {
            State::Misconfigured { until } => {
                (self.in_flight.is_empty() && headroom.0 && self.queues.has_ready())
                    .then_some(until)
            }
            State::Unavailable { until, .. } => {
                let fresh = || {
                    if self.queues.has_solo() {
                        Some(until)
                    } else {
                        self.batch_due()
                    }
                };
                let due = if !self.parked.is_empty() {
                    Some(until)
                } else if headroom.0 {
                    fresh()
                } else {
                    None
                };
                due.filter(|_| self.in_flight.is_empty())
                    .map(|due| due.max(until))
            }
            State::Closed if !self.may_send() => None,
            State::Closed => {
                let parked = self.parked.iter().map(|batch| batch.not_before).min();
                let fresh = if self.may_begin(headroom) {
                    self.batch_due()
                } else {
                    None
                };
                [parked, fresh].into_iter().flatten().min()
            }
        };
        [resting, suspects, sending].into_iter().flatten().min()
    }
}
