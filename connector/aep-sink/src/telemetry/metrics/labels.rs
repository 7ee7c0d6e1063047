//! The label sets of the metrics: the names of the fields are the names of the labels.

use prometheus_client::encoding::EncodeLabelSet;

use super::bounded_family::Labels;

/// The value that stands for all further ones of a full family.
const OTHER: &str = "other";

/// The kind of an event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
pub(crate) struct Kind {
    pub(super) kind: String,
}

/// Why records were skipped, dead-lettered, or sent again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
pub(crate) struct Reason {
    pub(super) reason: String,
}

/// An inlet.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Inlet {
    pub(crate) inlet: &'static str,
}

/// What came back for a request to an inlet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
pub(crate) struct InletResult {
    pub(super) inlet: &'static str,
    pub(super) result: &'static str,
}

/// A state an inlet can be in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct InletStateLabels {
    pub(crate) inlet: &'static str,
    pub(crate) state: &'static str,
}

/// What became of the events or profile statements of an inlet.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct InletOutcome {
    pub(crate) inlet: &'static str,
    pub(crate) outcome: &'static str,
}

/// Why requests were held back.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Cause {
    pub(super) cause: &'static str,
}

/// How offsets ended, by the kind of their event.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RecordOutcome {
    pub(crate) outcome: &'static str,
    pub(crate) kind: String,
}

/// A partition of the source topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Partition {
    pub(crate) partition: u32,
}

/// Whose partitions are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct PartitionState {
    pub(crate) state: &'static str,
}

/// How attempts to store an offset of a partition ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct PartitionResult {
    pub(crate) partition: u32,
    pub(crate) result: &'static str,
}

/// How requests for an access token ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct TokenResult {
    pub(crate) result: &'static str,
}

/// Something that keeps records from being delivered.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Obstacle {
    pub(crate) r#where: String,
    pub(crate) fault: &'static str,
}

/// The version of this program.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Build {
    pub(super) version: &'static str,
}

/// For metrics that have one sample, or none while the value is not known.
pub(crate) type NoLabels = [(&'static str, &'static str); 0];

impl From<&str> for Kind {
    fn from(kind: &str) -> Self {
        Self {
            kind: kind.to_owned(),
        }
    }
}

impl From<&str> for Reason {
    fn from(reason: &str) -> Self {
        Self {
            reason: reason.to_owned(),
        }
    }
}

impl Labels for Kind {
    fn overflow(&self) -> Self {
        Self::from(OTHER)
    }
}

impl Labels for Reason {
    fn overflow(&self) -> Self {
        Self::from(OTHER)
    }
}

impl Labels for InletResult {
    fn overflow(&self) -> Self {
        Self {
            inlet: self.inlet,
            result: OTHER,
        }
    }
}
