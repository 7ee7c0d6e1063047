//! How the dead-letter topic is created and reached.

use fluvio::metadata::topic::{CleanupPolicy, SegmentBasedPolicy, TopicSpec};

use crate::broker::client::{ClusterMetadata, Connection, Purpose};
use crate::broker::error::BrokerError;
use crate::broker::partition_log::fetch_bounds;
use crate::config::DeadLetterTopic;

pub(super) const WHAT: &str = "writing a dead letter";
/// A topic created here holds few records, read in order; one partition is enough.
pub(super) const PARTITION: u32 = 0;

/// How many copies of its records a cluster keeps.
pub(crate) fn replicas(spec: &TopicSpec) -> u32 {
    spec.replicas().replication_factor().unwrap_or(1)
}

/// The topic as it is created when it is absent. A dead letter is the last copy of a record in this
/// stream, so it is kept as often as the record was.
pub(crate) fn topic_spec(settings: &DeadLetterTopic, source: &TopicSpec) -> TopicSpec {
    let replicas = settings.replicas.unwrap_or_else(|| replicas(source));
    let mut spec = TopicSpec::new_computed(1, replicas, None);
    spec.set_cleanup_policy(CleanupPolicy::Segment(SegmentBasedPolicy {
        time_in_seconds: u32::try_from(settings.retention.as_secs()).unwrap_or(u32::MAX),
    }));
    spec
}

/// Connects to the leader of the partition that dead letters are written to, and makes sure that it
/// leads. Gives the end of the log as well.
pub(crate) async fn connect_leader(
    metadata: &ClusterMetadata,
    topic: &str,
) -> Result<(Connection, i64), BrokerError> {
    let connection = metadata
        .connect_leader_for(Purpose::Writing, topic, PARTITION)
        .await?;
    let log = fetch_bounds(&connection, WHAT, topic, PARTITION).await?;
    Ok((connection, log.end))
}

// === tests ===

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn topic_is_replicated_like_its_source_unless_told_otherwise() {
        let source = TopicSpec::new_computed(8, 3, None);
        let settings = |replicas| DeadLetterTopic {
            topic: "dead".to_owned(),
            retention: Duration::from_secs(60),
            replicas,
            accept: Vec::new(),
        };
        for (asked, expected) in [(None, 3), (Some(2), 2)] {
            let spec = topic_spec(&settings(asked), &source);
            assert_eq!((spec.partitions(), replicas(&spec)), (1, expected));
        }
    }
}
