//! What a test asks of a topic.

use std::collections::BTreeMap;
use std::time::Duration;

use fluvio::metadata::topic::{
    Bounds, CleanupPolicy, CompressionAlgorithm, Deduplication as DeduplicationSpec, Filter,
    SegmentBasedPolicy, TopicSpec, TopicStorageConfig, Transform,
};

/// The deduplication of a topic: a filter SmartModule that must be loaded, and the bound it is
/// told.
#[derive(Clone, Debug)]
pub struct Deduplication {
    /// Name of the filter, as in `transforms`.
    pub filter: String,
    /// How many records it looks back.
    pub count: u64,
}

/// A topic to be created; `TopicOptions::new(name)` has one partition and Fluvio's defaults.
#[derive(Clone, Debug)]
pub struct TopicOptions {
    /// Lower-case letters, digits and hyphens.
    pub name: String,
    /// How many partitions.
    pub partitions: u32,
    /// How many SPUs have each partition. The mock keeps one copy, and takes the others for
    /// followers that have it while they run.
    pub replicas: u32,
    /// What producers may send.
    pub compression: CompressionAlgorithm,
    /// Deduplication, if any.
    pub deduplication: Option<Deduplication>,
    /// How long records are kept.
    pub retention: Option<Duration>,
    /// Bytes after which a segment is closed; retention removes whole closed segments.
    pub segment_size: Option<u32>,
    /// Bytes of a partition after which its oldest segments are removed.
    pub max_partition_size: Option<u64>,
}

impl TopicOptions {
    /// A topic with one partition and Fluvio's defaults.
    #[must_use]
    pub fn new(name: impl Into<String>) -> TopicOptions {
        TopicOptions {
            name: name.into(),
            partitions: 1,
            replicas: 1,
            compression: CompressionAlgorithm::Any,
            deduplication: None,
            retention: None,
            segment_size: None,
            max_partition_size: None,
        }
    }

    /// The same with another number of partitions.
    #[must_use]
    pub fn partitions(self, partitions: u32) -> TopicOptions {
        TopicOptions { partitions, ..self }
    }

    /// The same with copies on so many SPUs.
    #[must_use]
    pub fn replicas(self, replicas: u32) -> TopicOptions {
        TopicOptions { replicas, ..self }
    }

    /// The same with a compression producers must use.
    #[must_use]
    pub fn compression(self, compression: CompressionAlgorithm) -> TopicOptions {
        TopicOptions {
            compression,
            ..self
        }
    }

    /// The same with deduplication.
    #[must_use]
    pub fn deduplication(self, filter: impl Into<String>, count: u64) -> TopicOptions {
        TopicOptions {
            deduplication: Some(Deduplication {
                filter: filter.into(),
                count,
            }),
            ..self
        }
    }

    pub(super) fn into_spec(self) -> (String, TopicSpec) {
        let mut spec = TopicSpec::new_computed(self.partitions, self.replicas, None);
        spec.set_compression_type(self.compression);
        spec.set_deduplication(self.deduplication.map(|deduplication| DeduplicationSpec {
            bounds: Bounds {
                count: deduplication.count,
                age: None,
            },
            filter: Filter {
                transform: Transform {
                    uses: deduplication.filter,
                    with: BTreeMap::new(),
                },
            },
        }));
        if let Some(retention) = self.retention {
            let time_in_seconds = u32::try_from(retention.as_secs()).unwrap_or(u32::MAX);
            spec.set_cleanup_policy(CleanupPolicy::Segment(SegmentBasedPolicy {
                time_in_seconds,
            }));
        }
        if self.segment_size.is_some() || self.max_partition_size.is_some() {
            let (segment_size, max_partition_size) = (self.segment_size, self.max_partition_size);
            spec.set_storage(TopicStorageConfig {
                segment_size,
                max_partition_size,
            });
        }
        (self.name, spec)
    }
}
