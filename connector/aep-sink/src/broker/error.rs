//! What can go wrong with Fluvio, whose fault it is, and whether it heals.

use fluvio_protocol::link::ErrorCode;

use crate::answer::{self, AnswerError};
use crate::error::{Fault, Retry};
use crate::offset_tracker::OffsetTrackerError;

/// Wrong configuration or a cluster that somebody has to change.
const EXIT_USER: u8 = 2;
/// Another process commits under the same consumer id.
const EXIT_OTHER_WRITER: u8 = 3;
/// Everything else.
const EXIT_OTHER: u8 = 1;

/// An error of the broker side. The text is for the operator: it names the thing and the next step.
#[derive(Debug, thiserror::Error)]
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
        "partition {replica} is readable only up to offset {end}, before the next offset to read, \
        {next}, although its log goes on: after a crash the broker may know its high watermark \
        only at the next write"
    )]
    WatermarkBehind {
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
        "SmartModule {uses} answers in version {found}, this connector reads version {known}; load the SmartModule that belongs to this connector"
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
        "another process was started as consumer {consumer} and has taken over partition \
        {partition}; it goes on, this one ends, and nothing is lost. If both are wanted, give \
        every instance its own consumer id and its own partitions"
    )]
    TakenOver { consumer: String, partition: u32 },
    #[error(
        "another process commits offsets as consumer {consumer} (partition {partition} stands at \
        {found}, which this process never wrote); give every instance its own consumer id and its \
        own partitions"
    )]
    OtherWriter {
        consumer: String,
        partition: u32,
        found: i64,
    },
    #[error(
        "topic {topic} has the dead letters, but has not replicated them yet; see that every SPU \
        runs (`fluvio cluster spu list`)"
    )]
    NotReplicated { topic: String },
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
            | Self::Evicted { .. }
            | Self::OtherWriter { .. }
            | Self::TakenOver { .. }
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
            | Self::WatermarkBehind { .. }
            | Self::SmartModuleUnknown { .. }
            | Self::SmartModuleFailed { .. }
            | Self::CommitIncomplete { .. } => Fault::External,
            Self::DeliveryGone | Self::OffsetTracker(_) | Self::Task(_) => Fault::Internal,
        }
    }

    /// Whether the same attempt can succeed later.
    pub(crate) fn retry(&self) -> Retry {
        match self.fault() {
            Fault::External => Retry::Backoff,
            Fault::User | Fault::Internal => Retry::Never,
        }
    }

    /// The exit code of the process when this error ends it.
    pub(crate) fn exit_code(&self) -> u8 {
        match (self, self.fault()) {
            (Self::OtherWriter { .. } | Self::TakenOver { .. }, _) => EXIT_OTHER_WRITER,
            // Nothing is wrong with the configuration: retention was faster, and the operator asked
            // to stop then.
            (Self::Evicted { .. } | Self::TopicDeleted { .. }, _) => EXIT_OTHER,
            (_, Fault::User) => EXIT_USER,
            _ => EXIT_OTHER,
        }
    }
}
