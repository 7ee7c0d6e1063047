//! The held token: fetched once for everybody, renewed ahead of its end, replaced when it is
//! refused.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::answer::{Failure, Grant, Part};
use super::error::TokenError;
use super::exchange::{self, Exchange};
use super::refusals::{self, Holder, Refusals};
use super::server_clock::ServerClock;
use super::token::{Held, Token};
use crate::config::{CredentialNames, Ims, RetryLimits};
use crate::secret::Secret;

/// Renewal begins at least this long before the end: what Adobe's own Kafka connector keeps (30 s +
/// 60 s).
const LEAST_MARGIN: Duration = Duration::from_secs(90);
/// A longer margin would only shorten the use of a token.
const GREATEST_MARGIN: Duration = Duration::from_secs(600);
/// After a granted token IMS is left alone for so long, also when its tokens end sooner. Adobe
/// throttles clients that ask for too many.
const LEAST_INTERVAL: Duration = Duration::from_secs(5);
/// A wrong credential is not asked for again sooner: only somebody's change heals it.
const CREDENTIAL_PAUSE: Duration = Duration::from_secs(60);

/// Gives out the one current token. Cheap to clone.
#[derive(Clone)]
pub(crate) struct TokenSource(Arc<Inner>);

struct Inner {
    exchange: Exchange,
    clock: Arc<ServerClock>,
    /// One, or two while a secret is being rotated.
    secrets: Vec<Secret>,
    names: CredentialNames,
    retry: RetryLimits,
    state: Mutex<State>,
    /// Told whenever a fetch has ended.
    ended: watch::Sender<()>,
}

struct State {
    held: Option<Held>,
    /// A fetch is under way; there is never a second one.
    under_way: bool,
    /// IMS is not asked before.
    not_before: Instant,
    /// A refused token is not replaced before. Its renewal near its end does not wait for that.
    replace_at: Instant,
    /// Why the last fetch failed; none after a success.
    error: Option<TokenError>,
    /// Failed fetches in a row, and when the first was.
    failures: u32,
    failing_since: Option<Instant>,
    /// Fetches since the start, by their end.
    granted: u64,
    failed: u64,
    refusals: Refusals,
    /// Index of the client secret that worked last.
    secret: usize,
    /// Whether the log was told that body and claims disagree.
    told_units: bool,
    random: fastrand::Rng,
}

/// How things stand with the token, for whoever looks. Nothing of the token itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TokenStatus {
    /// Age and what is left of its life, of a token that is good as far as anyone knows.
    pub(crate) held: Option<(Duration, Duration)>,
    /// Fetches since the start, by their end.
    pub(crate) granted: u64,
    pub(crate) failed: u64,
    /// Why the last fetch failed, and how long ago the first failure in a row was.
    pub(crate) error: Option<(TokenError, Duration)>,
}

/// What a caller of [`TokenSource::token`] does next.
enum Next {
    Take(Token),
    Fail(TokenError),
    Wait,
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSource")
    }
}

// === impl TokenSource ===

impl TokenSource {
    /// Asks nothing yet: the first [`Self::token`] does.
    pub(crate) fn new(ims: &Ims, client: reqwest::Client, retry: RetryLimits) -> Self {
        let clock = Arc::default();
        let exchange = exchange::over_http(ims, client, Arc::clone(&clock));
        Self::with_exchange(ims, exchange, clock, retry, fastrand::Rng::new())
    }

    pub(super) fn with_exchange(
        ims: &Ims,
        exchange: Exchange,
        clock: Arc<ServerClock>,
        retry: RetryLimits,
        random: fastrand::Rng,
    ) -> Self {
        let secrets = [Some(&ims.client_secret), ims.client_secret_next.as_ref()];
        Self(Arc::new(Inner {
            exchange,
            clock,
            secrets: secrets.into_iter().flatten().cloned().collect(),
            names: ims.names.clone(),
            retry,
            state: Mutex::new(State {
                held: None,
                under_way: false,
                not_before: Instant::now(),
                replace_at: Instant::now(),
                error: None,
                failures: 0,
                failing_since: None,
                granted: 0,
                failed: 0,
                refusals: Refusals::default(),
                secret: 0,
                told_units: false,
                random,
            }),
            ended: watch::Sender::new(()),
        }))
    }

    /// The current token. Waits only when there is none, and then all callers for the same fetch;
    /// near the end of a token the next one is fetched in the background. While IMS is left alone
    /// after a failure, fails at once.
    pub(crate) async fn token(&self) -> Result<Token, TokenError> {
        self.take(None).await
    }

    /// The same for somebody who may refuse it. A token that this holder refused is given out again
    /// only while IMS is left alone for the refusals' sake; one that only others refused is as good
    /// as any, also while it is being replaced.
    pub(crate) async fn token_for(&self, holder: Holder) -> Result<Token, TokenError> {
        self.take(Some(holder)).await
    }

    async fn take(&self, holder: Option<Holder>) -> Result<Token, TokenError> {
        let mut ended: Option<watch::Receiver<()>> = None;
        let mut waited = false;
        loop {
            match self.next(holder, waited) {
                Next::Take(token) => return Ok(token),
                Next::Fail(error) => return Err(error),
                Next::Wait => match &mut ended {
                    // Listen first, then look again: the fetch may end in between.
                    None => ended = Some(self.0.ended.subscribe()),
                    Some(ended) => {
                        // The sender lives as long as `self`, so this ends with a fetch.
                        let _ = ended.changed().await;
                        waited = true;
                    }
                },
            }
        }
    }

    /// How long the current token is still good for; `None` when there is none.
    pub(crate) fn life_left(&self) -> Option<Duration> {
        let state = self.0.state();
        let held = state.held.as_ref().filter(|held| !held.is_refused())?;
        Some(held.ends_at.duration_since(Instant::now())).filter(|left| !left.is_zero())
    }

    /// What the clock of IMS shows, in milliseconds since the epoch, by its last dated answer:
    /// never more.
    pub(crate) fn server_time(&self, now: Instant) -> Option<i64> {
        self.0.clock.now_ms(now)
    }

    /// Says that Experience Platform refused this token. It is replaced once, however many requests
    /// it was refused for; a token that was replaced already is not the current one any more, and
    /// nothing happens.
    pub(crate) fn refuse(&self, holder: Holder, token: &Token) {
        let now = Instant::now();
        let mut state = self.0.state();
        let state = &mut *state;
        let Some(held) = state.held.as_mut().filter(|held| held.token.is(token)) else {
            return;
        };
        let by_another = held.holders.values().any(|refused| *refused);
        if held.holders.insert(holder, true) == Some(true) {
            return;
        }
        let pause = state
            .refusals
            .refused(holder, now - held.since, self.0.retry);
        let then = now + self.0.jitter(pause, &mut state.random);
        // What one has to wait for, another may need at once.
        state.replace_at = if by_another {
            state.replace_at.min(then)
        } else {
            then
        };
        if state.error.is_none() {
            // Not even the pause after a granted token: this one is of no use.
            state.not_before = now;
        }
    }

    /// Says that Experience Platform accepted this token.
    pub(crate) fn accept(&self, holder: Holder, token: &Token) {
        let mut state = self.0.state();
        state.refusals.accepted(holder);
        if let Some(held) = state.held.as_mut().filter(|held| held.token.is(token)) {
            held.holders.insert(holder, false);
        }
    }

    /// How things stand now. Asks nothing of IMS.
    pub(crate) fn standing(&self) -> TokenStatus {
        let now = Instant::now();
        let state = self.0.state();
        let good = state
            .held
            .as_ref()
            .filter(|held| !held.is_refused() && now < held.ends_at);
        let failing = state
            .failing_since
            .map(|since| now - since)
            .unwrap_or_default();
        TokenStatus {
            held: good.map(|held| (now - held.since, held.ends_at - now)),
            granted: state.granted,
            failed: state.failed,
            error: state.error.clone().map(|error| (error, failing)),
        }
    }

    fn next(&self, holder: Option<Holder>, waited: bool) -> Next {
        let now = Instant::now();
        let mut state = self.0.state();
        let may_ask = !state.under_way && now >= state.not_before;
        let under_way = state.under_way;
        if let Some(held) = state.held.as_mut().filter(|held| now < held.ends_at) {
            let token = held.token.clone();
            let refused = match holder {
                Some(holder) => *held.holders.entry(holder).or_default(),
                None => held.is_refused(),
            };
            if !refused {
                if may_ask && now >= held.renew_at {
                    self.fetch(&mut state);
                }
                return Next::Take(token);
            }
            // Its replacement has to wait for a while, and a right that was granted meanwhile may
            // show with this one.
            if now < state.replace_at && !under_way {
                return match &state.error {
                    None => Next::Take(token),
                    Some(error) => Next::Fail(error.with_pause(state.replace_at - now)),
                };
            }
        }
        if state.under_way {
            return Next::Wait;
        }
        match &state.error {
            Some(error) if waited || !may_ask => {
                Next::Fail(error.with_pause(state.not_before.saturating_duration_since(now)))
            }
            _ => {
                self.fetch(&mut state);
                Next::Wait
            }
        }
    }

    /// Starts a fetch. A task of its own: a caller that gives up waiting must not end it for the
    /// others.
    fn fetch(&self, state: &mut State) {
        state.under_way = true;
        let under_way = UnderWay(Arc::clone(&self.0));
        let preferred = state.secret;
        tokio::spawn(async move {
            let inner = &under_way.0;
            let asked_at = Instant::now();
            let mut used = preferred;
            let mut answer = inner.ask(used).await;
            let wrong_secret = matches!(
                answer,
                Err(Failure::Credential(Part::Secret | Part::Unknown))
            );
            if wrong_secret && inner.secrets.len() > 1 {
                used = 1 - preferred;
                answer = inner.ask(used).await;
            }
            match answer {
                Ok(grant) => inner.granted(grant, used, asked_at),
                Err(failure) => inner.failed(failure),
            }
        });
    }
}

/// Ends a fetch when it is dropped, also by a panic: callers must not wait for ever.
struct UnderWay(Arc<Inner>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Otherwise the callers would ask again at once, and again.
            self.0.failed(Failure::Defect);
        }
        self.0.state().under_way = false;
        self.0.ended.send_replace(());
    }
}

// === impl Inner ===

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every change leaves the state whole, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(&self, secret: usize) -> Result<Grant, Failure> {
        match self.secrets.get(secret) {
            Some(secret) => (self.exchange)(secret.clone()).await,
            None => Err(Failure::Unusable("there is no such client secret")),
        }
    }

    /// Takes a new token. Its life counts from before the request, by the monotonic clock: the
    /// server's clock may be wrong, and the answer was on its way for a while.
    fn granted(&self, grant: Grant, used: usize, asked_at: Instant) {
        let mut state = self.state();
        if grant.units_disagree && !state.told_units {
            state.told_units = true;
            tracing::info!(
                "the answer of Adobe IMS and the token itself state different lives; the token's counts"
            );
        }
        if used != state.secret {
            let names = [
                Some(&self.names.client_secret),
                self.names.client_secret_next.as_ref(),
            ];
            let name = |index: usize| {
                names
                    .get(index)
                    .copied()
                    .flatten()
                    .map_or("", String::as_str)
            };
            tracing::info!(
                refused = name(state.secret),
                accepted = name(used),
                "another client secret is used from now on"
            );
            state.secret = used;
        }
        let lives_for = humantime::format_duration(Duration::from_secs(grant.life.as_secs()));
        if state.failures == 0 && state.refusals.go_on() {
            tracing::debug!(%lives_for, "got another access token for one that was refused");
        } else {
            tracing::info!(%lives_for, "got an access token");
        }
        state.failures = 0;
        state.failing_since = None;
        state.granted += 1;
        state.error = (grant.life < LEAST_INTERVAL).then(|| {
            TokenError::new(
                Failure::Unusable("its token ends within seconds"),
                &self.names,
                LEAST_INTERVAL,
            )
        });
        state.not_before = asked_at + LEAST_INTERVAL;
        state.held = Some(Held {
            token: Token::new(grant.bearer),
            since: asked_at,
            renew_at: asked_at + grant.life.saturating_sub(margin(grant.life)),
            ends_at: asked_at + grant.life,
            holders: BTreeMap::new(),
        });
    }

    fn failed(&self, failure: Failure) {
        let now = Instant::now();
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        state.failing_since.get_or_insert(now);
        state.failed += 1;
        let failures = state.failures;
        let pause = match &failure {
            Failure::Credential(_) | Failure::Refused { .. } => CREDENTIAL_PAUSE,
            // From outside, so neither trusted to be sane.
            Failure::Unavailable {
                pause: Some(pause), ..
            } => (*pause).clamp(self.retry.initial, self.retry.max),
            _ => self.backoff(failures, &mut state.random),
        };
        let error = TokenError::new(failure, &self.names, pause);
        let valid = state
            .held
            .as_ref()
            .filter(|held| !held.is_refused() && now < held.ends_at);
        let left = valid
            .map_or(Duration::ZERO, |held| held.ends_at.duration_since(now))
            .as_secs();
        // Once, and again when there is something else to say.
        if failures == 1 || state.error.as_ref().map(ToString::to_string) != Some(error.to_string())
        {
            tracing::warn!(%error, held_token_valid_for_seconds = left, "no new access token; asking again");
        } else {
            tracing::debug!(%error, attempt = failures, "still no new access token");
        }
        state.not_before = now + pause;
        state.error = Some(error);
    }

    /// Exponential backoff with full jitter, so that several connectors do not ask in step.
    fn backoff(&self, attempt: u32, random: &mut fastrand::Rng) -> Duration {
        let longest = refusals::grown(self.retry.initial, attempt, self.retry.max);
        let longest = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(random.u64(1..=longest.max(1)))
    }

    /// At least half of a pause, so that its bound holds.
    fn jitter(&self, pause: Duration, random: &mut fastrand::Rng) -> Duration {
        let half = pause / 2;
        half + half.mul_f64(random.f64())
    }
}

/// How long before its end a token is renewed: 5 % of its life within bounds, but never more than
/// half of it.
fn margin(life: Duration) -> Duration {
    (life / 20)
        .clamp(LEAST_MARGIN, GREATEST_MARGIN)
        .min(life / 2)
}
