//! What an error code of a stream means for the reader.

use fluvio_protocol::link::ErrorCode;

/// What to do about an error code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Retention was faster; the log begins here now.
    Evicted { available: i64 },
    /// The topic is gone.
    TopicGone,
    /// The broker does not know the SmartModule; it may be late after a restart.
    ModuleUnknown,
    /// The SmartModule cannot be started with these parameters, or at all.
    ModuleRejected { reason: String },
    /// The SmartModule failed on a record.
    ModuleFailed { reason: String },
    /// Something that heals: another leader, a broker that starts, a storage error.
    Passing,
}

impl Refusal {
    pub(super) fn of(code: &ErrorCode) -> Self {
        match code {
            ErrorCode::OffsetEvicted { next_available, .. } => Self::Evicted {
                available: *next_available,
            },
            ErrorCode::TopicDeleted | ErrorCode::TopicNotFound => Self::TopicGone,
            ErrorCode::SmartModuleNotFound { .. } => Self::ModuleUnknown,
            ErrorCode::SmartModuleChainInitError(reason) => Self::ModuleRejected {
                reason: first_line(reason),
            },
            ErrorCode::SmartModuleInvalid { .. }
            | ErrorCode::SmartModuleInvalidExports { .. }
            | ErrorCode::SmartModuleInitError(_)
            | ErrorCode::SmartModuleLookBackError(_)
            | ErrorCode::SmartModuleMemoryLimitExceeded { .. } => Self::ModuleRejected {
                reason: first_line(&code.to_string()),
            },
            // Its text quotes the record, so only the place is told.
            ErrorCode::SmartModuleRuntimeError(error) => Self::ModuleFailed {
                reason: format!("it returned an error at offset {}", error.offset),
            },
            // The broker has no code for a module that was stopped, only this text and a backtrace.
            ErrorCode::Other(text) if text.starts_with("SmartModule err") => Self::ModuleFailed {
                reason: "it was stopped (a trap, or the memory limit)".to_owned(),
            },
            _ => Self::Passing,
        }
    }
}

/// Start errors come with a backtrace of the wasm.
fn first_line(text: &str) -> String {
    text.lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or_default()
        .to_owned()
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_that_lost_the_lead_or_starts_is_tried_again() {
        for code in [
            ErrorCode::NotLeaderForPartition,
            ErrorCode::PartitionNotLeader,
            ErrorCode::StorageError,
            ErrorCode::Other("start offset: 9 is greater than leo: 3".to_owned()),
        ] {
            assert_eq!(Refusal::of(&code), Refusal::Passing, "{code:?}");
        }
    }

    #[test]
    fn eviction_names_where_the_log_begins() {
        let code = ErrorCode::OffsetEvicted {
            offset: 3,
            next_available: 12,
        };
        assert_eq!(Refusal::of(&code), Refusal::Evicted { available: 12 });
    }

    #[test]
    fn a_module_that_does_not_start_is_told_apart_from_one_that_fails_on_a_record() {
        let init = ErrorCode::SmartModuleChainInitError(
            "unknown parameter `evnts`\nwasm backtrace: …".to_owned(),
        );
        let reason = "unknown parameter `evnts`".to_owned();
        assert_eq!(Refusal::of(&init), Refusal::ModuleRejected { reason });
        let trap =
            ErrorCode::Other("SmartModule err error while executing at wasm backtrace".to_owned());
        assert!(matches!(Refusal::of(&trap), Refusal::ModuleFailed { .. }));
        let missing = ErrorCode::SmartModuleNotFound {
            name: "x".to_owned(),
        };
        assert_eq!(Refusal::of(&missing), Refusal::ModuleUnknown);
    }

    #[test]
    fn a_deleted_topic_does_not_come_back() {
        assert_eq!(Refusal::of(&ErrorCode::TopicDeleted), Refusal::TopicGone);
    }
}
