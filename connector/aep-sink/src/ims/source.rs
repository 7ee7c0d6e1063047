//! The current token: fetched once for all callers, renewed ahead of its end, replaced when it is
//! refused.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::error::TokenError;
use super::refusals::Refusals;
use super::response::{CredentialPart, RequestError, TokenGrant};
use super::server_clock::ServerClock;
use super::token::{CurrentToken, Token};
use super::token_endpoint::{self, TokenEndpoint};
use crate::backoff::Backoff;
use crate::config::{CredentialNames, Ims, RetryLimits};
use crate::http::ApiClient;
use crate::inlet_name::InletName;
use crate::secret::Secret;

/// Renewal begins at least this long before the end: what Adobe's own Kafka connector keeps (30 s +
/// 60 s).
const LEAST_MARGIN: Duration = Duration::from_secs(90);
/// A longer margin would only shorten the use of a token.
const GREATEST_MARGIN: Duration = Duration::from_secs(600);
/// After a granted token IMS gets no request for this long, also when its tokens end sooner. Adobe
/// throttles clients that ask for too many.
const LEAST_INTERVAL: Duration = Duration::from_secs(5);
/// A wrong credential is not asked for again sooner: only somebody's change heals it.
const CREDENTIAL_PAUSE: Duration = Duration::from_secs(60);

/// Gives out the one current token. Cheap to clone.
#[derive(Clone)]
pub(crate) struct TokenSource(Arc<Inner>);

struct Inner {
    endpoint: TokenEndpoint,
    clock: Arc<ServerClock>,
    /// One, or two while a secret is being rotated.
    secrets: Vec<Secret>,
    names: CredentialNames,
    retry: RetryLimits,
    state: Mutex<State>,
    /// Notified whenever a fetch has ended.
    ended: watch::Sender<()>,
}

struct State {
    current: Option<CurrentToken>,
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
    /// Whether it was logged that body and claims disagree.
    warned_units: bool,
    /// Of failed fetches.
    backoff: Backoff,
    random: fastrand::Rng,
}

/// The state of the token, for metrics and `/status`. Nothing of the token itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TokenStatus {
    /// Age and what is left of its life, of a token that is good as far as anyone knows.
    pub(crate) current: Option<(Duration, Duration)>,
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
    /// Requests nothing yet: the first [`Self::token`] does.
    pub(crate) fn new(ims: &Ims, client: ApiClient, retry: RetryLimits) -> Self {
        let clock = Arc::default();
        let endpoint = token_endpoint::over_http(ims, client, Arc::clone(&clock));
        Self::with_endpoint(ims, endpoint, clock, retry, fastrand::Rng::new())
    }

    pub(super) fn with_endpoint(
        ims: &Ims,
        endpoint: TokenEndpoint,
        clock: Arc<ServerClock>,
        retry: RetryLimits,
        mut random: fastrand::Rng,
    ) -> Self {
        let secrets = [Some(&ims.client_secret), ims.client_secret_next.as_ref()];
        Self(Arc::new(Inner {
            endpoint,
            clock,
            secrets: secrets.into_iter().flatten().cloned().collect(),
            names: ims.names.clone(),
            retry,
            state: Mutex::new(State {
                current: None,
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
                warned_units: false,
                backoff: Backoff::new(retry, random.fork()),
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

    /// The same for an inlet, which may refuse it. A token that this inlet refused is given out
    /// again only while its replacement has to wait; one that only the other inlet refused is as
    /// good as any, also while it is being replaced.
    pub(crate) async fn token_for(&self, inlet: InletName) -> Result<Token, TokenError> {
        self.take(Some(inlet)).await
    }

    async fn take(&self, inlet: Option<InletName>) -> Result<Token, TokenError> {
        let mut ended: Option<watch::Receiver<()>> = None;
        let mut waited = false;
        loop {
            match self.next(inlet, waited) {
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
        let current = state
            .current
            .as_ref()
            .filter(|current| !current.is_refused())?;
        Some(current.ends_at.duration_since(Instant::now())).filter(|left| !left.is_zero())
    }

    /// What the clock of IMS shows, in milliseconds since the epoch, by its last dated response:
    /// never more.
    pub(crate) fn server_time(&self, now: Instant) -> Option<i64> {
        self.0.clock.now_ms(now)
    }

    /// Says that Experience Platform refused this token. It is replaced once, however many requests
    /// it was refused for; a token that was replaced already is not the current one any more, and
    /// nothing happens.
    pub(crate) fn refuse(&self, inlet: InletName, token: &Token) {
        let now = Instant::now();
        let mut state = self.0.state();
        let state = &mut *state;
        let Some(current) = state
            .current
            .as_mut()
            .filter(|current| current.token.is(token))
        else {
            return;
        };
        let by_another = current.inlets.values().any(|refused| *refused);
        if current.inlets.insert(inlet, true) == Some(true) {
            return;
        }
        let pause = state
            .refusals
            .refused(inlet, now - current.since, self.0.retry);
        // At least half of the pause, so that requests stay as rare as it says.
        let then = now + pause.mul_f64((1.0 + state.random.f64()) / 2.0);
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
    pub(crate) fn accept(&self, inlet: InletName, token: &Token) {
        let mut state = self.0.state();
        state.refusals.accepted(inlet);
        if let Some(current) = state
            .current
            .as_mut()
            .filter(|current| current.token.is(token))
        {
            current.inlets.insert(inlet, false);
        }
    }

    /// The state now. Sends nothing to IMS.
    pub(crate) fn status(&self) -> TokenStatus {
        let now = Instant::now();
        let state = self.0.state();
        let good = state
            .current
            .as_ref()
            .filter(|current| !current.is_refused() && now < current.ends_at);
        let failing = state
            .failing_since
            .map(|since| now - since)
            .unwrap_or_default();
        TokenStatus {
            current: good.map(|current| (now - current.since, current.ends_at - now)),
            granted: state.granted,
            failed: state.failed,
            error: state.error.clone().map(|error| (error, failing)),
        }
    }

    fn next(&self, inlet: Option<InletName>, waited: bool) -> Next {
        let now = Instant::now();
        let mut state = self.0.state();
        let may_ask = !state.under_way && now >= state.not_before;
        let under_way = state.under_way;
        if let Some(current) = state
            .current
            .as_mut()
            .filter(|current| now < current.ends_at)
        {
            let token = current.token.clone();
            let refused = match inlet {
                Some(inlet) => *current.inlets.entry(inlet).or_default(),
                None => current.is_refused(),
            };
            if !refused {
                if may_ask && now >= current.renew_at {
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
            let mut result = inner.request(used).await;
            let wrong_secret = matches!(
                result,
                Err(RequestError::InvalidClient(
                    CredentialPart::Secret | CredentialPart::Unknown
                ))
            );
            if wrong_secret && inner.secrets.len() > 1 {
                used = 1 - preferred;
                result = inner.request(used).await;
            }
            match result {
                Ok(grant) => inner.granted(grant, used, asked_at),
                Err(failure) => inner.failed(failure),
            }
        });
    }
}

/// Ends a fetch when it is dropped, also by a panic: callers must not wait without end.
struct UnderWay(Arc<Inner>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Otherwise the callers would ask again at once, and again.
            self.0.failed(RequestError::Defect);
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

    async fn request(&self, secret: usize) -> Result<TokenGrant, RequestError> {
        match self.secrets.get(secret) {
            Some(secret) => (self.endpoint)(secret.clone()).await,
            None => Err(RequestError::Unusable("there is no such client secret")),
        }
    }

    /// Takes a new token. Its life counts from before the request, by the monotonic clock: the
    /// server's clock may be wrong, and the response was on its way for a while.
    fn granted(&self, grant: TokenGrant, used: usize, asked_at: Instant) {
        let mut state = self.state();
        if grant.units_disagree && !state.warned_units {
            state.warned_units = true;
            tracing::info!(
                "the answer of Adobe IMS and the token itself state different lives; the token's \
                counts"
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
        if state.failures == 0 && state.refusals.any_persistent() {
            tracing::debug!(%lives_for, "got another access token for one that was refused");
        } else {
            tracing::info!(%lives_for, "got an access token");
        }
        state.failures = 0;
        state.failing_since = None;
        state.granted += 1;
        state.error = (grant.life < LEAST_INTERVAL).then(|| {
            TokenError::new(
                RequestError::Unusable("its token ends within seconds"),
                &self.names,
                LEAST_INTERVAL,
            )
        });
        state.not_before = asked_at + LEAST_INTERVAL;
        state.current = Some(CurrentToken {
            token: Token::new(grant.bearer),
            since: asked_at,
            renew_at: asked_at + grant.life.saturating_sub(margin(grant.life)),
            ends_at: asked_at + grant.life,
            inlets: BTreeMap::new(),
        });
    }

    fn failed(&self, failure: RequestError) {
        let now = Instant::now();
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        state.failing_since.get_or_insert(now);
        state.failed += 1;
        let failures = state.failures;
        let pause = match &failure {
            RequestError::InvalidClient(_) | RequestError::Refused { .. } => CREDENTIAL_PAUSE,
            // From outside, so neither trusted to be sane.
            RequestError::Unavailable {
                pause: Some(pause), ..
            } => (*pause).clamp(self.retry.initial, self.retry.max),
            // With full jitter, so that several connectors do not ask in step.
            _ => state.backoff.pause(failures),
        };
        let error = TokenError::new(failure, &self.names, pause);
        let valid = state
            .current
            .as_ref()
            .filter(|current| !current.is_refused() && now < current.ends_at);
        let left = valid
            .map_or(Duration::ZERO, |current| {
                current.ends_at.duration_since(now)
            })
            .as_secs();
        // Once, and again when there is something else to say.
        if failures == 1 || state.error.as_ref().map(ToString::to_string) != Some(error.to_string())
        {
            tracing::warn!(%error, held_token_valid_for_seconds = left, "no new access token; \
                asking again");
        } else {
            tracing::debug!(%error, attempt = failures, "still no new access token");
        }
        state.not_before = now + pause;
        state.error = Some(error);
    }
}

/// How long before its end a token is renewed: 5 % of its life within bounds, but never more than
/// half of it.
fn margin(life: Duration) -> Duration {
    (life / 20)
        .clamp(LEAST_MARGIN, GREATEST_MARGIN)
        .min(life / 2)
}
