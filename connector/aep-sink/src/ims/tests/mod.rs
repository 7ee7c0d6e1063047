//! Promises of the token's lifecycle. These run on paused time with a scripted endpoint.

mod over_http;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::header::HeaderValue;
use tokio::time::{advance, sleep};
use url::Url;

use super::response::{CredentialPart, RequestError, TokenGrant};
use super::{Token, TokenSource};
use crate::config::{CredentialNames, Ims, RetryLimits};
use crate::error::{Fault, Retry};
use crate::inlet_name::InletName;
use crate::secret::Secret;

const EVENTS: InletName = InletName::Events;
const PROFILES: InletName = InletName::Profiles;
const DAY: Duration = Duration::from_secs(86_400);
const RETRY: RetryLimits = RetryLimits {
    initial: Duration::from_millis(200),
    max: Duration::from_secs(30),
};

fn ims(url: &str, next: bool) -> Ims {
    Ims {
        client_id: Secret::new("the-id"),
        client_secret: Secret::new("hush-1"),
        client_secret_next: next.then(|| Secret::new("hush-2")),
        token_url: Url::parse(url).unwrap(),
        scope: "openid,AdobeID".to_owned(),
        names: CredentialNames {
            client_id: "secrets.IMS_CLIENT_ID".to_owned(),
            client_secret: "secrets.IMS_CLIENT_SECRET".to_owned(),
            client_secret_next: next.then(|| "secrets.NEXT".to_owned()),
        },
    }
}

/// What the scripted IMS answers next.
enum Answer {
    /// A token `Bearer <name>` that lives for so long.
    Token(&'static str, Duration),
    Fails(RequestError),
}

/// A scripted IMS: 100 ms for every answer. Remembers the secrets it was asked with.
#[derive(Clone, Default)]
struct Script(Arc<Mutex<(VecDeque<Answer>, Vec<String>)>>);

impl Script {
    fn of(answers: impl IntoIterator<Item = Answer>) -> Self {
        let script = Self::default();
        script.then(answers);
        script
    }

    fn then(&self, answers: impl IntoIterator<Item = Answer>) {
        self.0.lock().unwrap().0.extend(answers);
    }

    fn asked(&self) -> usize {
        self.0.lock().unwrap().1.len()
    }

    fn secrets(&self) -> Vec<String> {
        self.0.lock().unwrap().1.clone()
    }

    fn source(&self) -> TokenSource {
        self.source_with(false)
    }

    fn source_with(&self, next: bool) -> TokenSource {
        let script = self.clone();
        let endpoint = Box::new(move |secret: Secret| {
            let script = script.clone();
            let answer: futures_util::future::BoxFuture<'static, _> = Box::pin(async move {
                script.0.lock().unwrap().1.push(secret.expose().to_owned());
                sleep(Duration::from_millis(100)).await;
                match script.0.lock().unwrap().0.pop_front() {
                    Some(Answer::Token(name, life)) => Ok(TokenGrant {
                        bearer: HeaderValue::from_str(&format!("Bearer {name}")).unwrap(),
                        life,
                        units_disagree: false,
                    }),
                    Some(Answer::Fails(failure)) => Err(failure),
                    None => panic!("IMS was asked more often than the script has answers"),
                }
            });
            answer
        });
        TokenSource::with_endpoint(
            &ims("https://ims.example/", next),
            endpoint,
            Arc::default(),
            RETRY,
            fastrand::Rng::with_seed(1),
        )
    }
}

fn name(token: &Token) -> &str {
    token
        .bearer()
        .to_str()
        .unwrap()
        .trim_start_matches("Bearer ")
}

async fn take(source: &TokenSource) -> String {
    name(&source.token_for(EVENTS).await.unwrap()).to_owned()
}

fn down() -> Answer {
    Answer::Fails(RequestError::Unavailable {
        status: 503,
        pause: None,
    })
}

/// Lets a background fetch come to its end.
async fn settle() {
    sleep(Duration::from_millis(150)).await;
}

#[tokio::test(start_paused = true)]
async fn many_callers_share_one_fetch() {
    let script = Script::of([Answer::Token("one", DAY)]);
    let source = script.source();
    let callers: Vec<_> = (0..50)
        .map(|_| {
            tokio::spawn({
                let source = source.clone();
                async move { take(&source).await }
            })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), "one");
    }
    assert_eq!(script.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn caller_that_gives_up_does_not_end_the_fetch_of_the_others() {
    let script = Script::of([Answer::Token("one", DAY)]);
    let source = script.source();
    assert!(
        tokio::time::timeout(Duration::from_millis(10), source.token_for(EVENTS))
            .await
            .is_err()
    );
    assert_eq!(take(&source).await, "one");
    assert_eq!(script.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn token_is_renewed_ten_minutes_ahead_while_the_old_one_is_used() {
    let script = Script::of([Answer::Token("one", DAY), Answer::Token("two", DAY)]);
    let source = script.source();
    take(&source).await;
    advance(DAY - Duration::from_secs(601)).await;
    assert_eq!(take(&source).await, "one");
    settle().await;
    assert_eq!(script.asked(), 1, "601 s before the end is too early");
    advance(Duration::from_secs(2)).await;
    assert_eq!(take(&source).await, "one", "nobody waits for a renewal");
    settle().await;
    assert_eq!(take(&source).await, "two");
    assert_eq!(script.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn token_of_ten_minutes_is_renewed_ninety_seconds_ahead() {
    let script = Script::of([
        Answer::Token("one", Duration::from_secs(600)),
        Answer::Token("two", DAY),
    ]);
    let source = script.source();
    take(&source).await;
    advance(Duration::from_secs(505)).await;
    take(&source).await;
    settle().await;
    assert_eq!(script.asked(), 1);
    advance(Duration::from_secs(5)).await;
    take(&source).await;
    settle().await;
    assert_eq!(take(&source).await, "two");
}

#[tokio::test(start_paused = true)]
async fn valid_token_is_used_to_its_very_end_while_ims_is_down() {
    let script = Script::of([Answer::Token("one", Duration::from_secs(600))]);
    let source = script.source();
    take(&source).await;
    script.then((0..40).map(|_| down()));
    advance(Duration::from_secs(520)).await;
    for _ in 0..79 {
        assert_eq!(take(&source).await, "one");
        sleep(Duration::from_secs(1)).await;
    }
    let asked = script.asked();
    assert!(
        (4..=30).contains(&asked),
        "asked {asked} times in 80 s: it must try, and back off"
    );
    sleep(Duration::from_secs(2)).await;
    let error = source.token_for(EVENTS).await.unwrap_err();
    assert_eq!(error.fault(), Fault::External);
    assert!(matches!(error.retry(), Retry::After(pause) if pause <= RETRY.max));
}

#[tokio::test(start_paused = true)]
async fn ims_is_left_alone_while_it_fails_however_often_callers_ask() {
    let script = Script::of((0..100).map(|_| down()));
    let source = script.source();
    for _ in 0..1_200 {
        source.token_for(EVENTS).await.unwrap_err();
        sleep(Duration::from_millis(50)).await;
    }
    assert!(
        script.asked() <= 30,
        "asked {} times in a minute",
        script.asked()
    );
}

#[tokio::test(start_paused = true)]
async fn pause_that_ims_names_is_kept_and_clamped() {
    let busy = |seconds| {
        Answer::Fails(RequestError::Unavailable {
            status: 429,
            pause: Some(Duration::from_secs(seconds)),
        })
    };
    let script = Script::of([busy(7), busy(86_400), Answer::Token("one", DAY)]);
    let source = script.source();
    assert_eq!(
        source.token_for(EVENTS).await.unwrap_err().retry(),
        Retry::After(Duration::from_secs(7))
    );
    sleep(Duration::from_secs(6)).await;
    assert_eq!(
        source.token_for(EVENTS).await.unwrap_err().retry(),
        Retry::After(Duration::from_secs(1))
    );
    sleep(Duration::from_secs(1)).await;
    assert_eq!(
        source.token_for(EVENTS).await.unwrap_err().retry(),
        Retry::After(RETRY.max)
    );
    sleep(RETRY.max).await;
    assert_eq!(take(&source).await, "one");
}

#[tokio::test(start_paused = true)]
async fn refused_token_is_replaced_once_for_all_its_requests() {
    let script = Script::of([Answer::Token("one", DAY), Answer::Token("two", DAY)]);
    let source = script.source();
    let first = source.token_for(EVENTS).await.unwrap();
    for _ in 0..10 {
        source.refuse(EVENTS, &first);
    }
    let second = source.token_for(EVENTS).await.unwrap();
    assert_eq!(name(&second), "two");
    source.refuse(EVENTS, &first);
    assert_eq!(
        take(&source).await,
        "two",
        "a late refusal of the old token does not touch the new one"
    );
    assert_eq!(script.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn refused_token_is_not_given_out_while_ims_fails() {
    let script = Script::of([Answer::Token("one", DAY), down()]);
    let source = script.source();
    source.refuse(EVENTS, &source.token_for(EVENTS).await.unwrap());
    assert_eq!(
        source.token_for(EVENTS).await.unwrap_err().fault(),
        Fault::External
    );
}

#[tokio::test(start_paused = true)]
async fn when_every_new_token_is_refused_ims_is_not_flooded() {
    let script = Script::of((0..200).map(|_| Answer::Token("again", DAY)));
    let source = script.source();
    for _ in 0..600 {
        source.refuse(EVENTS, &source.token_for(EVENTS).await.unwrap());
        sleep(Duration::from_millis(100)).await;
    }
    assert!(
        script.asked() <= 30,
        "asked {} times in a minute",
        script.asked()
    );
}

/// Refuses whatever it is given, as a held inlet that probes every half minute does. Gives the
/// names of the tokens.
async fn refuse_for(source: &TokenSource, inlet: InletName, time: Duration) -> Vec<String> {
    let until = tokio::time::Instant::now() + time;
    let mut names = Vec::new();
    while tokio::time::Instant::now() < until {
        if let Ok(token) = source.token_for(inlet).await {
            names.push(name(&token).to_owned());
            source.refuse(inlet, &token);
        }
        sleep(Duration::from_secs(30)).await;
    }
    names
}

#[tokio::test(start_paused = true)]
async fn inlet_that_accepts_no_token_gets_fresh_ones_at_growing_intervals() {
    let script = Script::of((0..200).map(|_| Answer::Token("again", DAY)));
    let source = script.source();
    let tries = refuse_for(&source, EVENTS, Duration::from_secs(3_600)).await;
    assert_eq!(
        tries.len(),
        120,
        "a right that was granted may show with any token"
    );
    let asked = script.asked();
    assert!((12..=36).contains(&asked), "asked {asked} times in an hour");
    refuse_for(&source, EVENTS, Duration::from_secs(3_600)).await;
    let more = script.asked() - asked;
    assert!(
        (12..=25).contains(&more),
        "asked {more} times in the second hour: never given up, and bounded"
    );
}

#[tokio::test(start_paused = true)]
async fn inlet_that_accepts_again_starts_a_new_count_of_refusals() {
    let script = Script::of((0..200).map(|_| Answer::Token("again", DAY)));
    let source = script.source();
    refuse_for(&source, EVENTS, Duration::from_secs(3_600)).await;
    let token = source.token_for(EVENTS).await.unwrap();
    source.accept(EVENTS, &token);
    assert!(
        source.life_left().is_some(),
        "what was refused and then accepted is good"
    );
    sleep(Duration::from_secs(61)).await;
    let asked = script.asked();
    source.refuse(EVENTS, &source.token_for(EVENTS).await.unwrap());
    source.token_for(EVENTS).await.unwrap();
    assert_eq!(
        script.asked(),
        asked + 1,
        "a token that ends is replaced at once"
    );
}

#[tokio::test(start_paused = true)]
async fn token_that_one_inlet_refuses_serves_the_other_while_ims_is_down() {
    let script = Script::of([Answer::Token("one", DAY)]);
    script.then((0..100).map(|_| down()));
    let source = script.source();
    assert_eq!(name(&source.token_for(PROFILES).await.unwrap()), "one");
    let refused = source.token_for(EVENTS).await.unwrap();
    source.refuse(EVENTS, &refused);
    let begun = tokio::time::Instant::now();
    // The replacement is under way, then IMS fails, again and again.
    let waiting = tokio::spawn({
        let source = source.clone();
        async move { source.token_for(EVENTS).await }
    });
    tokio::task::yield_now().await;
    assert_eq!(script.asked(), 2);
    assert_eq!(name(&source.token_for(PROFILES).await.unwrap()), "one");
    assert_eq!(
        begun.elapsed(),
        Duration::ZERO,
        "the other inlet does not wait"
    );
    assert_eq!(waiting.await.unwrap().unwrap_err().fault(), Fault::External);
    for _ in 0..100 {
        assert_eq!(
            source.token_for(EVENTS).await.unwrap_err().fault(),
            Fault::External
        );
        assert_eq!(name(&source.token_for(PROFILES).await.unwrap()), "one");
        sleep(Duration::from_secs(1)).await;
    }
    let status = source.status();
    assert!(
        status.current.is_some() && status.error.is_some(),
        "{status:?}"
    );
    // Once it is refused by both, it is no good any more.
    source.refuse(PROFILES, &refused);
    assert!(source.status().current.is_none() && source.life_left().is_none());
}

#[tokio::test(start_paused = true)]
async fn renewal_does_not_wait_for_an_inlet_that_refuses_all_tokens() {
    let script = Script::of((0..200).map(|_| Answer::Token("short", Duration::from_secs(600))));
    let source = script.source();
    source.token_for(PROFILES).await.unwrap();
    let refusing = tokio::spawn({
        let source = source.clone();
        async move { refuse_for(&source, EVENTS, Duration::from_secs(7_200)).await }
    });
    while !refusing.is_finished() {
        let begun = tokio::time::Instant::now();
        source.token_for(PROFILES).await.unwrap();
        assert_eq!(
            begun.elapsed(),
            Duration::ZERO,
            "the other inlet never waits"
        );
        sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn token_that_ends_is_replaced_although_the_other_inlet_refuses_all() {
    let script = Script::of((0..200).map(|_| Answer::Token("again", DAY)));
    let source = script.source();
    source.token_for(PROFILES).await.unwrap();
    refuse_for(&source, EVENTS, Duration::from_secs(3_600)).await;
    let asked = script.asked();
    let begun = tokio::time::Instant::now();
    let revoked = source.token_for(PROFILES).await.unwrap();
    source.refuse(PROFILES, &revoked);
    let fresh = source.token_for(PROFILES).await.unwrap();
    assert_eq!(script.asked(), asked + 1);
    assert!(!fresh.is(&revoked) && begun.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn refusals_far_apart_are_each_answered_at_once() {
    let script = Script::of((0..6).map(|_| Answer::Token("again", DAY)));
    let source = script.source();
    for count in 1..6 {
        source.refuse(EVENTS, &source.token_for(EVENTS).await.unwrap());
        let fresh = source.token_for(EVENTS).await.unwrap();
        source.accept(EVENTS, &fresh);
        assert_eq!(script.asked(), count + 1);
        sleep(Duration::from_secs(61)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_near_their_end_do_not_make_a_flood() {
    let script = Script::of((0..100).map(|_| Answer::Token("short", Duration::from_secs(1))));
    let source = script.source();
    let mut errors = 0;
    for _ in 0..600 {
        errors += usize::from(source.token_for(EVENTS).await.is_err());
        sleep(Duration::from_millis(100)).await;
    }
    assert!(
        script.asked() <= 13,
        "asked {} times in a minute",
        script.asked()
    );
    assert!(errors > 0);
}

#[tokio::test(start_paused = true)]
async fn short_lived_tokens_are_renewed_at_half_their_life() {
    let script = Script::of((0..20).map(|_| Answer::Token("short", Duration::from_secs(20))));
    let source = script.source();
    for _ in 0..600 {
        source.token_for(EVENTS).await.unwrap();
        sleep(Duration::from_millis(100)).await;
    }
    assert!(
        (5..=8).contains(&script.asked()),
        "asked {} times in a minute",
        script.asked()
    );
}

#[tokio::test(start_paused = true)]
async fn wrong_secret_is_named_and_asked_for_again_only_after_a_minute() {
    let wrong = || Answer::Fails(RequestError::InvalidClient(CredentialPart::Secret));
    let script = Script::of([wrong(), Answer::Token("one", DAY)]);
    let source = script.source();
    let error = source.token_for(EVENTS).await.unwrap_err();
    assert_eq!((error.fault(), error.retry()), (Fault::User, Retry::Never));
    assert!(
        error.to_string().contains("secrets.IMS_CLIENT_SECRET"),
        "{error}"
    );
    assert!(!format!("{error} {error:?}").contains("hush"));
    sleep(Duration::from_secs(59)).await;
    assert_eq!(
        source.token_for(EVENTS).await.unwrap_err().fault(),
        Fault::User
    );
    assert_eq!(script.asked(), 1);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(take(&source).await, "one");
}

#[tokio::test(start_paused = true)]
async fn second_secret_takes_over_when_the_first_is_refused() {
    let wrong = Answer::Fails(RequestError::InvalidClient(CredentialPart::Secret));
    let script = Script::of([wrong, Answer::Token("one", DAY), Answer::Token("two", DAY)]);
    let source = script.source_with(true);
    let token = source.token_for(EVENTS).await.unwrap();
    source.refuse(EVENTS, &token);
    assert_eq!(take(&source).await, "two");
    assert_eq!(script.secrets(), ["hush-1", "hush-2", "hush-2"]);
}

#[tokio::test(start_paused = true)]
async fn when_both_secrets_are_wrong_both_are_named() {
    let wrong = || Answer::Fails(RequestError::InvalidClient(CredentialPart::Unknown));
    let script = Script::of([wrong(), wrong()]);
    let error = script
        .source_with(true)
        .token()
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("secrets.IMS_CLIENT_SECRET") && error.contains("secrets.NEXT"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn wrong_client_id_does_not_try_the_second_secret() {
    let script = Script::of([Answer::Fails(RequestError::InvalidClient(
        CredentialPart::Id,
    ))]);
    let error = script
        .source_with(true)
        .token()
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("secrets.IMS_CLIENT_ID"), "{error}");
    assert_eq!(script.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn panic_in_a_fetch_does_not_leave_callers_waiting() {
    // Panics when it is asked.
    let error = Script::default().source().token().await.unwrap_err();
    assert_eq!(error.fault(), Fault::Internal);
}

#[tokio::test(start_paused = true)]
async fn token_shows_nothing_when_printed() {
    let script = Script::of([Answer::Token("hush", DAY)]);
    let source = script.source();
    let token = source.token_for(EVENTS).await.unwrap();
    assert_eq!(format!("{token:?}"), "***");
    assert!(!format!("{source:?}").contains("hush"));
}
