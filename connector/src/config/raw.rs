//! The keys of the file and the types of their values, as written. Nothing is checked here but the type: every key is
//! optional, so that validation can name all that is missing at once.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::scalar::{Partition, Period, Size, StartAt};

/// The whole file. Keys marked "stock" are those every Fluvio connector has.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawConfig {
    /// Stock: spelled so, unlike every other key.
    #[serde(rename = "apiVersion")]
    pub(super) api_version: Option<String>,
    pub(super) meta: Option<RawMeta>,
    pub(super) transforms: Option<Vec<RawTransform>>,
    pub(super) experience_platform: Option<RawPlatform>,
}

/// Stock: `meta`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawMeta {
    pub(super) version: Option<String>,
    pub(super) name: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    /// A name, or from apiVersion 0.2.0 on a [`RawTopic`].
    pub(super) topic: Option<Value>,
    pub(super) secrets: Option<Vec<RawSecret>>,
    pub(super) producer: Option<Value>,
    pub(super) consumer: Option<RawConsumer>,
}

/// Stock: an entry of `meta.secrets`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSecret {
    pub(super) name: Option<String>,
}

/// Stock: `meta.consumer`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawConsumer {
    pub(super) id: Option<String>,
    pub(super) partition: Option<Partition>,
    #[serde(alias = "max_bytes")]
    pub(super) max_bytes: Option<Size>,
    pub(super) offset: Option<RawOffset>,
}

/// Stock: `meta.consumer.offset`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawOffset {
    pub(super) start: Option<StartAt>,
    pub(super) strategy: Option<String>,
    pub(super) flush_period: Option<Value>,
}

/// Stock: `meta.topic` of apiVersion 0.2.0. All but the name describe a topic to be created, which this connector
/// never does to its source; their form is the broker's business.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawTopic {
    #[serde(rename = "version")]
    pub(super) _version: Option<String>,
    pub(super) meta: Option<RawTopicMeta>,
    #[serde(rename = "partition")]
    pub(super) _partition: Option<BTreeMap<String, Value>>,
    #[serde(rename = "retention")]
    pub(super) _retention: Option<BTreeMap<String, Value>>,
    #[serde(rename = "compression")]
    pub(super) _compression: Option<BTreeMap<String, Value>>,
    #[serde(rename = "deduplication")]
    pub(super) _deduplication: Option<BTreeMap<String, Value>>,
}

/// Stock: `meta.topic.meta`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTopicMeta {
    pub(super) name: Option<String>,
}

/// Stock: a step of `transforms`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTransform {
    pub(super) uses: Option<String>,
    #[serde(rename = "with")]
    pub(super) parameters: Option<BTreeMap<String, Value>>,
    pub(super) lookback: Option<Value>,
}

/// `experience-platform`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawPlatform {
    pub(super) organization_id: Option<String>,
    pub(super) sandbox: Option<String>,
    pub(super) ims: Option<RawIms>,
    pub(super) events: Option<RawInlet>,
    pub(super) profiles: Option<RawInlet>,
    pub(super) batch: Option<RawBatch>,
    pub(super) concurrency: Option<RawConcurrency>,
    pub(super) pace: Option<RawPace>,
    pub(super) buffer: Option<RawBuffer>,
    pub(super) deduplicate: Option<RawDeduplicate>,
    pub(super) http: Option<RawHttp>,
    pub(super) retry: Option<RawRetry>,
    pub(super) dead_letter: Option<RawDeadLetter>,
    pub(super) on_evicted: Option<String>,
    pub(super) shutdown_timeout: Option<Period>,
    pub(super) observability: Option<RawObservability>,
}

/// `experience-platform.ims`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawIms {
    pub(super) client_id: Option<String>,
    pub(super) client_secret: Option<String>,
    pub(super) client_secret_next: Option<String>,
    pub(super) token_url: Option<String>,
    pub(super) scope: Option<String>,
}

impl std::fmt::Debug for RawIms {
    /// Shows nothing: these are still plain texts.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RawIms(***)")
    }
}

/// `experience-platform.events` and `.profiles`; which keys belong to which format is validation's business.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawInlet {
    pub(super) inlet_url: Option<String>,
    pub(super) format: Option<String>,
    pub(super) schema_id: Option<String>,
    pub(super) schema_content_type: Option<String>,
    pub(super) dataset_id: Option<String>,
    pub(super) flow_id: Option<String>,
    pub(super) identity_dataset_id: Option<String>,
}

/// `experience-platform.batch`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawBatch {
    pub(super) max_records: Option<u64>,
    pub(super) max_bytes: Option<Size>,
    pub(super) linger: Option<Period>,
}

/// `experience-platform.concurrency`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConcurrency {
    pub(super) max: Option<u64>,
    pub(super) fixed: Option<u64>,
}

/// `experience-platform.pace`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawPace {
    pub(super) requests_per_second: Option<u64>,
    pub(super) records_per_second: Option<u64>,
}

/// `experience-platform.buffer`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawBuffer {
    pub(super) max_bytes: Option<Size>,
    pub(super) max_offsets: Option<u64>,
}

/// `experience-platform.deduplicate`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDeduplicate {
    pub(super) count: Option<u64>,
    pub(super) age: Option<Period>,
}

/// `experience-platform.http`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawHttp {
    pub(super) connect_timeout: Option<Period>,
    pub(super) request_timeout: Option<Period>,
    pub(super) proxy: Option<String>,
    pub(super) ca_file: Option<String>,
}

impl std::fmt::Debug for RawHttp {
    /// Shows nothing: a proxy's URL may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RawHttp(***)")
    }
}

/// `experience-platform.retry`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRetry {
    pub(super) initial: Option<Period>,
    pub(super) max: Option<Period>,
}

/// `experience-platform.dead-letter`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDeadLetter {
    pub(super) topic: Option<String>,
    pub(super) retention: Option<Period>,
    pub(super) accept: Option<Vec<String>>,
}

/// `experience-platform.observability`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawObservability {
    pub(super) listen: Option<String>,
    pub(super) log: Option<String>,
}
