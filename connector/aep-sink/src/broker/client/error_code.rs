//! What an error code of a stream means for the consumer.

use fluvio_protocol::link::ErrorCode;

use super::connection::Connection;
use crate::broker::error::BrokerError;

/// What to do about an error code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ErrorClass {
    /// Retention was faster; the log begins here now.
    Evicted { available: i64 },
    /// The topic is gone.
    TopicDeleted,
    /// The broker does not know the SmartModule; it may be late after a restart.
    SmartModuleUnknown,
    /// The SmartModule cannot be started with these parameters, or at all.
    SmartModuleRejected { reason: String },
    /// The SmartModule failed on a record.
    SmartModuleFailed { reason: String },
    /// Something that passes: another leader, a broker that starts, a storage error.
    Transient,
}

impl ErrorClass {
    pub(crate) fn of(code: &ErrorCode) -> Self {
        match code {
            ErrorCode::OffsetEvicted { next_available, .. } => Self::Evicted {
                available: *next_available,
            },
            ErrorCode::TopicDeleted | ErrorCode::TopicNotFound => Self::TopicDeleted,
            ErrorCode::SmartModuleNotFound { .. } => Self::SmartModuleUnknown,
            ErrorCode::SmartModuleChainInitError(reason) => Self::SmartModuleRejected {
                reason: first_line(reason),
            },
            ErrorCode::SmartModuleInvalid { .. }
            | ErrorCode::SmartModuleInvalidExports { .. }
            | ErrorCode::SmartModuleInitError(_)
            | ErrorCode::SmartModuleLookBackError(_)
            | ErrorCode::SmartModuleMemoryLimitExceeded { .. } => Self::SmartModuleRejected {
                reason: first_line(&code.to_string()),
            },
            // Its text quotes the record, so only the place is reported.
            ErrorCode::SmartModuleRuntimeError(error) => Self::SmartModuleFailed {
                reason: format!("it returned an error at offset {}", error.offset),
            },
            // The broker has no code for a module that was stopped, only this text and a backtrace.
            ErrorCode::Other(text) if text.starts_with("SmartModule err") => {
                Self::SmartModuleFailed {
                    reason: "it was stopped (a trap, or the memory limit)".to_owned(),
                }
            }
            _ => Self::Transient,
        }
    }
}

/// The error of a stream through a SmartModule that the broker ended with this code. `place` is
/// where it was reading.
pub(crate) fn stream_error(
    connection: &Connection,
    what: &'static str,
    code: ErrorCode,
    uses: &str,
    place: String,
) -> BrokerError {
    let uses = uses.to_owned();
    match ErrorClass::of(&code) {
        ErrorClass::SmartModuleUnknown => BrokerError::SmartModuleUnknown { uses },
        ErrorClass::SmartModuleRejected { reason } => {
            BrokerError::SmartModuleRejected { uses, reason }
        }
        ErrorClass::SmartModuleFailed { reason } => BrokerError::SmartModuleFailed {
            uses,
            place,
            reason,
        },
        ErrorClass::Evicted { .. } | ErrorClass::TopicDeleted | ErrorClass::Transient => {
            connection.refused(what, code)
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
    fn lost_leadership_and_startup_are_transient() {
        for code in [
            ErrorCode::NotLeaderForPartition,
            ErrorCode::PartitionNotLeader,
            ErrorCode::StorageError,
            ErrorCode::Other("start offset: 9 is greater than leo: 3".to_owned()),
        ] {
            assert_eq!(ErrorClass::of(&code), ErrorClass::Transient, "{code:?}");
        }
    }

    #[test]
    fn eviction_names_where_the_log_begins() {
        let code = ErrorCode::OffsetEvicted {
            offset: 3,
            next_available: 12,
        };
        assert_eq!(ErrorClass::of(&code), ErrorClass::Evicted { available: 12 });
    }

    #[test]
    fn smartmodule_start_failure_differs_from_record_failure() {
        let init = ErrorCode::SmartModuleChainInitError(
            "unknown parameter `evnts`\nwasm backtrace: …".to_owned(),
        );
        let reason = "unknown parameter `evnts`".to_owned();
        assert_eq!(
            ErrorClass::of(&init),
            ErrorClass::SmartModuleRejected { reason }
        );
        let trap =
            ErrorCode::Other("SmartModule err error while executing at wasm backtrace".to_owned());
        assert!(matches!(
            ErrorClass::of(&trap),
            ErrorClass::SmartModuleFailed { .. }
        ));
        let missing = ErrorCode::SmartModuleNotFound {
            name: "x".to_owned(),
        };
        assert_eq!(ErrorClass::of(&missing), ErrorClass::SmartModuleUnknown);
    }

    #[test]
    fn deleted_topic_is_not_transient() {
        assert_eq!(
            ErrorClass::of(&ErrorCode::TopicDeleted),
            ErrorClass::TopicDeleted
        );
    }
}
