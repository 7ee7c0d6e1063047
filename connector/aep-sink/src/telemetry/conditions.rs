//! What keeps records from being delivered now: where, whose fault it is, and what to do.
//!
//! The component that meets a condition puts it here and clears it when it is gone. `/ready` is
//! "yes" while there is none.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Serialize, Serializer};

use crate::clock::Clock;
use crate::error::Fault;

/// What a condition is about. Each has at most one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Component {
    /// The process has not begun to read.
    Process,
    /// The process is about to end.
    Stop,
    /// Access tokens.
    Token,
    /// An inlet, by its section of the configuration.
    Inlet(&'static str),
    /// A record that keeps failing while others are accepted, by the section of its inlet.
    Record(&'static str),
    /// Reading a partition.
    Partition(u32),
    /// Records that not all replicas have may not be read.
    Replication,
    /// Reading ahead of a record of a partition that is not settled.
    Room(u32),
    /// Listing the partitions of the topic.
    Partitions,
    /// Reading the stored offsets back.
    StoredOffsets,
    /// Storing the offset of a partition.
    Commit(u32),
    /// Records that did not land after their acknowledgement, by the section of their inlet.
    Landing(&'static str),
    /// The dataflow of an inlet.
    Dataflow(&'static str),
    /// Writing dead letters.
    DeadLetters,
    /// The clock of those who write events.
    Clock,
}

/// Something that keeps records from being delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) fault: Fault,
    /// What is the matter; holds no secret and nothing of a record.
    pub(crate) reason: String,
    /// What to do about it.
    pub(crate) remedy: String,
}

impl Condition {
    /// One that ends without help.
    pub(crate) fn passing(reason: impl fmt::Display) -> Self {
        Self::of(Fault::External, reason)
    }

    /// One whose reason already says what the user can do, if it is the user's fault.
    pub(crate) fn of(fault: Fault, reason: impl fmt::Display) -> Self {
        let remedy = match fault {
            Fault::User => "change what the reason names",
            Fault::External => {
                "nothing: it is tried again; if it lasts, look at what the reason names"
            }
            Fault::Internal => {
                "report it, with the log; a restart reads again what is not committed"
            }
        };
        Self {
            fault,
            reason: reason.to_string(),
            remedy: remedy.to_owned(),
        }
    }
}

/// A condition that holds now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ActiveCondition {
    /// Such as `inlet events`.
    #[serde(rename = "where", serialize_with = "as_text")]
    pub(crate) place: Component,
    /// Since when, milliseconds since the epoch.
    pub(crate) since: i64,
    #[serde(serialize_with = "as_code")]
    pub(crate) fault: Fault,
    pub(crate) reason: String,
    pub(crate) remedy: String,
    /// What this one follows from, if that may be reported as well.
    #[serde(skip)]
    pub(crate) caused_by: Option<Component>,
}

/// All conditions of the process.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    clock: Clock,
    active: Mutex<BTreeMap<Component, ActiveCondition>>,
}

impl Conditions {
    /// None yet; the clock gives since when each is there.
    #[cfg(test)]
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            active: Mutex::default(),
        }
    }

    fn active(&self) -> MutexGuard<'_, BTreeMap<Component, ActiveCondition>> {
        // One insertion or removal is all that happens under this lock.
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a condition, in place of the component's present one, whose time it keeps.
    pub(crate) fn put(&self, place: Component, condition: Condition) {
        self.put_caused_by(place, condition, None);
    }

    /// The same, for a condition that follows from one of another component: `/ready` shows only
    /// the cause, if that is reported as well.
    pub(crate) fn put_caused_by(
        &self,
        place: Component,
        condition: Condition,
        caused_by: Option<Component>,
    ) {
        let mut active = self.active();
        let since = active
            .get(&place)
            .map_or_else(|| self.clock.now_ms(), |before| before.since);
        let condition = ActiveCondition {
            caused_by,
            ..ActiveCondition::new(place, since, condition)
        };
        active.insert(place, condition);
    }

    /// Removes the condition of a component, if there is one.
    pub(crate) fn clear(&self, place: Component) {
        self.active().remove(&place);
    }

    /// Whether a component has one.
    pub(crate) fn has(&self, place: Component) -> bool {
        self.active().contains_key(&place)
    }

    /// All that hold now, by component.
    pub(crate) fn all(&self) -> Vec<ActiveCondition> {
        self.active().values().cloned().collect()
    }
}

impl ActiveCondition {
    pub(crate) fn new(place: Component, since: i64, condition: Condition) -> Self {
        Self {
            place,
            since,
            fault: condition.fault,
            reason: condition.reason,
            remedy: condition.remedy,
            caused_by: None,
        }
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process | Self::Stop => f.write_str("process"),
            Self::Token => f.write_str("access token"),
            Self::Inlet(name) => write!(f, "inlet {name}"),
            Self::Record(name) => write!(f, "a record of inlet {name}"),
            Self::Partition(partition) => write!(f, "reading partition {partition}"),
            Self::Replication => f.write_str("replication"),
            Self::Room(partition) => write!(f, "reading ahead in partition {partition}"),
            Self::Partitions => f.write_str("list of partitions"),
            Self::StoredOffsets => f.write_str("stored offsets"),
            Self::Commit(partition) => write!(f, "committing partition {partition}"),
            Self::Landing(name) => write!(f, "landing of inlet {name}"),
            Self::Dataflow(name) => write!(f, "dataflow of inlet {name}"),
            Self::DeadLetters => f.write_str("dead letters"),
            Self::Clock => f.write_str("events ahead of the clock"),
        }
    }
}

fn as_text<S: Serializer>(place: &Component, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(place)
}

fn as_code<S: Serializer>(fault: &Fault, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(fault.code())
}

// === tests ===

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    #[test]
    fn condition_keeps_its_time_until_it_is_cleared() {
        let now = Arc::new(AtomicI64::new(1));
        let conditions = Conditions::new(Clock::Fixed(Arc::clone(&now)));
        conditions.put(Component::Commit(3), Condition::passing("no leader"));
        now.store(2, Ordering::Relaxed);
        conditions.put(Component::Commit(3), Condition::passing("no answer"));
        let active = conditions.all();
        assert_eq!(
            (active[0].since, active[0].reason.as_str()),
            (1, "no answer")
        );
        conditions.clear(Component::Commit(3));
        assert!(conditions.all().is_empty());
        conditions.put(Component::Commit(3), Condition::passing("no leader"));
        assert_eq!(conditions.all()[0].since, 2);
    }
}
