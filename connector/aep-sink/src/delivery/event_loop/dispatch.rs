//! What may be sent now: requests and dead letters.

use std::sync::Arc;

use tokio::time::Instant;

use super::error::DeliveryError;
use super::state::{Delivery, Inlet, Writing};
use crate::aep::{Kind, Transport};
use crate::backoff::Backoff;
use crate::dead_letter::{self, DeadLetters};
use crate::delivery::attempt::Tokens;
use crate::delivery::pipeline::{Headroom, NextRequest};
use crate::inlet_name::InletName;

impl<T, K, D> Delivery<T, K, D>
where
    T: Transport + 'static,
    K: Tokens + 'static,
    D: DeadLetters + 'static,
{
    /// Starts whatever may start now, and draws the consequences of what has ended.
    pub(super) fn dispatch(&mut self) -> Result<(), DeliveryError> {
        let now = self.now();
        let mut last = None;
        loop {
            let mut started = false;
            for name in self.turns {
                if self.is_other_busy(name) {
                    continue;
                }
                let headroom = self.headroom(name);
                let Some(inlet) = self.inlet(name) else {
                    continue;
                };
                let batched = inlet.endpoint.batched();
                let Some(NextRequest {
                    id,
                    entities,
                    coalesced,
                    withdrawn,
                }) = inlet.pipeline.next(now, headroom)
                else {
                    continue;
                };
                let count = entities.len();
                started = true;
                last = Some(name);
                let bodies = entities
                    .iter()
                    .map(|entity| (entity.record.at, entity.json.clone()));
                let request = match coalesced {
                    None => inlet.endpoint.request(bodies.collect()),
                    Some(json) => inlet
                        .endpoint
                        .request(bodies.take(1).map(|(at, _)| (at, json.clone())).collect()),
                };
                let kind = if batched {
                    Kind::Batch(count)
                } else {
                    Kind::Single
                };
                let sender = Arc::clone(&inlet.sender);
                self.in_flight.push(Box::pin(async move {
                    (name, id, sender.send(request, kind, count, withdrawn).await)
                }));
            }
            // In turns: with a limit of one, the first of a fixed order would always win.
            if self.turns.first() == last.as_ref() {
                self.turns.swap(0, 1);
            }
            if !started {
                break;
            }
        }
        for name in [InletName::Events, InletName::Profiles] {
            let Some(inlet) = self.inlet(name) else {
                continue;
            };
            let load = inlet.pipeline.load();
            let completed = inlet.pipeline.take_completed();
            self.parts.metrics.in_flight(name, load);
            for completed in completed {
                self.on_completed(name, completed)?;
            }
        }
        while let Some(mut to_write) = self.dead_letters.next()? {
            let dead_letters = Arc::clone(&self.parts.dead_letters);
            let failures = Arc::clone(&self.write_failures);
            let mut backoff = Backoff::new(self.platform.retry, self.parts.random.fork());
            let id = to_write.id;
            let write = Box::pin(async move {
                dead_letter::write(
                    &*dead_letters,
                    &mut to_write.batch,
                    to_write.is_smallest,
                    &mut backoff,
                    &failures,
                )
                .await
            });
            self.writing.push(Writing { id, write });
        }
        Ok(())
    }

    /// What fits below the bound of both inlets together. A quarter of it is left to the other
    /// inlet: requests that wait for an inlet that is down must not stop the one that works. Of a
    /// bound of one no quarter can be left: it counts what is in flight only, and the inlets take
    /// turns.
    fn headroom(&self, name: InletName) -> Headroom {
        let most = self.platform.concurrency.upper_bound().get();
        let events = self.events.pipeline.load();
        let Some(profiles) = self.profiles.as_ref().map(|inlet| inlet.pipeline.load()) else {
            return Headroom(events < most);
        };
        let own = if name == InletName::Events {
            events
        } else {
            profiles
        };
        if most == 1 {
            return Headroom(own == 0 && !self.is_other_busy(name));
        }
        Headroom(own < most - most.div_ceil(4) && events + profiles < most)
    }

    /// Whether only one request may be in flight, and the other inlet has it.
    fn is_other_busy(&self, name: InletName) -> bool {
        let mut others = std::iter::once(&self.events).chain(self.profiles.as_ref());
        self.platform.concurrency.upper_bound().get() == 1
            && others.any(|inlet| inlet.name != name && inlet.pipeline.in_flight() > 0)
    }

    pub(super) fn wake(&self) -> Option<Instant> {
        let wake = |inlet: &Inlet<T, K>| {
            // The end of that request wakes the loop.
            let waits = self.is_other_busy(inlet.name);
            inlet
                .pipeline
                .wake(self.headroom(inlet.name))
                .filter(|_| !waits)
        };
        let events = wake(&self.events);
        let profiles = self.profiles.as_ref().and_then(wake);
        let report = self.write_report.due();
        [events, profiles, report].into_iter().flatten().min()
    }
}
