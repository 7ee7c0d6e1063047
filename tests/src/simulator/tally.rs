//! Acceptance without a memory: requests are let in as always, messages are counted, and nothing is
//! kept of them.
//!
//! For measuring whoever sends. Checking and keeping every message costs several times what a
//! client spends on sending it, and on one machine that would be measured instead.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::watch;

use super::clock::now_ms;
use super::config::{InletConfig, Records};

/// What an XDM header's creation time is followed by, so that no entity's own `createdAt` is taken
/// for it.
const AFTER_CREATED_AT: &str = "},\"body\":";
const CREATED_AT: &str = "\"createdAt\":";
/// Longest age that is told apart, in milliseconds.
const OLDEST: usize = 120_000;

/// What was counted since the last [`Tally::reset`].
#[derive(Debug, Default)]
pub struct Tally {
    events: AtomicU64,
    statements: AtomicU64,
    requests: AtomicU64,
    bytes: AtomicU64,
    under_way: AtomicUsize,
    most_at_once: AtomicUsize,
    down: AtomicBool,
    ages: Mutex<Ages>,
    bodies: Mutex<Option<Vec<Body>>>,
    last: Mutex<Option<Instant>>,
    progress: watch::Sender<()>,
}

/// How old events were when their answer was sent: how many of each age.
#[derive(Debug, Clone, Default)]
pub struct Ages {
    by_ms: Vec<u64>,
    count: u64,
}

/// A request's body as it came.
#[derive(Debug, Clone)]
pub struct Body {
    /// Where it went.
    pub records: Records,
    /// Whether it went to `/collection/batch/`.
    pub batch: bool,
    /// The bytes.
    pub bytes: Bytes,
}

/// The counts of a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tallied {
    /// Events acknowledged.
    pub events: u64,
    /// Profile statements acknowledged.
    pub statements: u64,
    /// Requests acknowledged.
    pub requests: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
    /// The most requests under way at once.
    pub most_at_once: usize,
}

/// Counts a request as under way until it is dropped.
pub(super) struct UnderWay<'a>(&'a Tally);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tally {
    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> Tallied {
        let number = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Tallied {
            events: number(&self.events),
            statements: number(&self.statements),
            requests: number(&self.requests),
            bytes: number(&self.bytes),
            most_at_once: self.most_at_once.load(Ordering::Relaxed),
        }
    }

    /// How old the events were when they were acknowledged, for those that say when they were
    /// created.
    #[must_use]
    pub fn ages(&self) -> Ages {
        lock(&self.ages).clone()
    }

    /// When the last request was acknowledged.
    #[must_use]
    pub fn last(&self) -> Option<Instant> {
        *lock(&self.last)
    }

    /// Begins to keep the bodies of acknowledged requests.
    pub fn keep_bodies(&self) {
        *lock(&self.bodies) = Some(Vec::new());
    }

    /// The bodies kept, in the order of acknowledgement; none are kept from now on.
    #[must_use]
    pub fn take_bodies(&self) -> Vec<Body> {
        lock(&self.bodies).take().unwrap_or_default()
    }

    /// Answers every request with 503 from now on, or no longer.
    pub fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::Relaxed);
    }

    /// Sets the counts to zero. What is under way is counted when it ends.
    pub fn reset(&self) {
        for counter in [&self.events, &self.statements, &self.requests, &self.bytes] {
            counter.store(0, Ordering::Relaxed);
        }
        self.most_at_once.store(0, Ordering::Relaxed);
        *lock(&self.ages) = Ages::default();
    }

    /// Waits until the counts are as wanted; asked after every acknowledgement.
    pub async fn wait_until(&self, mut wanted: impl FnMut(Tallied) -> bool) {
        let mut progress = self.progress.subscribe();
        while !wanted(self.counts()) {
            // The sender lives in `self`, so this only returns when something was counted.
            let _sender_lives = progress.changed().await;
        }
    }

    pub(super) fn is_down(&self) -> bool {
        self.down.load(Ordering::Relaxed)
    }

    pub(super) fn begin(&self) -> UnderWay<'_> {
        let now = self.under_way.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_at_once.fetch_max(now, Ordering::Relaxed);
        UnderWay(self)
    }

    /// Counts an acknowledged request.
    pub(super) fn acknowledged(
        &self,
        inlet: &InletConfig,
        batch: bool,
        body: &Bytes,
        messages: &Messages,
    ) {
        let counter = match inlet.records {
            Records::Events => &self.events,
            Records::Profiles => &self.statements,
        };
        counter.fetch_add(messages.count as u64, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(body.len() as u64, Ordering::Relaxed);
        lock(&self.ages).add(now_ms(), &messages.created);
        if let Some(bodies) = lock(&self.bodies).as_mut() {
            bodies.push(Body {
                records: inlet.records,
                batch,
                bytes: body.clone(),
            });
        }
        *lock(&self.last) = Some(Instant::now());
        self.progress.send_replace(());
    }
}

impl Ages {
    fn add(&mut self, now: u64, created: &[u64]) {
        for created in created {
            let age = usize::try_from(now.saturating_sub(*created))
                .unwrap_or(OLDEST)
                .min(OLDEST);
            if self.by_ms.len() <= age {
                self.by_ms.resize(age + 1, 0);
            }
            self.by_ms[age] += 1;
            self.count += 1;
        }
    }

    /// How many ages were noted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The age in milliseconds that this share (0 to 1) of the events did not exceed; `None`
    /// without events.
    #[must_use]
    pub fn at_share(&self, share: f64) -> Option<u64> {
        let rank = ((self.count as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        self.by_ms
            .iter()
            .position(|count| {
                seen += count;
                seen >= rank
            })
            .map(|age| age as u64)
    }
}

/// What is looked at in a body.
#[derive(Debug, Default)]
pub(super) struct Messages {
    pub(super) count: usize,
    /// When they were created, by the headers that say so.
    created: Vec<u64>,
}

impl Messages {
    /// Counts the messages of a batch by their headers' creation times, which every XDM message
    /// has; a body without any is one message.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        let created: Vec<u64> = text
            .match_indices(CREATED_AT)
            .filter_map(|(at, _)| {
                let rest = &text[at + CREATED_AT.len()..];
                let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                let (number, rest) = rest.split_at(digits);
                rest.starts_with(AFTER_CREATED_AT)
                    .then(|| number.parse().ok())?
            })
            .collect();
        Some(Self {
            count: created.len().max(1),
            created,
        })
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_a_batch_are_counted_by_their_headers() {
        let body = br#"{"messages":[{"header":{"createdAt":5},"body":{"createdAt":7}},{"header":{"createdAt":6},"body":{"text":"\"createdAt\":8},\"body\":"}}]}"#;
        let messages = Messages::read(body).unwrap();
        assert_eq!((messages.count, messages.created), (2, vec![5, 6]));
        assert_eq!(Messages::read(b"{\"a\":1}").unwrap().count, 1);
    }

    #[test]
    fn ages_are_given_by_the_share_of_younger_events() {
        let mut ages = Ages::default();
        assert_eq!(ages.at_share(0.5), None);
        ages.add(100, &[100, 90, 90, 0, 200]);
        assert_eq!(
            [0.4, 0.8, 1.0].map(|share| ages.at_share(share)),
            [0, 10, 100].map(Some)
        );
    }
}
