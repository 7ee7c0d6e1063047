//! The keys of the file and the types of their values, as written. Nothing is checked here but the
//! type: every key is optional, so that validation can name all that is missing at once.
//!
//! This is the one place where a key is described. Its doc comment is what editors show and what
//! `docs/configuration.md` says; `required`, `default` and `transform` are for the
//! [schema](mod@super::schema) alone, and tests hold them against what validation does.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value;

use super::defaults;
use super::value_schemas;
use super::yaml::scalar::{Partition, Period, Size, StartAt};

/// The whole file. The keys above `experience-platform` are those of every Fluvio connector.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(title = "Configuration of \
    capillary-aep-sink", transform = value_schemas::topic_by_version)]
pub(super) struct ConfigKeys {
    /// Form of the file. From 0.1.0 on secrets work; in 0.2.0 `meta.topic` is an object
    #[serde(rename = "apiVersion")]
    #[schemars(extend("default" = "0.0.0"), transform = value_schemas::one_of(&defaults::API_VERSIONS))]
    pub(super) api_version: Option<String>,
    /// Names of the connector and of what it reads
    #[schemars(required)]
    pub(super) meta: Option<MetaKeys>,
    /// Exactly one step: the SmartModule that maps
    #[schemars(required, length(equal = 1))]
    pub(super) transforms: Option<Vec<TransformKeys>>,
    /// Where to deliver, and how
    #[schemars(required)]
    pub(super) experience_platform: Option<PlatformKeys>,
}

/// `meta`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct MetaKeys {
    /// Free text, such as the connector's version
    #[schemars(required)]
    pub(super) version: Option<String>,
    /// Name of this instance; part of the client id and of the default dead-letter topic
    #[schemars(required, transform = value_schemas::text)]
    pub(super) name: Option<String>,
    /// `capillary-aep-sink`; a type that ends in `-source` is refused
    #[serde(rename = "type")]
    #[schemars(required, extend("not" = {"pattern": "-source$"}))]
    pub(super) kind: Option<String>,
    /// The topic to read. apiVersion 0.2.0: the object of the following five rows
    #[schemars(required, with = "TopicSchema")]
    pub(super) topic: Option<Value>,
    /// Secrets the file uses
    pub(super) secrets: Option<Vec<SecretKeys>>,
    /// Refused: belongs to sources
    #[schemars(with = "Option<()>")]
    pub(super) producer: Option<Value>,
    /// How to read
    #[schemars(required)]
    pub(super) consumer: Option<ConsumerKeys>,
}

/// An entry of `meta.secrets`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SecretKeys {
    /// A secret the file uses: letters, digits, underscores
    #[schemars(required, transform = value_schemas::secret_name)]
    pub(super) name: Option<String>,
}

/// `meta.consumer`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(transform = value_schemas::stock_spelling_of_max_bytes)]
pub(super) struct ConsumerKeys {
    /// The key of the stored offsets, the same for all instances that share the topic's partitions
    #[schemars(required, transform = value_schemas::text)]
    pub(super) id: Option<String>,
    /// Which partitions to read; with `all` also those added later. With `{index: N, of: M}` the
    /// N-th of M instances, counted from 0, reads every M-th; `pace` and `concurrency` are then for
    /// all of them together. The index may be `{env: NAME}`: a variable that is a number or ends in
    /// one, as the name of a pod of a StatefulSet does
    #[schemars(extend("default" = "all"))]
    pub(super) partition: Option<Partition>,
    /// Most bytes of answers in one response; they count uncompressed
    #[serde(alias = "max_bytes")]
    #[schemars(extend("default" = "2MiB"))]
    pub(super) max_bytes: Option<Size>,
    /// Whether only records that all replicas have are read, or also those the leader alone has. Of
    /// a topic with one replica they are the same
    #[schemars(extend("default" = "committed"), transform = value_schemas::one_of(&defaults::ISOLATIONS))]
    pub(super) isolation: Option<String>,
    /// Where to begin
    pub(super) offset: Option<OffsetKeys>,
}

/// `meta.consumer.offset`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct OffsetKeys {
    /// Where the first start of all begins. A partition that comes later is read from its beginning
    #[schemars(extend("default" = "beginning"))]
    pub(super) start: Option<StartAt>,
    /// Must be there when `offset` is. `auto` would lose records, `none` would read all again
    #[schemars(required, transform = value_schemas::one_of(&["manual"]))]
    pub(super) strategy: Option<String>,
    /// Refused: the connector commits what is delivered, at most once a second
    #[schemars(with = "Option<()>")]
    pub(super) flush_period: Option<Value>,
}

/// `meta.topic` of apiVersion 0.2.0. All but the name describe a topic to be created, which this
/// connector never does to its source; their form is the broker's business.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct TopicKeys {
    /// Form of the topic object
    #[serde(rename = "version")]
    pub(super) _version: Option<String>,
    /// Name of the topic
    #[schemars(required)]
    pub(super) meta: Option<TopicMetaKeys>,
    /// Accepted for other tools; this connector never creates its source topic
    #[serde(rename = "partition")]
    pub(super) _partition: Option<BTreeMap<String, Value>>,
    /// As above
    #[serde(rename = "retention")]
    pub(super) _retention: Option<BTreeMap<String, Value>>,
    /// As above
    #[serde(rename = "compression")]
    pub(super) _compression: Option<BTreeMap<String, Value>>,
    /// As above
    #[serde(rename = "deduplication")]
    pub(super) _deduplication: Option<BTreeMap<String, Value>>,
}

/// `meta.topic.meta`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TopicMetaKeys {
    /// The topic to read
    #[schemars(required, transform = value_schemas::topic_name)]
    pub(super) name: Option<String>,
}

/// A step of `transforms`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TransformKeys {
    /// The SmartModule. Exactly one step
    #[schemars(required, transform = value_schemas::module)]
    pub(super) uses: Option<String>,
    /// Its parameters; numbers and true/false go in quotes
    #[serde(rename = "with")]
    #[schemars(with = "Option<value_schemas::ParametersSchema>")]
    pub(super) parameters: Option<BTreeMap<String, Value>>,
    /// Refused: offsets are exact only without it
    #[schemars(with = "Option<()>")]
    pub(super) lookback: Option<Value>,
}

/// `experience-platform`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct PlatformKeys {
    /// Your organization in Experience Platform
    #[schemars(required, transform = value_schemas::organization_id)]
    pub(super) organization_id: Option<String>,
    /// Sent as `x-sandbox-name`; the inlet decides the sandbox anyway
    #[schemars(transform = value_schemas::identifier)]
    pub(super) sandbox: Option<String>,
    /// Where Experience Platform is asked what became of records
    #[schemars(extend("default" = defaults::API_URL), transform = value_schemas::url)]
    pub(super) api_url: Option<String>,
    /// The OAuth server-to-server credential
    #[schemars(required)]
    pub(super) ims: Option<ImsKeys>,
    /// Where events go
    #[schemars(required, transform = value_schemas::events)]
    pub(super) events: Option<InletKeys>,
    /// Where profiles go; without this section none are sent
    #[schemars(transform = value_schemas::profiles)]
    pub(super) profiles: Option<InletKeys>,
    /// When a batch is sent: at this many records, at this many bytes, or at this age
    pub(super) batch: Option<BatchKeys>,
    /// Requests under way
    pub(super) concurrency: Option<ConcurrencyKeys>,
    /// Upper limits of the rate; none by default
    pub(super) pace: Option<PaceKeys>,
    /// How much may be read and not yet delivered
    pub(super) buffer: Option<BufferKeys>,
    /// With this section, copies (same `eventId` and customer) of events this process delivered are
    /// skipped
    pub(super) deduplicate: Option<DeduplicateKeys>,
    /// Connections to IMS and Experience Platform
    pub(super) http: Option<HttpKeys>,
    /// Pauses between repetitions
    pub(super) retry: Option<RetryKeys>,
    /// Where records go that can never be delivered
    pub(super) dead_letter: Option<DeadLetterKeys>,
    /// Whether records that Experience Platform drops after it acknowledged them are looked for;
    /// `off` looks for none
    #[schemars(with = "Option<LandedSchema>")]
    pub(super) landed: Option<Value>,
    /// When retention removed records before they were read
    #[schemars(extend("default" = "continue"), transform = value_schemas::one_of(&defaults::ON_EVICTED))]
    pub(super) on_evicted: Option<String>,
    /// How long a process that gives no sign of life keeps its partitions; from 1s to 1h. Another
    /// one with the same `meta.consumer.id` waits this long before it takes them over
    #[schemars(extend("default" = "10s"))]
    pub(super) lease: Option<Period>,
    /// Offsets to pass over where their batch cannot be decoded, as the error names them:
    /// `PARTITION:FIRST-LAST`
    pub(super) skip_offsets: Option<Vec<String>>,
    /// How long a stopping connector may finish what is under way
    #[schemars(extend("default" = "20s"))]
    pub(super) shutdown_timeout: Option<Period>,
    /// What the running connector shows of itself
    pub(super) observability: Option<ObservabilityKeys>,
}

/// `experience-platform.ims`.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ImsKeys {
    /// The credential's client id
    #[schemars(required, transform = value_schemas::confidential)]
    pub(super) client_id: Option<String>,
    /// Its secret
    #[schemars(required, transform = value_schemas::confidential)]
    pub(super) client_secret: Option<String>,
    /// Tried when the first is refused: rotation without interruption
    #[schemars(transform = value_schemas::confidential)]
    pub(super) client_secret_next: Option<String>,
    /// Where the credential is exchanged for a token
    #[schemars(extend("default" = defaults::TOKEN_URL), transform = value_schemas::url)]
    pub(super) token_url: Option<String>,
    /// Scopes of the credential, separated by commas (or by spaces, for `/ims/token`)
    #[schemars(extend("default" = defaults::SCOPE), transform = value_schemas::text)]
    pub(super) scope: Option<String>,
}

impl std::fmt::Debug for ImsKeys {
    /// Shows nothing: these are still plain texts.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ImsKeys(***)")
    }
}

/// `experience-platform.events` and `.profiles`; which keys belong to which format is validation's
/// business, and that of [`value_schemas::events`] and [`value_schemas::profiles`].
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct InletKeys {
    /// `…/collection/{inlet id}`, as Experience Platform shows it; the URL for batches follows from
    /// it
    #[schemars(required, transform = value_schemas::inlet_url)]
    pub(super) inlet_url: Option<String>,
    /// Set by the transform of the section
    pub(super) format: Option<String>,
    /// The schema's URL, `https://ns.adobe.com/…/schemas/…`. Format `xdm` only, and required there
    #[schemars(transform = value_schemas::url)]
    pub(super) schema_id: Option<String>,
    /// Format `xdm` only
    #[schemars(extend("default" = defaults::SCHEMA_CONTENT_TYPE), transform = value_schemas::schema_content_type)]
    pub(super) schema_content_type: Option<String>,
    /// Required with `xdm` and `upsert`
    #[schemars(transform = value_schemas::identifier)]
    pub(super) dataset_id: Option<String>,
    /// The flow (dataflow) of the inlet. Required with `raw`, `capillary-source` and `upsert`
    #[schemars(transform = value_schemas::identifier)]
    pub(super) flow_id: Option<String>,
    /// Profiles only: how long the next statement of a customer waits after the last one was
    /// acknowledged, merging with what comes meanwhile; at most 1m, `0s` sends it at once. Longer
    /// than Profile takes to apply a statement, or an older value may win. `5s` with `upsert`, else
    /// `0s`
    pub(super) settle: Option<Period>,
    /// Format `upsert` only: dataset for identities
    #[schemars(transform = value_schemas::identifier)]
    pub(super) identity_dataset_id: Option<String>,
}

/// `experience-platform.batch`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct BatchKeys {
    /// Most records in a batch
    #[schemars(extend("default" = 500), range(min = 1, max = u32::MAX))]
    pub(super) max_records: Option<u64>,
    /// Most bytes in a batch, at most 999 900 (the platform refuses bodies over 1 MB)
    #[schemars(extend("default" = "900kB"))]
    pub(super) max_bytes: Option<Size>,
    /// How long an incomplete batch waits for more; `0s` sends at once
    #[schemars(extend("default" = "200ms"))]
    pub(super) linger: Option<Period>,
}

/// `experience-platform.concurrency`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ConcurrencyKeys {
    /// Upper bound of the requests under way at once, over both inlets; at most 1000. Below it, how
    /// many each inlet takes well is found by measuring: fewer after 429, 503, timeouts and when
    /// responses take twice their usual time, more while all is well
    #[schemars(extend("default" = 384), range(min = 1, max = defaults::CONCURRENCY_LIMIT))]
    pub(super) max: Option<u64>,
    /// A fixed number instead, without measuring. Not together with `max`
    #[schemars(range(min = 1, max = defaults::CONCURRENCY_LIMIT))]
    pub(super) fixed: Option<u64>,
}

/// `experience-platform.pace`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct PaceKeys {
    /// Upper limit of the rate of requests
    #[schemars(range(min = 1, max = u32::MAX))]
    pub(super) requests_per_second: Option<u64>,
    /// Upper limit of the rate of records
    #[schemars(range(min = 1, max = u32::MAX))]
    pub(super) records_per_second: Option<u64>,
}

/// `experience-platform.buffer`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct BufferKeys {
    /// Bytes read and not yet settled, over all partitions, with 1000 of bookkeeping for
    /// each record
    #[schemars(extend("default" = "12MiB"))]
    pub(super) max_bytes: Option<Size>,
    /// While answers take longer than 250 ms, `max-bytes` grows with their time, up to this; the
    /// default is four times `max-bytes`
    pub(super) max_bytes_slow: Option<Size>,
    /// Offsets that were read and are not settled, per partition
    #[schemars(extend("default" = 100_000), range(min = 1, max = u32::MAX))]
    pub(super) max_offsets: Option<u64>,
    /// Offsets from the oldest unsettled one on, per partition; what a restart reads again at most
    #[schemars(extend("default" = 10_000_000), range(min = 1, max = u32::MAX))]
    pub(super) max_repeated: Option<u64>,
}

/// `experience-platform.deduplicate`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeduplicateKeys {
    /// The section `deduplicate` (`{}` for its defaults; without it nothing is skipped) skips
    /// copies (same `eventId` and customer) of events this process delivered. The last `count` are
    /// remembered, at most 1000000, some 80 bytes each. A copy of an event still on its way is sent
    #[schemars(extend("default" = 100_000), range(min = 1, max = defaults::DEDUPLICATE_COUNT_LIMIT))]
    pub(super) count: Option<u64>,
    /// How long a delivered event is remembered
    #[schemars(extend("default" = "1h"))]
    pub(super) age: Option<Period>,
}

/// `experience-platform.http`.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct HttpKeys {
    /// For a connection
    #[schemars(extend("default" = "5s"))]
    pub(super) connect_timeout: Option<Period>,
    /// For a whole request and its answer. Shorter than the platform's own: repetitions and
    /// duplicates
    #[schemars(extend("default" = "60s"))]
    pub(super) request_timeout: Option<Period>,
    /// HTTP proxy, `http://[user:password@]host:port`. Proxy variables of the environment are not
    /// read
    #[schemars(transform = value_schemas::proxy)]
    pub(super) proxy: Option<String>,
    /// PEM file of authorities to trust besides the system's; relative to the working directory
    #[schemars(transform = value_schemas::path)]
    pub(super) ca_file: Option<String>,
    /// PEM file with the certificate (and its chain) that is shown to servers and proxies that ask
    /// for one. Needs `client-key-file`
    #[schemars(transform = value_schemas::path)]
    pub(super) client_cert_file: Option<String>,
    /// PEM file with its private key
    #[schemars(transform = value_schemas::path)]
    pub(super) client_key_file: Option<String>,
}

impl std::fmt::Debug for HttpKeys {
    /// Shows nothing: a proxy's URL may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HttpKeys(***)")
    }
}

/// `experience-platform.retry`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RetryKeys {
    /// Pause before the first repetition; doubles from there, with jitter
    #[schemars(extend("default" = "200ms"))]
    pub(super) initial: Option<Period>,
    /// Longest pause, also for a `Retry-After`
    #[schemars(extend("default" = "30s"))]
    pub(super) max: Option<Period>,
}

/// `experience-platform.dead-letter`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeadLetterKeys {
    /// Default `<meta.name>-dead-letter`; created if absent
    #[schemars(transform = value_schemas::topic_name)]
    pub(super) topic: Option<String>,
    /// Used only when the topic is created
    #[schemars(extend("default" = "90d"))]
    pub(super) retention: Option<Period>,
    /// Used only when the topic is created; default: as many as the source topic has
    #[schemars(range(min = 1, max = defaults::REPLICAS_LIMIT))]
    pub(super) replicas: Option<u64>,
    /// Refusals with these reasons are dead-lettered instead of holding the inlet. Remove it again
    /// once the topic is past them
    #[schemars(extend("default" = []), transform = value_schemas::list_of(&defaults::REFUSAL_REASONS))]
    pub(super) accept: Option<Vec<String>>,
}

/// `experience-platform.landed`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LandedKeys {
    /// How often Experience Platform is asked for failed batches, at least 1s
    #[schemars(extend("default" = "5m"))]
    pub(super) interval: Option<Period>,
    /// After this time without a failure a record counts as landed. Adobe's figure for the data
    /// lake is an hour
    #[schemars(extend("default" = "1h"))]
    pub(super) within: Option<Period>,
    /// How long the topic of the journal keeps what was sent. Used only when the topic is created
    #[schemars(extend("default" = "1d"))]
    pub(super) retention: Option<Period>,
    /// The journal: which record was sent when. Default `<meta.name>-landing`; created if absent
    #[schemars(transform = value_schemas::topic_name)]
    pub(super) topic: Option<String>,
}

/// `experience-platform.landed`: `off`, or an object.
pub(super) struct LandedSchema;

impl JsonSchema for LandedSchema {
    fn schema_name() -> Cow<'static, str> {
        "Landed".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let object = generator.subschema_for::<LandedKeys>();
        json_schema!({ "title": "`off`, or object", "anyOf": [{ "const": "off" }, object] })
    }
}

/// `experience-platform.observability`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ObservabilityKeys {
    /// Where [metrics, readiness and the status page](metrics.md) are served, read-only and without
    /// authentication. Port 0 takes a free one and logs it. Several connectors on one host need one
    /// port each
    #[schemars(extend("default" = "127.0.0.1:9464"), transform = value_schemas::listen)]
    pub(super) listen: Option<String>,
    /// Form of the log on stderr; `RUST_LOG` says how much of it
    #[schemars(extend("default" = "human"), transform = value_schemas::one_of(&defaults::LOG_FORMATS))]
    pub(super) log: Option<String>,
}

/// `meta.topic`: a name, or the object of apiVersion 0.2.0.
pub(super) struct TopicSchema;

impl JsonSchema for TopicSchema {
    fn schema_name() -> Cow<'static, str> {
        "Topic".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut name = json_schema!({ "type": "string" });
        value_schemas::topic_name(&mut name);
        let object = generator.subschema_for::<TopicKeys>();
        json_schema!({ "title": "topic name, or object", "anyOf": [name, object] })
    }
}
