//! The connector's own part: `experience-platform`.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use super::check;
use super::inlet;
use super::model::{
    Batch, ClientCertificate, Concurrency, CredentialNames, DeadLetterTopic, Deduplicate, Http,
    Ims, LogForm, Observability, OnEvicted, Pace, Platform, Proxy, RetryLimits,
};
use super::problem::Problems;
use super::raw::{
    RawBatch, RawBuffer, RawConcurrency, RawDeadLetter, RawDeduplicate, RawHttp, RawIms,
    RawObservability, RawPace, RawPlatform, RawRetry,
};
use super::scalar::Period;
use super::tree::Path;
use crate::offset_tracker::Bounds;
use crate::secret::Secret;

/// Adobe's documented server-to-server endpoint.
pub(super) const TOKEN_URL: &str = "https://ims-na1.adobelogin.com/ims/token/v3";
/// The names Adobe's Kafka connector asks for; the list is separated by commas in Adobe's identity
/// documentation.
pub(super) const SCOPE: &str =
    "openid,AdobeID,read_organizations,additional_info.projectedProductContext,session";

const MAX_RECORDS: NonZeroUsize = NonZeroUsize::new(500).unwrap();
const MAX_BYTES: NonZeroUsize = NonZeroUsize::new(900_000).unwrap();
/// Streaming ingestion refuses bodies over 1 MB; the difference is room for what surrounds the
/// messages.
const HIGHEST_MAX_BYTES: u64 = 999_900;
const LINGER: Duration = Duration::from_millis(200);
/// A bound, not a wish: the limit is found by measuring. 10 000 mixed records a second, Adobe's
/// guidance, are some 2 100 profile requests while a backlog is worked off; with answers in 100 ms
/// three quarters of this allow them, and a third more.
const CONCURRENCY: NonZeroUsize = NonZeroUsize::new(384).unwrap();
/// Adobe documents no bound; a thousand open connections from one process is a mistake, not a wish.
pub(super) const HIGHEST_CONCURRENCY: u64 = 1_000;
const BUFFER_BYTES: u64 = 12 << 20;
const BUFFER_OFFSETS: u64 = 100_000;
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(100_000).unwrap();
/// About 80 MB of memory.
pub(super) const HIGHEST_REMEMBERED: u64 = 1_000_000;
const REMEMBERED_FOR: Duration = Duration::from_secs(3600);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
const RETRY_INITIAL: Duration = Duration::from_millis(200);
const RETRY_MAX: Duration = Duration::from_secs(30);
const RETENTION: Duration = Duration::from_secs(90 * 24 * 3600);
/// `on-evicted`, the default first.
pub(super) const LOG_FORMS: [(&str, LogForm); 2] =
    [("human", LogForm::Human), ("json", LogForm::Json)];
pub(super) const ON_EVICTED: [(&str, OnEvicted); 2] =
    [("continue", OnEvicted::Continue), ("stop", OnEvicted::Stop)];
/// Below the 30 s that Kubernetes grants a stopping container.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(25);
/// The usual port of OpenTelemetry's Prometheus exporters; no stock Fluvio process uses it.
/// Loopback, since whoever can connect can read.
const LISTEN: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9464));

/// Validates the section. `name` is `meta.name`, if that is valid.
pub(super) fn platform(
    raw: Option<RawPlatform>,
    name: Option<&str>,
    problems: &mut Problems<'_>,
) -> Option<Platform> {
    let root = Path::of("experience-platform");
    let raw = problems.require(&root, raw, "the section that says where to deliver")?;
    let path = root.key("organization-id");
    let organization_id = problems.require(
        &path,
        raw.organization_id,
        "the organization id, such as 0123…@AdobeOrg",
    );
    let organization_id = organization_id.filter(|id| {
        let prefix = id.strip_suffix("@AdobeOrg");
        let fits = prefix.is_some_and(|id| {
            !id.is_empty() && id.chars().all(|letter| letter.is_ascii_alphanumeric())
        });
        if !fits {
            problems.expected(
                &path,
                "an organization id: letters and digits, then @AdobeOrg",
            );
        }
        fits
    });
    let path = root.key("sandbox");
    let sandbox = raw
        .sandbox
        .and_then(|sandbox| check::identifier(&path, sandbox, problems));
    let deduplicate = raw.deduplicate.map(|raw| deduplicate(raw, problems));
    let observability = observability(&raw.observability.unwrap_or_default(), problems);
    let ims = ims(raw.ims, problems);
    let events = inlet::events(raw.events, problems);
    // `Some(None)`: there is a section, and it is wrong.
    let profiles = raw.profiles.map(|raw| inlet::profiles(raw, problems));
    let concurrency = concurrency(&raw.concurrency.unwrap_or_default(), problems);
    let on_evicted = check::choice(
        &root.key("on-evicted"),
        raw.on_evicted.as_deref(),
        &ON_EVICTED,
        problems,
    );
    let batch = batch(raw.batch.unwrap_or_default(), problems);
    let pace = pace(&raw.pace.unwrap_or_default(), problems);
    let buffer = buffer(raw.buffer.unwrap_or_default(), problems);
    let http = http(raw.http.unwrap_or_default(), problems);
    let retry = retry(raw.retry.unwrap_or_default(), problems);
    let dead_letter = dead_letter(raw.dead_letter.unwrap_or_default(), name, problems);
    let shutdown_timeout = check::period(
        &root.key("shutdown-timeout"),
        raw.shutdown_timeout,
        SHUTDOWN_TIMEOUT,
        problems,
    );
    Some(Platform {
        organization_id: organization_id?,
        sandbox,
        ims: ims?,
        events: events?,
        profiles: match profiles {
            Some(valid) => Some(valid?),
            None => None,
        },
        batch,
        concurrency,
        pace,
        buffer,
        deduplicate,
        http,
        retry,
        dead_letter: dead_letter?,
        on_evicted: on_evicted.unwrap_or(OnEvicted::Continue),
        shutdown_timeout,
        observability,
    })
}

fn concurrency(raw: &RawConcurrency, problems: &mut Problems<'_>) -> Concurrency {
    let root = Path::of("experience-platform.concurrency");
    let mut number = |key: &str, value| {
        check::non_zero_usize_of(check::count(
            &root.key(key),
            value,
            HIGHEST_CONCURRENCY,
            problems,
        ))
    };
    let (max, fixed) = (number("max", raw.max), number("fixed", raw.fixed));
    if raw.max.is_some() && raw.fixed.is_some() {
        problems.add(
            &root,
            "found both `max` and `fixed`, expected one of them: `max` bounds a number that is found by measuring, \
             `fixed` sets it",
        );
    }
    match fixed {
        Some(fixed) => Concurrency::Fixed(fixed),
        None => Concurrency::UpTo(max.unwrap_or(CONCURRENCY)),
    }
}

fn deduplicate(raw: RawDeduplicate, problems: &mut Problems<'_>) -> Deduplicate {
    let root = Path::of("experience-platform.deduplicate");
    let count = check::count(&root.key("count"), raw.count, HIGHEST_REMEMBERED, problems);
    Deduplicate {
        count: check::non_zero_usize(count, REMEMBERED),
        age: check::period(&root.key("age"), raw.age, REMEMBERED_FOR, problems),
    }
}

fn ims(raw: Option<RawIms>, problems: &mut Problems<'_>) -> Option<Ims> {
    let root = Path::of("experience-platform.ims");
    let raw = problems.require(&root, raw, "the section with the credential")?;
    let (id_path, secret_path) = (root.key("client-id"), root.key("client-secret"));
    let next_path = root.key("client-secret-next");
    let client_id = problems.require(&id_path, raw.client_id, "\"${{ secrets.IMS_CLIENT_ID }}\"");
    let client_id = client_id.and_then(|value| check::text(&id_path, value, problems));
    let client_secret = problems.require(
        &secret_path,
        raw.client_secret,
        "\"${{ secrets.IMS_CLIENT_SECRET }}\"",
    );
    let client_secret = client_secret.and_then(|value| check::text(&secret_path, value, problems));
    let has_next = raw.client_secret_next.is_some();
    let client_secret_next = raw
        .client_secret_next
        .and_then(|value| check::text(&next_path, value, problems));
    let path = root.key("token-url");
    let token_url = check::secure_url(
        &path,
        raw.token_url.as_deref().unwrap_or(TOKEN_URL),
        problems,
    );
    let path = root.key("scope");
    let scope = check::text(
        &path,
        raw.scope.unwrap_or_else(|| SCOPE.to_owned()),
        problems,
    );
    Some(Ims {
        names: CredentialNames {
            client_id: check::name_of(&id_path, problems),
            client_secret: check::name_of(&secret_path, problems),
            client_secret_next: has_next.then(|| check::name_of(&next_path, problems)),
        },
        client_id: Secret::new(client_id?),
        client_secret: Secret::new(client_secret?),
        client_secret_next: client_secret_next.map(Secret::new),
        token_url: token_url?,
        scope: scope?,
    })
}

fn batch(raw: RawBatch, problems: &mut Problems<'_>) -> Batch {
    let root = Path::of("experience-platform.batch");
    let max_records = check::count(
        &root.key("max-records"),
        raw.max_records,
        u64::from(u32::MAX),
        problems,
    );
    let max_bytes = check::size(
        &root.key("max-bytes"),
        raw.max_bytes,
        HIGHEST_MAX_BYTES,
        problems,
    );
    Batch {
        max_records: check::non_zero_usize(max_records, MAX_RECORDS),
        max_bytes: check::non_zero_usize(max_bytes, MAX_BYTES),
        // 0 is allowed here: send what is there.
        linger: raw.linger.map_or(LINGER, |Period(linger)| linger),
    }
}

fn pace(raw: &RawPace, problems: &mut Problems<'_>) -> Pace {
    let root = Path::of("experience-platform.pace");
    let mut rate = |key: &str, value| {
        check::non_zero_u32(check::count(
            &root.key(key),
            value,
            u64::from(u32::MAX),
            problems,
        ))
    };
    Pace {
        requests_per_second: rate("requests-per-second", raw.requests_per_second),
        records_per_second: rate("records-per-second", raw.records_per_second),
    }
}

fn buffer(raw: RawBuffer, problems: &mut Problems<'_>) -> Bounds {
    let root = Path::of("experience-platform.buffer");
    let bytes = check::size(
        &root.key("max-bytes"),
        raw.max_bytes,
        u64::from(u32::MAX),
        problems,
    );
    let offsets = check::count(
        &root.key("max-offsets"),
        raw.max_offsets,
        u64::from(u32::MAX),
        problems,
    );
    Bounds {
        bytes: bytes.unwrap_or(BUFFER_BYTES),
        offsets: offsets.unwrap_or(BUFFER_OFFSETS),
    }
}

fn http(raw: RawHttp, problems: &mut Problems<'_>) -> Http {
    let root = Path::of("experience-platform.http");
    let path = root.key("proxy");
    let proxy = raw.proxy.and_then(|proxy| {
        let url = check::url(&proxy);
        if url.is_none() {
            problems.expected(
                &path,
                "the URL of an HTTP proxy, such as http://proxy.example:3128",
            );
        }
        url.map(Proxy)
    });
    let mut file = |key: &str, file: Option<String>| {
        let file = file.and_then(|file| check::text(&root.key(key), file, problems));
        file.map(PathBuf::from)
    };
    let ca_file = file("ca-file", raw.ca_file);
    let certificate = file("client-cert-file", raw.client_cert_file);
    let key = file("client-key-file", raw.client_key_file);
    let client_certificate = match (certificate, key) {
        (Some(certificate), Some(key)) => Some(ClientCertificate { certificate, key }),
        (Some(_), None) => {
            problems.require::<()>(
                &root.key("client-key-file"),
                None,
                "the private key of client-cert-file",
            );
            None
        }
        (None, Some(_)) => {
            problems.require::<()>(
                &root.key("client-cert-file"),
                None,
                "the certificate of client-key-file",
            );
            None
        }
        (None, None) => None,
    };
    Http {
        connect_timeout: check::period(
            &root.key("connect-timeout"),
            raw.connect_timeout,
            CONNECT_TIMEOUT,
            problems,
        ),
        request_timeout: check::period(
            &root.key("request-timeout"),
            raw.request_timeout,
            REQUEST_TIMEOUT,
            problems,
        ),
        proxy,
        ca_file,
        client_certificate,
    }
}

fn retry(raw: RawRetry, problems: &mut Problems<'_>) -> RetryLimits {
    let root = Path::of("experience-platform.retry");
    let initial = check::period(&root.key("initial"), raw.initial, RETRY_INITIAL, problems);
    let max = check::period(&root.key("max"), raw.max, RETRY_MAX, problems);
    if initial > max {
        let limit = humantime::format_duration(max);
        problems.add(
            &root,
            format!("`initial` is longer than `max` ({limit}); expected initial ≤ max"),
        );
    }
    RetryLimits { initial, max }
}

fn observability(raw: &RawObservability, problems: &mut Problems<'_>) -> Observability {
    let root = Path::of("experience-platform.observability");
    let path = root.key("listen");
    let listen = match raw.listen.as_deref() {
        None => Some(LISTEN),
        Some("off") => None,
        Some(text) => {
            let address = text.parse().ok();
            if address.is_none() {
                problems.expected(
                    &path,
                    "an IP address and port, such as `127.0.0.1:9464` (port 0: any free one), or `off`",
                );
            }
            address
        }
    };
    let log = check::choice(&root.key("log"), raw.log.as_deref(), &LOG_FORMS, problems);
    Observability {
        listen,
        log: log.unwrap_or(LogForm::Human),
    }
}

/// Why an inlet can be held, as the ERROR line of a hold names it.
pub(super) const REASONS: [&str; 9] = [
    "unauthorized",
    "not_found",
    "wrong_inlet",
    "wrong_organization",
    "unknown_schema",
    "unknown_flow",
    "unknown_dataset",
    "wrong_header",
    "refused",
];

fn dead_letter(
    raw: RawDeadLetter,
    name: Option<&str>,
    problems: &mut Problems<'_>,
) -> Option<DeadLetterTopic> {
    let root = Path::of("experience-platform.dead-letter");
    let accept = raw.accept.unwrap_or_default();
    for (index, reason) in accept.iter().enumerate() {
        // A mistyped reason would silently leave the inlet held.
        if !REASONS.contains(&reason.as_str()) {
            problems.expected_one_of(&root.key("accept").index(index), &REASONS);
        }
    }
    let retention = check::period(&root.key("retention"), raw.retention, RETENTION, problems);
    let path = root.key("topic");
    let topic = match (raw.topic, name) {
        (Some(topic), _) => check::topic_name(&path, topic, problems)?,
        (None, Some(name)) => {
            let topic = format!("{name}-dead-letter");
            if !check::is_topic_name(&topic) {
                problems.add(
                    &path,
                    "missing; the default, <meta.name>-dead-letter, is no topic name (lower-case letters, digits and \
                     hyphens, at most 63), so name one",
                );
                return None;
            }
            topic
        }
        // What is wrong with the name is reported there.
        (None, None) => return None,
    };
    Some(DeadLetterTopic {
        topic,
        retention,
        accept,
    })
}
