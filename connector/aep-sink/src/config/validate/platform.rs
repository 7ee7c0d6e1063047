//! The connector's own part: `experience-platform`.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use super::inlets;
use super::landed;
use super::rules;
use crate::config::defaults;
use crate::config::keys::{
    BatchKeys, BufferKeys, ConcurrencyKeys, DeadLetterKeys, DeduplicateKeys, HttpKeys, ImsKeys,
    ObservabilityKeys, PaceKeys, PlatformKeys, RetryKeys,
};
use crate::config::model::{
    BatchLimits, BufferLimits, ClientCertificate, Concurrency, CredentialNames, DeadLetterTopic,
    Deduplicate, Http, Ims, LogFormat, Observability, OffsetRange, OnEvicted, Platform, Proxy,
    RateLimits, RetryLimits,
};
use crate::config::problem::Problems;
use crate::config::yaml::path::KeyPath;
use crate::config::yaml::scalar::Period;
use crate::secret::Secret;

/// Validates the section. `name` is `meta.name`, if that is valid; `instances` share the work, and
/// limits of the rate that are written down are for all of them together.
pub(super) fn platform(
    keys: Option<PlatformKeys>,
    name: Option<&str>,
    instances: NonZeroU32,
    problems: &mut Problems<'_>,
) -> Option<Platform> {
    let root = KeyPath::of("experience-platform");
    let keys = problems.require(&root, keys, "the section that says where to deliver")?;
    let path = root.key("organization-id");
    let organization_id = problems.require(
        &path,
        keys.organization_id,
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
    let sandbox = keys
        .sandbox
        .and_then(|sandbox| rules::identifier(&path, sandbox, problems));
    let deduplicate = keys.deduplicate.map(|keys| deduplicate(keys, problems));
    let observability = observability(&keys.observability.unwrap_or_default(), problems);
    let api_url = rules::secure_url(
        &root.key("api-url"),
        keys.api_url.as_deref().unwrap_or(defaults::API_URL),
        problems,
    );
    let ims = ims(keys.ims, problems);
    let events = inlets::events(keys.events, problems);
    // `Some(None)`: there is a section, and it is wrong.
    let settle = keys.profiles.as_ref();
    let settle = settle.map(|keys| inlets::settle(keys, problems));
    let profiles = keys.profiles.map(|keys| inlets::profiles(keys, problems));
    let concurrency = concurrency(&keys.concurrency.unwrap_or_default(), instances, problems);
    let on_evicted = rules::choice(
        &root.key("on-evicted"),
        keys.on_evicted.as_deref(),
        &defaults::ON_EVICTED,
        problems,
    );
    let skip_offsets = skip_offsets(&keys.skip_offsets.unwrap_or_default(), problems);
    let batch = batch(keys.batch.unwrap_or_default(), problems);
    let pace = pace(&keys.pace.unwrap_or_default(), instances, problems);
    let buffer = buffer(keys.buffer.unwrap_or_default(), problems);
    let http = http(keys.http.unwrap_or_default(), problems);
    let retry = retry(keys.retry.unwrap_or_default(), problems);
    let dead_letter = dead_letter(keys.dead_letter.unwrap_or_default(), name, problems);
    let replicas = dead_letter.as_ref().and_then(|topic| topic.replicas);
    let landed = landed::landed(keys.landed, name, replicas, problems);
    let lease = lease(keys.lease, problems);
    let shutdown_timeout = rules::period(
        &root.key("shutdown-timeout"),
        keys.shutdown_timeout,
        defaults::SHUTDOWN_TIMEOUT,
        problems,
    );
    Some(Platform {
        organization_id: organization_id?,
        sandbox,
        api_url: api_url?,
        ims: ims?,
        events: events?,
        profiles: match profiles {
            Some(valid) => Some(valid?),
            None => None,
        },
        settle: settle.unwrap_or_default(),
        batch,
        concurrency,
        pace,
        buffer,
        deduplicate,
        http,
        retry,
        dead_letter: dead_letter?,
        landed: landed?,
        on_evicted: on_evicted.unwrap_or(OnEvicted::Continue),
        lease,
        skip_offsets,
        shutdown_timeout,
        observability,
    })
}

fn lease(key: Option<Period>, problems: &mut Problems<'_>) -> Duration {
    let path = KeyPath::of("experience-platform.lease");
    let lease = rules::period(&path, key, defaults::LEASE, problems);
    let [least, most] = defaults::LEASE_LIMITS;
    if !(least..=most).contains(&lease) {
        problems.expected(&path, "a duration from 1s to 1h");
        return defaults::LEASE;
    }
    lease
}

fn concurrency(
    keys: &ConcurrencyKeys,
    instances: NonZeroU32,
    problems: &mut Problems<'_>,
) -> Concurrency {
    let root = KeyPath::of("experience-platform.concurrency");
    let mut number = |key: &str, value| {
        let number = rules::count(&root.key(key), value, defaults::CONCURRENCY_LIMIT, problems);
        rules::non_zero_usize_of(number.map(|number| share_of(number, instances)))
    };
    let (max, fixed) = (number("max", keys.max), number("fixed", keys.fixed));
    if keys.max.is_some() && keys.fixed.is_some() {
        problems.add(
            &root,
            "found both `max` and `fixed`, expected one of them: `max` bounds a number that is \
            found by measuring, `fixed` sets it",
        );
    }
    match fixed {
        Some(fixed) => Concurrency::Fixed(fixed),
        None => Concurrency::UpTo(max.unwrap_or(defaults::CONCURRENCY_MAX)),
    }
}

fn deduplicate(keys: DeduplicateKeys, problems: &mut Problems<'_>) -> Deduplicate {
    let root = KeyPath::of("experience-platform.deduplicate");
    let count = rules::count(
        &root.key("count"),
        keys.count,
        defaults::DEDUPLICATE_COUNT_LIMIT,
        problems,
    );
    Deduplicate {
        count: rules::non_zero_usize(count, defaults::DEDUPLICATE_COUNT),
        age: rules::period(
            &root.key("age"),
            keys.age,
            defaults::DEDUPLICATE_AGE,
            problems,
        ),
    }
}

fn ims(keys: Option<ImsKeys>, problems: &mut Problems<'_>) -> Option<Ims> {
    let root = KeyPath::of("experience-platform.ims");
    let keys = problems.require(&root, keys, "the section with the credential")?;
    let (id_path, secret_path) = (root.key("client-id"), root.key("client-secret"));
    let next_path = root.key("client-secret-next");
    let client_id = problems.require(&id_path, keys.client_id, "\"${{ secrets.IMS_CLIENT_ID }}\"");
    let client_id = client_id.and_then(|value| rules::text(&id_path, value, problems));
    let client_secret = problems.require(
        &secret_path,
        keys.client_secret,
        "\"${{ secrets.IMS_CLIENT_SECRET }}\"",
    );
    let client_secret = client_secret.and_then(|value| rules::text(&secret_path, value, problems));
    let has_next = keys.client_secret_next.is_some();
    let client_secret_next = keys
        .client_secret_next
        .and_then(|value| rules::text(&next_path, value, problems));
    let path = root.key("token-url");
    let token_url = rules::secure_url(
        &path,
        keys.token_url.as_deref().unwrap_or(defaults::TOKEN_URL),
        problems,
    );
    let path = root.key("scope");
    let scope = rules::text(
        &path,
        keys.scope.unwrap_or_else(|| defaults::SCOPE.to_owned()),
        problems,
    );
    Some(Ims {
        names: CredentialNames {
            client_id: rules::name_of(&id_path, problems),
            client_secret: rules::name_of(&secret_path, problems),
            client_secret_next: has_next.then(|| rules::name_of(&next_path, problems)),
        },
        client_id: Secret::new(client_id?),
        client_secret: Secret::new(client_secret?),
        client_secret_next: client_secret_next.map(Secret::new),
        token_url: token_url?,
        scope: scope?,
    })
}

/// `PARTITION:FIRST-LAST`, as the error of a batch that cannot be decoded names it.
fn skip_offsets(entries: &[String], problems: &mut Problems<'_>) -> Vec<OffsetRange> {
    let path = KeyPath::of("experience-platform.skip-offsets");
    let parse = |entry: &str| {
        let (partition, offsets) = entry.trim().split_once(':')?;
        let (first, last) = offsets.split_once('-')?;
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        let partition = partition.parse().ok()?;
        (first <= last).then_some(OffsetRange {
            partition,
            offsets: first..=last,
        })
    };
    let mut ranges = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        match parse(entry) {
            Some(range) => ranges.push(range),
            None => problems.expected(
                &path.index(index),
                "PARTITION:FIRST-LAST, such as \"0:120-180\", as the error names it",
            ),
        }
    }
    ranges
}

fn batch(keys: BatchKeys, problems: &mut Problems<'_>) -> BatchLimits {
    let root = KeyPath::of("experience-platform.batch");
    let max_records = rules::count(
        &root.key("max-records"),
        keys.max_records,
        u64::from(u32::MAX),
        problems,
    );
    let max_bytes = rules::size(
        &root.key("max-bytes"),
        keys.max_bytes,
        defaults::BATCH_MAX_BYTES_LIMIT,
        problems,
    );
    BatchLimits {
        max_records: rules::non_zero_usize(max_records, defaults::BATCH_MAX_RECORDS),
        max_bytes: rules::non_zero_usize(max_bytes, defaults::BATCH_MAX_BYTES),
        // 0 is allowed here: send what is there.
        linger: keys
            .linger
            .map_or(defaults::BATCH_LINGER, |Period(linger)| linger),
    }
}

/// One instance's part of a limit. All of them together must not exceed it, as far as each can do
/// anything at all.
fn share_of(limit: u64, instances: NonZeroU32) -> u64 {
    (limit / u64::from(instances.get())).max(1)
}

fn pace(keys: &PaceKeys, instances: NonZeroU32, problems: &mut Problems<'_>) -> RateLimits {
    let root = KeyPath::of("experience-platform.pace");
    let mut rate = |key: &str, value| {
        let limit = rules::count(&root.key(key), value, u64::from(u32::MAX), problems);
        rules::non_zero_u32(limit.map(|limit| share_of(limit, instances)))
    };
    RateLimits {
        requests_per_second: rate("requests-per-second", keys.requests_per_second),
        records_per_second: rate("records-per-second", keys.records_per_second),
    }
}

fn buffer(keys: BufferKeys, problems: &mut Problems<'_>) -> BufferLimits {
    let root = KeyPath::of("experience-platform.buffer");
    let bytes = rules::size(
        &root.key("max-bytes"),
        keys.max_bytes,
        u64::from(u32::MAX),
        problems,
    );
    let slow_bytes = rules::size(
        &root.key("max-bytes-slow"),
        keys.max_bytes_slow,
        u64::from(u32::MAX),
        problems,
    );
    let mut count =
        |key: &str, value| rules::count(&root.key(key), value, u64::from(u32::MAX), problems);
    let offsets = count("max-offsets", keys.max_offsets);
    let repeated = count("max-repeated", keys.max_repeated);
    let bytes = bytes.unwrap_or(defaults::BUFFER_MAX_BYTES);
    BufferLimits {
        bytes,
        slow_bytes: slow_bytes.unwrap_or(bytes.saturating_mul(defaults::SLOW_FACTOR)),
        offsets: offsets.unwrap_or(defaults::BUFFER_MAX_OFFSETS),
        repeated: repeated.unwrap_or(defaults::BUFFER_MAX_REPEATED),
    }
}

fn http(keys: HttpKeys, problems: &mut Problems<'_>) -> Http {
    let root = KeyPath::of("experience-platform.http");
    let path = root.key("proxy");
    let proxy = keys.proxy.and_then(|proxy| {
        let url = rules::url(&proxy);
        if url.is_none() {
            problems.expected(
                &path,
                "the URL of an HTTP proxy, such as http://proxy.example:3128",
            );
        }
        url.map(Proxy)
    });
    let mut file = |key: &str, file: Option<String>| {
        let file = file.and_then(|file| rules::text(&root.key(key), file, problems));
        file.map(PathBuf::from)
    };
    let ca_file = file("ca-file", keys.ca_file);
    let certificate = file("client-cert-file", keys.client_cert_file);
    let key = file("client-key-file", keys.client_key_file);
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
        connect_timeout: rules::period(
            &root.key("connect-timeout"),
            keys.connect_timeout,
            defaults::CONNECT_TIMEOUT,
            problems,
        ),
        request_timeout: rules::period(
            &root.key("request-timeout"),
            keys.request_timeout,
            defaults::REQUEST_TIMEOUT,
            problems,
        ),
        proxy,
        ca_file,
        client_certificate,
    }
}

fn retry(keys: RetryKeys, problems: &mut Problems<'_>) -> RetryLimits {
    let root = KeyPath::of("experience-platform.retry");
    let initial = rules::period(
        &root.key("initial"),
        keys.initial,
        defaults::RETRY_INITIAL,
        problems,
    );
    let max = rules::period(&root.key("max"), keys.max, defaults::RETRY_MAX, problems);
    if initial > max {
        let limit = humantime::format_duration(max);
        problems.add(
            &root,
            format!("`initial` is longer than `max` ({limit}); expected initial ≤ max"),
        );
    }
    RetryLimits { initial, max }
}

fn observability(keys: &ObservabilityKeys, problems: &mut Problems<'_>) -> Observability {
    let root = KeyPath::of("experience-platform.observability");
    let path = root.key("listen");
    let listen = match keys.listen.as_deref() {
        None => Some(defaults::LISTEN),
        Some("off") => None,
        Some(text) => {
            let address = text.parse().ok();
            if address.is_none() {
                problems.expected(
                    &path,
                    "an IP address and port, such as `127.0.0.1:9464` (port 0: any free one), or \
                    `off`",
                );
            }
            address
        }
    };
    let log = rules::choice(
        &root.key("log"),
        keys.log.as_deref(),
        &defaults::LOG_FORMATS,
        problems,
    );
    Observability {
        listen,
        log: log.unwrap_or(LogFormat::Human),
    }
}

fn dead_letter(
    keys: DeadLetterKeys,
    name: Option<&str>,
    problems: &mut Problems<'_>,
) -> Option<DeadLetterTopic> {
    let root = KeyPath::of("experience-platform.dead-letter");
    let accept = keys.accept.unwrap_or_default();
    for (index, reason) in accept.iter().enumerate() {
        // A mistyped reason would silently leave the inlet held.
        if !defaults::REFUSAL_REASONS.contains(&reason.as_str()) {
            problems.expected_one_of(&root.key("accept").index(index), &defaults::REFUSAL_REASONS);
        }
    }
    let retention = rules::period(
        &root.key("retention"),
        keys.retention,
        defaults::DEAD_LETTER_RETENTION,
        problems,
    );
    let replicas = rules::count(
        &root.key("replicas"),
        keys.replicas,
        defaults::REPLICAS_LIMIT,
        problems,
    );
    let path = root.key("topic");
    let topic = match (keys.topic, name) {
        (Some(topic), _) => rules::topic_name(&path, topic, problems)?,
        (None, Some(name)) => {
            let topic = format!("{name}-dead-letter");
            if !rules::is_topic_name(&topic) {
                problems.add(
                    &path,
                    "missing; the default, <meta.name>-dead-letter, is no topic name (lower-case \
                    letters, digits and hyphens, at most 63), so name one",
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
        replicas: replicas.and_then(|count| u32::try_from(count).ok()),
        accept,
    })
}
