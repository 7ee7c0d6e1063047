//! Default values, limits and the words a key accepts. The keys' documentation and their checks
//! take them from here.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use super::model::{InletFormat, Isolation, LogFormat, OnEvicted};

/// Accepted values of `apiVersion`, the default first.
pub(super) const API_VERSIONS: [&str; 3] = ["0.0.0", "0.1.0", "0.2.0"];

// === meta.consumer ===

/// Answers count uncompressed, and a compressed batch of 200 kB may answer with megabytes. A
/// response takes two to three times its size in memory while it is read, and every connection
/// keeps a buffer of the size of the largest one.
pub(super) const CONSUMER_MAX_BYTES: NonZeroU32 = NonZeroU32::new(2 << 20).unwrap();
/// The protocol's type for it is a signed 32-bit number.
pub(super) const CONSUMER_MAX_BYTES_LIMIT: u64 = i32::MAX as u64;

/// The default first. What is committed is in the log also after another replica became the leader;
/// an uncommitted offset may get another record then, which would never be read.
pub(super) const ISOLATIONS: [(&str, Isolation); 2] = [
    ("committed", Isolation::Committed),
    ("uncommitted", Isolation::Uncommitted),
];

// === experience-platform.ims ===

/// Adobe's documented server-to-server endpoint.
pub(super) const TOKEN_URL: &str = "https://ims-na1.adobelogin.com/ims/token/v3";
/// The names Adobe's Kafka connector asks for; the list is separated by commas in Adobe's identity
/// documentation.
pub(super) const SCOPE: &str =
    "openid,AdobeID,read_organizations,additional_info.projectedProductContext,session";

/// Of every API of the platform but its inlets.
pub(super) const API_URL: &str = "https://platform.adobe.io";

// === experience-platform.events and .profiles ===

/// As the tutorials of streaming ingestion spell it.
pub(super) const SCHEMA_CONTENT_TYPE: &str = "application/vnd.adobe.xed-full+json;version=1";
/// The default first.
pub(super) const EVENT_FORMATS: [(&str, InletFormat); 3] = [
    ("xdm", InletFormat::Xdm),
    ("raw", InletFormat::Raw),
    ("capillary-source", InletFormat::CapillarySource),
];
/// The default first.
pub(super) const PROFILE_FORMATS: [(&str, InletFormat); 4] = [
    ("upsert", InletFormat::Upsert),
    ("raw", InletFormat::Raw),
    ("capillary-source", InletFormat::CapillarySource),
    ("xdm", InletFormat::Xdm),
];

/// Of format `upsert`: seconds, in which Profile usually applies a statement. Statements of the
/// other formats are not merged, so a busy customer would wait for each of them.
pub(super) const SETTLE: Duration = Duration::from_secs(5);
/// Longer ones hold more in memory than they can help.
pub(super) const SETTLE_LIMIT: Duration = Duration::from_secs(60);

// === experience-platform.batch ===

pub(super) const BATCH_MAX_RECORDS: NonZeroUsize = NonZeroUsize::new(500).unwrap();
pub(super) const BATCH_MAX_BYTES: NonZeroUsize = NonZeroUsize::new(900_000).unwrap();
/// Streaming ingestion refuses bodies over 1 MB; the difference is room for what surrounds the
/// messages.
pub(super) const BATCH_MAX_BYTES_LIMIT: u64 = 999_900;
pub(super) const BATCH_LINGER: Duration = Duration::from_millis(200);

// === experience-platform.concurrency ===

/// Only an upper bound: the number in use is found by measuring. 10 000 mixed records a second,
/// Adobe's guidance, are some 2 100 profile requests a second while a backlog is worked off; with
/// responses in 100 ms three quarters of this bound allow them, and a third more.
pub(super) const CONCURRENCY_MAX: NonZeroUsize = NonZeroUsize::new(384).unwrap();
/// Adobe documents no bound, but more than a thousand open connections from one process are a
/// mistake.
pub(super) const CONCURRENCY_LIMIT: u64 = 1_000;

// === experience-platform.buffer and .deduplicate ===

pub(super) const BUFFER_MAX_BYTES: u64 = 12 << 20;
/// Ten thousand records a second at two seconds an answer.
pub(super) const SLOW_FACTOR: u64 = 4;
pub(super) const BUFFER_MAX_OFFSETS: u64 = 100_000;
/// A quarter of an hour at ten thousand records a second: longer than a record that always fails is
/// tried.
pub(super) const BUFFER_MAX_REPEATED: u64 = 10_000_000;
pub(super) const DEDUPLICATE_COUNT: NonZeroUsize = NonZeroUsize::new(100_000).unwrap();
/// About 80 MB of memory.
pub(super) const DEDUPLICATE_COUNT_LIMIT: u64 = 1_000_000;
pub(super) const DEDUPLICATE_AGE: Duration = Duration::from_secs(3600);

// === experience-platform.http and .retry ===

pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
pub(super) const RETRY_INITIAL: Duration = Duration::from_millis(200);
pub(super) const RETRY_MAX: Duration = Duration::from_secs(30);

// === experience-platform.dead-letter ===

pub(super) const DEAD_LETTER_RETENTION: Duration = Duration::from_secs(90 * 24 * 3600);
/// More than any cluster has brokers.
pub(super) const REPLICAS_LIMIT: u64 = 100;
/// Values of `accept`: the reasons that hold an inlet, as its ERROR line names them.
pub(super) const REFUSAL_REASONS: [&str; 9] = [
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

// === experience-platform.landed ===

/// A flow's runs are grouped by the quarter of an hour, so asking more often shows little more.
pub(super) const LANDED_INTERVAL: Duration = Duration::from_secs(5 * 60);
/// A shorter one would only be throttled.
pub(super) const LANDED_INTERVAL_LEAST: Duration = Duration::from_secs(1);
/// Adobe's figure for streamed records in the data lake.
pub(super) const LANDED_WITHIN: Duration = Duration::from_secs(3600);
pub(super) const LANDED_RETENTION: Duration = Duration::from_secs(24 * 3600);

// === the process ===

/// The default first.
pub(super) const ON_EVICTED: [(&str, OnEvicted); 2] =
    [("continue", OnEvicted::Continue), ("stop", OnEvicted::Stop)];
/// A process that died leaves its partitions to others after this time; one that is slow, or cut
/// off from the store of offsets for as long, may lose them although it lives.
pub(super) const LEASE: Duration = Duration::from_secs(10);
/// A fifth of it passes between two signs of life, and the broker's store has to take each.
pub(super) const LEASE_LIMITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3600)];
/// Below the 30 s that Kubernetes grants a stopping container.
pub(super) const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(20);
/// The usual port of OpenTelemetry's Prometheus exporters; no stock Fluvio process uses it.
/// Loopback, because there is no authentication.
pub(super) const LISTEN: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9464));
/// The default first.
pub(super) const LOG_FORMATS: [(&str, LogFormat); 2] =
    [("human", LogFormat::Human), ("json", LogFormat::Json)];
