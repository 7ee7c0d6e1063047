//! What a valid configuration holds. Built only by validation; nothing here needs a second check.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use capillary_xdm::Params;
use url::Url;

use crate::secret::Secret;

/// A whole configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// `meta.name`: the instance, used in the client id and the default dead-letter topic.
    pub name: String,
    /// `meta.topic`.
    pub topic: String,
    pub(crate) consumer: Consumer,
    pub(crate) transform: Transform,
    pub(crate) platform: Platform,
}

/// `meta.consumer`.
#[derive(Debug, Clone)]
pub(crate) struct Consumer {
    /// The key of the stored offsets.
    pub(crate) id: String,
    pub(crate) partitions: Partitions,
    /// Most bytes of answers the broker may send in one response.
    pub(crate) max_bytes: NonZeroU32,
    /// What is read of a topic with several replicas.
    pub(crate) isolation: Isolation,
    /// Where a partition without a stored offset begins.
    pub(crate) start: Start,
}

/// `meta.consumer.isolation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isolation {
    /// Records that all replicas have.
    Committed,
    /// Also those the leader alone has.
    Uncommitted,
}

/// Which partitions this instance reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Partitions {
    /// All of them, also those added later.
    All,
    /// Just these.
    Only(Vec<u32>),
    /// Those whose number leaves `index` when it is divided by `of`, also those added later.
    Share { index: u32, of: NonZeroU32 },
}

impl Partitions {
    /// Whether this instance reads a partition.
    pub(crate) fn include(&self, partition: u32) -> bool {
        match self {
            Self::All => true,
            Self::Only(listed) => listed.contains(&partition),
            Self::Share { index, of } => partition % of.get() == *index,
        }
    }

    /// Among how many instances the work of one configuration is divided.
    pub(crate) fn instances(&self) -> NonZeroU32 {
        match self {
            Self::All | Self::Only(_) => NonZeroU32::MIN,
            Self::Share { of, .. } => *of,
        }
    }
}

/// `meta.consumer.offset.start`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    Beginning,
    End,
    Absolute(i64),
    FromBeginning(u32),
    FromEnd(u32),
}

/// The one step of `transforms`.
#[derive(Clone)]
pub struct Transform {
    /// `uses`, as written: `group/name@version`, `group/name` or `name`.
    pub(crate) uses: String,
    /// `with`; maps and lists are JSON text, as the broker gets them.
    pub(crate) with: BTreeMap<String, String>,
    /// The same as the mapping understands it, for what is mapped natively.
    pub(crate) params: Params,
}

impl fmt::Debug for Transform {
    /// Shows the parameters' names only: a value may have been made of a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Transform({} with {:?})", self.uses, self.with.keys())
    }
}

/// `experience-platform`.
#[derive(Debug, Clone)]
pub(crate) struct Platform {
    /// `XXXX@AdobeOrg`.
    pub(crate) organization_id: String,
    pub(crate) sandbox: Option<String>,
    /// `api-url`: the platform's API beside the inlets.
    pub(crate) api_url: Url,
    pub(crate) ims: Ims,
    pub(crate) events: Events,
    pub(crate) profiles: Option<Profiles>,
    /// `profiles.settle`: how long a customer's next statement waits after an acknowledgement.
    pub(crate) settle: Duration,
    pub(crate) batch: BatchLimits,
    pub(crate) concurrency: Concurrency,
    pub(crate) pace: RateLimits,
    /// `buffer`.
    pub(crate) buffer: BufferLimits,
    /// `None`: every copy is sent.
    pub(crate) deduplicate: Option<Deduplicate>,
    pub(crate) http: Http,
    pub(crate) retry: RetryLimits,
    pub(crate) dead_letter: DeadLetterTopic,
    /// `None`: nobody asks what became of acknowledged records.
    pub(crate) landed: Option<Landed>,
    pub(crate) on_evicted: OnEvicted,
    /// How long a process that says nothing keeps its partitions.
    pub(crate) lease: Duration,
    /// What may be passed over where it cannot be decoded.
    pub(crate) skip_offsets: Vec<OffsetRange>,
    pub(crate) shutdown_timeout: Duration,
    pub(crate) observability: Observability,
}

/// `experience-platform.concurrency`: how many requests may be under way at once, over both inlets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concurrency {
    /// `fixed`: this many, whatever the inlets do.
    Fixed(NonZeroUsize),
    /// `max`: what each inlet is found to take well, and together no more than this.
    UpTo(NonZeroUsize),
}

impl Concurrency {
    /// The most requests that can be under way at once.
    pub fn upper_bound(self) -> NonZeroUsize {
        match self {
            Self::Fixed(number) | Self::UpTo(number) => number,
        }
    }
}

/// `experience-platform.buffer`: how much may be read and not yet settled.
#[derive(Debug, Clone, Copy)]
pub struct BufferLimits {
    /// Bytes of unsettled answers, over all partitions.
    pub bytes: u64,
    /// The same, while the inlets take long to answer.
    pub slow_bytes: u64,
    /// Unsettled offsets, per partition.
    pub offsets: u64,
    /// Offsets from the oldest unsettled one to the newest read one, per partition.
    pub repeated: u64,
}

/// Answers up to this time need no more than the ordinary bytes.
const QUICK: Duration = Duration::from_millis(250);

impl BufferLimits {
    /// With these bounds whatever the answer time, and any number of repetitions.
    pub fn new(bytes: u64, offsets: u64) -> Self {
        Self {
            bytes,
            slow_bytes: bytes,
            offsets,
            repeated: u64::MAX,
        }
    }

    /// The bytes for inlets that answer in this time: at the same rate, as much more is in flight
    /// as they take longer.
    pub(crate) fn bytes_at(self, answer_time: Duration) -> u64 {
        let factor = answer_time.as_secs_f64() / QUICK.as_secs_f64();
        let wanted = (self.bytes as f64 * factor) as u64;
        wanted.clamp(self.bytes, self.slow_bytes.max(self.bytes))
    }

    /// The part of the bytes that is for responses of the broker on their way. A response is in
    /// memory as the frame that was received, as the records cut from it, and for a moment as both.
    pub fn on_the_way(self) -> u64 {
        self.bytes / 4
    }

    /// From this many unsettled bytes on nothing more is requested, of so many in all: responses on
    /// their way fill the rest.
    pub(crate) fn full(self, max_bytes: u64) -> u64 {
        max_bytes - self.on_the_way()
    }
}

/// `experience-platform.deduplicate`: which delivered events are remembered, so that copies of them
/// are skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deduplicate {
    /// How many of the last ones.
    pub(crate) count: NonZeroUsize,
    /// No longer than this.
    pub(crate) age: Duration,
}

/// `experience-platform.ims`: the credential and where it is exchanged for a token.
#[derive(Debug, Clone)]
pub(crate) struct Ims {
    pub(crate) client_id: Secret,
    pub(crate) client_secret: Secret,
    /// Tried when the first is refused, so that a secret can be rotated without an interruption.
    pub(crate) client_secret_next: Option<Secret>,
    pub(crate) token_url: Url,
    pub(crate) scope: String,
    /// What the messages call the credential: the placeholders of the configuration, never their
    /// values.
    pub(crate) names: CredentialNames,
}

/// The names under which the operator knows the credential's parts, such as
/// `secrets.IMS_CLIENT_ID`.
#[derive(Debug, Clone)]
pub struct CredentialNames {
    /// The client id.
    pub client_id: String,
    /// The client secret.
    pub client_secret: String,
    /// The secret that is tried when the first is refused.
    pub client_secret_next: Option<String>,
}

/// An HTTP inlet. The URL is the one Experience Platform shows for the connection, used verbatim.
#[derive(Debug, Clone)]
pub(crate) struct Inlet {
    /// `…/collection/{inlet id}`
    pub(crate) url: Url,
    /// `…/collection/batch/{inlet id}`
    pub(crate) batch_url: Url,
    pub(crate) dataset_id: Option<String>,
    pub(crate) flow_id: Option<String>,
}

/// `experience-platform.events`.
#[derive(Debug, Clone)]
pub(crate) enum Events {
    /// XDM envelopes, in batches.
    Xdm { inlet: Inlet, schema: SchemaRef },
    /// The bare mapped event to a flow with a mapping, one a request.
    Raw {
        inlet: Inlet,
        flow_id: String,
        shape: RawShape,
    },
}

/// `experience-platform.profiles`.
#[derive(Debug, Clone)]
pub(crate) enum Profiles {
    /// A streaming upsert (`operations.data = merge`): changes what it states and nothing else.
    Upsert {
        inlet: Inlet,
        flow_id: String,
        dataset_id: String,
        identity_dataset_id: Option<String>,
    },
    /// The bare mapped profile to a flow with a mapping.
    Raw {
        inlet: Inlet,
        flow_id: String,
        shape: RawShape,
    },
    /// XDM envelopes that *replace* the earlier record of the identity.
    Xdm { inlet: Inlet, schema: SchemaRef },
}

/// What bare records look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RawShape {
    /// As they are mapped.
    Xdm,
    /// As the mapping of Adobe's Capillary source reads them.
    CapillarySource,
}

/// How an inlet takes messages: `format` of `events` and of `profiles`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InletFormat {
    Xdm,
    Raw,
    CapillarySource,
    Upsert,
}

impl InletFormat {
    /// As the configuration spells it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Xdm => "xdm",
            Self::Raw => "raw",
            Self::CapillarySource => "capillary-source",
            Self::Upsert => "upsert",
        }
    }
}

/// Names a schema in an XDM envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SchemaRef {
    /// `https://ns.adobe.com/{tenant}/schemas/{id}`
    pub(crate) id: String,
    /// `application/vnd.adobe.xed-full+json;version=1`
    pub(crate) content_type: String,
}

/// `experience-platform.batch`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchLimits {
    pub(crate) max_records: NonZeroUsize,
    /// Below 1 000 000: the platform's limit for a request body.
    pub(crate) max_bytes: NonZeroUsize,
    /// How long an incomplete batch waits for more.
    pub(crate) linger: Duration,
}

/// `experience-platform.pace`; `None` is unlimited.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RateLimits {
    pub(crate) requests_per_second: Option<NonZeroU32>,
    pub(crate) records_per_second: Option<NonZeroU32>,
}

/// `experience-platform.http`.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    pub(crate) connect_timeout: Duration,
    pub(crate) request_timeout: Duration,
    pub(crate) proxy: Option<Proxy>,
    /// PEM file of certificate authorities to trust besides the system's.
    pub(crate) ca_file: Option<PathBuf>,
    /// What is shown to servers that ask for a client certificate.
    pub(crate) client_certificate: Option<ClientCertificate>,
}

/// `experience-platform.http.client-cert-file` and `.client-key-file`, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClientCertificate {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// `experience-platform.http.proxy`. Its URL may hold a password, so `Debug` shows the host only.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Proxy(pub(crate) Url);

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({})", self.0.host_str().unwrap_or_default())
    }
}

/// `experience-platform.retry`: the pause before the first repetition and the longest one.
/// A `Retry-After` from outside is clamped to `max`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RetryLimits {
    pub(crate) initial: Duration,
    pub(crate) max: Duration,
}

/// `experience-platform.dead-letter`.
#[derive(Debug, Clone)]
pub(crate) struct DeadLetterTopic {
    pub(crate) topic: String,
    /// Used only when the topic has to be created.
    pub(crate) retention: Duration,
    /// Used only when the topic has to be created; as many as the source topic has, if not given.
    pub(crate) replicas: Option<u32>,
    /// Refusals with these reasons are dead-lettered, also when they would hold the inlet.
    pub(crate) accept: Vec<String>,
}

/// `experience-platform.landed`: asking what became of acknowledged records.
#[derive(Debug, Clone)]
pub(crate) struct Landed {
    /// Between two looks.
    pub(crate) interval: Duration,
    /// After this time without a failure a record counts as landed.
    pub(crate) within: Duration,
    /// The topic of the journal; `accept` has no meaning for it.
    pub(crate) journal: DeadLetterTopic,
}

/// `experience-platform.on-evicted`: what to do when retention removed records before they were
/// read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnEvicted {
    Continue,
    Stop,
}

/// An entry of `experience-platform.skip-offsets`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OffsetRange {
    pub(crate) partition: u32,
    pub(crate) offsets: RangeInclusive<i64>,
}

/// `experience-platform.observability`: how the process shows what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Observability {
    /// Where metrics, readiness and the status page are served; `None` when they are off.
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) log: LogFormat,
}

/// `experience-platform.observability.log`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Lines for people.
    Human,
    /// One JSON object a line.
    Json,
}
