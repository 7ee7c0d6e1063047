//! What can go wrong with Fluvio, whose fault it is, and whether it heals.

use fluvio_protocol::link::ErrorCode;

use crate::answer::{self, AnswerError};
use crate::error::{Fault, Retry};
use crate::offset_tracker::OffsetTrackerError;

/// Wrong configuration or a cluster that somebody has to change.
const EXIT_USER: u8 = 2;
/// The log is not the one whose offset is stored: a person has to decide.
const EXIT_ANOTHER_LOG: u8 = 3;
/// Everything else.
const EXIT_OTHER: u8 = 1;

/// An error of the broker side. The text is for the operator: it names the thing and the next step.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum BrokerError {
    #[error(
        "no usable Fluvio profile in {path}: {reason}; create one with `fluvio profile add NAME \
        HOST:PORT local` or point FLV_PROFILE_PATH to one"
    )]
    Profile { path: String, reason: String },
    #[error("the TLS settings of the Fluvio profile cannot be used: {reason}")]
    Tls { reason: String },
    #[error("cannot connect to {who} at {address}: {reason}")]
    Connect {
        who: String,
        address: String,
        reason: String,
    },
    #[error("{who} at {address} does not speak a known version of {what}; Fluvio 0.18 is needed")]
    TooOld {
        who: String,
        address: String,
        what: &'static str,
    },
    #[error("{what} failed at {address}: {reason}")]
    Request {
        what: &'static str,
        address: String,
        reason: String,
    },
    #[error("{what} was refused by {address}: {code}")]
    Refused {
        what: &'static str,
        address: String,
        code: ErrorCode,
    },
    #[error("the answer to {what} from {address} cannot be used: {reason}")]
    BadResponse {
        what: &'static str,
        address: String,
        reason: String,
    },
    #[error(
        "topic {topic} does not exist in the cluster; create it with `fluvio topic create {topic}`"
    )]
    TopicMissing { topic: String },
    #[error(
        "topic {topic} was deleted while it was read; once it is created again, a restart reads \
        the new one (stored offsets of the old one are deleted with it)"
    )]
    TopicDeleted { topic: String },
    #[error(
        "topic {topic} was deleted, or the controller does not know it any more, or this user may \
        not read it any more: for a minute it was not listed with all partitions that are read; \
        nothing is lost, and a restart goes on from the stored offsets if they are still there"
    )]
    TopicUnlisted { topic: String },
    #[error("topic {topic} has no partition {partition}")]
    PartitionMissing { topic: String, partition: u32 },
    #[error("partition {replica} is not listed by the cluster")]
    NotListed { replica: String },
    #[error("the leader of partition {replica} is not known to the cluster at the moment")]
    NoLeader { replica: String },
    #[error("partition {replica} ends at offset {end}, before the next offset to read, {next}")]
    LogShorter {
        replica: String,
        next: i64,
        end: i64,
    },
    #[error(
        "partition {replica} is replicated only up to offset {end}, before the next offset to \
        read, {next}, although the log of its leader goes on; it is read as soon as all replicas \
        have it"
    )]
    NotReplicated {
        replica: String,
        next: i64,
        end: i64,
    },
    #[error(
        "the SPU does not know SmartModule {uses}; if that lasts, it was deleted: load it again"
    )]
    SmartModuleUnknown { uses: String },
    #[error(
        "SmartModule {uses} is not loaded in the cluster ({loaded}); load it with `smdk load`, or \
        `fluvio smartmodule create NAME --wasm-file capillary_xdm.wasm` and name it in `transforms`"
    )]
    SmartModuleMissing { uses: String, loaded: String },
    #[error(
        "`transforms` names {uses}, which fits several loaded SmartModules ({fits}), and the \
        broker may take any; delete the others (`fluvio smartmodule delete NAME`), or name one \
        version (one that was created without package data fits every version)"
    )]
    SmartModuleAmbiguous { uses: String, fits: String },
    #[error("SmartModule {uses} does not start with these parameters: {reason}")]
    SmartModuleRejected { uses: String, reason: String },
    #[error("a parameter in `transforms` is wrong: {reason}")]
    Parameter { reason: String },
    #[error("SmartModule {uses} failed on the broker at {place}: {reason}")]
    SmartModuleFailed {
        uses: String,
        place: String,
        reason: String,
    },
    #[error(
        "SmartModule {uses} gave something at {place} that is no answer of capillary-xdm: {reason}"
    )]
    NotAnAnswer {
        uses: String,
        place: String,
        reason: String,
    },
    #[error(
        "SmartModule {uses} answers in version {found}, this connector reads version {known}; \
            load the SmartModule that belongs to this connector"
    )]
    AnswerVersion {
        uses: String,
        found: u64,
        known: u64,
    },
    #[error(
        "partition {replica} ends at offset {end}, but the next offset to read is {next}; the \
        topic was recreated or truncated. Delete the stored offset (`fluvio consumer delete \
        {consumer} --topic … --partition …`) or use another consumer id"
    )]
    BeyondEnd {
        replica: String,
        consumer: String,
        next: i64,
        end: i64,
    },
    #[error(
        "offsets {first} to {last} of partition {replica} were removed by retention before they \
        were read"
    )]
    Evicted {
        replica: String,
        first: i64,
        last: i64,
    },
    #[error(
        "several records of partition {partition} have offset {offset}: they were produced through \
        an array_map, which Fluvio gives no offsets of their own. Nothing after it is read; have \
        the producer send single records, and to go on with the first record of each such offset, \
        add \"{partition}:FIRST-LAST\" with that range to experience-platform.skip-offsets and restart"
    )]
    SharedOffset { partition: u32, offset: i64 },
    #[error(
        "offsets {first} to {last} of partition {partition} cannot be decoded ({reason}), so \
        nothing after them is read; to pass over exactly them, add \"{partition}:{first}-{last}\" to \
        experience-platform.skip-offsets and restart"
    )]
    Undecodable {
        partition: u32,
        first: i64,
        last: i64,
        reason: String,
    },
    #[error(
        "partition {replica} is not the log that was read: its record at offset {offset} was \
        produced at {expected}, the one that is there now at {found}; the topic was created again, \
        or a crash took records back and others came since. Nothing is skipped. Delete the stored \
        offset (`fluvio consumer delete {consumer} --topic … --partition …`) to read this log from \
        its beginning, or use another consumer id"
    )]
    AnotherLog {
        replica: String,
        consumer: String,
        offset: i64,
        expected: String,
        found: String,
    },
    #[error(
        "topic {topic} has the dead letters, but has not replicated them yet; see that every SPU \
        runs (`fluvio cluster spu list`)"
    )]
    DeadLettersNotReplicated { topic: String },
    #[error(
        "another replay is under way: the stored offset of consumer {consumer} moves; wait for its \
        end"
    )]
    ReplayRuns { consumer: String },
    #[error(
        "topic {topic} has no progress of a replay at offset {offset}, where it was written: the \
        topic was recreated or truncated; `--again` starts over"
    )]
    ProgressLost { topic: String, offset: i64 },
    #[error("a record of {size} bytes is too large for topic {topic}")]
    DeadLetterTooLarge { topic: String, size: usize },
    #[error(
        "not all offsets could be committed within the time allowed ({left}); what is beyond them \
        is read again"
    )]
    CommitIncomplete { left: String },
    #[error("the delivery side is gone")]
    DeliveryGone,
    #[error(transparent)]
    OffsetTracker(#[from] OffsetTrackerError),
    #[error("a task of the reader ended in an unexpected way: {0}")]
    Task(String),
}

impl BrokerError {
    /// What SmartModule `uses` gave at `place` cannot be used.
    pub(super) fn unusable_answer(uses: &str, place: String, error: AnswerError) -> Self {
        let uses = uses.to_owned();
        match error {
            AnswerError::Foreign(reason) => Self::NotAnAnswer {
                uses,
                place,
                reason,
            },
            AnswerError::Version { found } => Self::AnswerVersion {
                uses,
                found,
                known: answer::VERSION,
            },
        }
    }

    /// Whose fault it is.
    pub(crate) fn fault(&self) -> Fault {
        match self {
            Self::Profile { .. }
            | Self::Tls { .. }
            | Self::TooOld { .. }
            | Self::TopicMissing { .. }
            | Self::TopicDeleted { .. }
            | Self::PartitionMissing { .. }
            | Self::SmartModuleMissing { .. }
            | Self::SmartModuleAmbiguous { .. }
            | Self::SmartModuleRejected { .. }
            | Self::Parameter { .. }
            | Self::NotAnAnswer { .. }
            | Self::AnswerVersion { .. }
            | Self::BeyondEnd { .. }
            | Self::Undecodable { .. }
            | Self::SharedOffset { .. }
            | Self::Evicted { .. }
            | Self::AnotherLog { .. }
            | Self::TopicUnlisted { .. }
            | Self::ReplayRuns { .. }
            | Self::ProgressLost { .. }
            | Self::DeadLetterTooLarge { .. } => Fault::User,
            Self::Connect { .. }
            | Self::Request { .. }
            | Self::Refused { .. }
            | Self::BadResponse { .. }
            | Self::NotListed { .. }
            | Self::NoLeader { .. }
            | Self::LogShorter { .. }
            | Self::NotReplicated { .. }
            | Self::DeadLettersNotReplicated { .. }
            | Self::SmartModuleUnknown { .. }
            | Self::SmartModuleFailed { .. }
            | Self::CommitIncomplete { .. } => Fault::External,
            Self::DeliveryGone | Self::OffsetTracker(_) | Self::Task(_) => Fault::Internal,
        }
    }

    /// Whether the same attempt can succeed later.
    pub(crate) fn retry(&self) -> Retry {
        match self.fault() {
            // Other partitions go on; and a part that was read wrongly is right the next time.
            _ if matches!(self, Self::Undecodable { .. } | Self::SharedOffset { .. }) => {
                Retry::Backoff
            }
            Fault::External => Retry::Backoff,
            Fault::User | Fault::Internal => Retry::Never,
        }
    }

    /// The exit code of the process when this error ends it.
    pub(crate) fn exit_code(&self) -> u8 {
        match (self, self.fault()) {
            (Self::AnotherLog { .. } | Self::BeyondEnd { .. }, _) => EXIT_ANOTHER_LOG,
            // Nothing is wrong with the configuration: retention was faster, and the operator asked
            // to stop then.
            (Self::Evicted { .. } | Self::TopicDeleted { .. } | Self::TopicUnlisted { .. }, _) => {
                EXIT_OTHER
            }
            (_, Fault::User) => EXIT_USER,
            _ => EXIT_OTHER,
        }
    }
}
