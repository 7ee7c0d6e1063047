//! The one loop: source items in, requests and dead letters in flight, settlements out.

mod ahead;
mod completion;
mod dispatch;
mod error;
mod intake;
mod revocation;
mod state;

use std::pin::pin;

use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep_until};

use super::attempt::Tokens;
use super::pipeline::Now;
use crate::aep::Transport;
use crate::dead_letter::DeadLetters;
use crate::offset_tracker::SourceItem;

pub(crate) use error::DeliveryError;
use state::Finished;
pub(crate) use state::{Delivery, Parts};

/// Source items taken at once.
const MAX_ITEMS: usize = 1024;

impl<T, K, D> Delivery<T, K, D>
where
    T: Transport + 'static,
    K: Tokens + 'static,
    D: DeadLetters + 'static,
{
    /// Runs until the channel is closed and everything is settled. May be dropped at any moment:
    /// what was not acknowledged is then not settled, and is sent again by the next run.
    pub(crate) async fn run(
        mut self,
        mut items: Receiver<SourceItem>,
    ) -> Result<(), DeliveryError> {
        let mut buffer = Vec::with_capacity(MAX_ITEMS);
        let mut is_open = true;
        // Kept over the turns of the loop: nearly all of them wait for the same moment as the one
        // before.
        let mut alarm = pin!(sleep_until(Instant::now()));
        loop {
            self.dispatch()?;
            self.end_revocations();
            self.write_report.tell(Instant::now());
            self.ahead.report(Instant::now(), &self.parts.conditions);
            if !is_open && self.open.is_empty() {
                self.write_report.tell_all();
                return Ok(());
            }
            let wake = self.wake();
            if let Some(wake) = wake.filter(|wake| *wake != alarm.deadline()) {
                alarm.as_mut().reset(wake);
            }
            tokio::select! {
                count = items.recv_many(&mut buffer, MAX_ITEMS), if is_open => {
                    if count == 0 {
                        is_open = false;
                        self.inlets().for_each(|inlet| inlet.pipeline.flush());
                    }
                    for item in buffer.drain(..) {
                        self.accept(item)?;
                    }
                }
                Some(finished) = self.in_flight.next() => {
                    let now = self.now();
                    self.on_finished(finished, now)?;
                    // Responses come together. What follows from them is then done once.
                    while let Some(Some(finished)) = self.in_flight.next().now_or_never() {
                        self.on_finished(finished, now)?;
                    }
                }
                Some((write, is_written)) = self.writing.next() => {
                    for written in self.dead_letters.ended(write, is_written)? {
                        self.on_dead_letter_written(&written)?;
                    }
                }
                Some(revocation) = self.parts.revocations.next() => {
                    self.revoke(revocation, &mut items)?;
                }
                () = &mut alarm, if wake.is_some() => {}
            }
        }
    }

    fn on_finished(
        &mut self,
        (name, id, (result, timing)): Finished,
        now: Now,
    ) -> Result<(), DeliveryError> {
        if let Some(inlet) = self.inlet(name) {
            inlet.pipeline.on_response(id, result, timing, now);
        }
        let slowest = self.inlets().map(|inlet| inlet.pipeline.answer_time());
        let slowest = slowest.max().unwrap_or_default();
        self.parts.tracker.set_answer_time(slowest);
        self.drop_revoked(now)
    }
}
