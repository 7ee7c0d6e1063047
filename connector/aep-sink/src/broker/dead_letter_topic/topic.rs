//! How the dead-letter topic is created and reached.

use fluvio::metadata::topic::{CleanupPolicy, SegmentBasedPolicy, TopicSpec};

use crate::broker::client::{ClusterMetadata, Connection, Purpose};
use crate::broker::error::BrokerError;
use crate::broker::partition_log::fetch_bounds;
use crate::config::DeadLetterTopic;

pub(super) const WHAT: &str = "writing a dead letter";
/// A topic created here holds few records, read in order; one partition is enough.
pub(super) const PARTITION: u32 = 0;

/// The topic as it is created when it is absent.
pub(crate) fn topic_spec(settings: &DeadLetterTopic) -> TopicSpec {
    let mut spec = TopicSpec::new_computed(1, 1, None);
    spec.set_cleanup_policy(CleanupPolicy::Segment(SegmentBasedPolicy {
        time_in_seconds: u32::try_from(settings.retention.as_secs()).unwrap_or(u32::MAX),
    }));
    spec
}

/// Connects to the leader of the partition that dead letters are written to, and makes sure that it
/// leads.
pub(crate) async fn connect_leader(
    metadata: &ClusterMetadata,
    topic: &str,
) -> Result<Connection, BrokerError> {
    let connection = metadata
        .connect_leader_for(Purpose::Writing, topic, PARTITION)
        .await?;
    fetch_bounds(&connection, WHAT, topic, PARTITION).await?;
    Ok(connection)
}
