//! One dead letter: what it says, and which parts of its record it keeps.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::record::Place;

/// What a dead letter says of its record.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct DeadLetter {
    pub(super) source: Place,
    pub(super) stage: String,
    pub(super) reason: String,
    pub(super) pointer: Option<String>,
    pub(super) target: Option<Target>,
    record: Content,
}

/// Who refused it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Target {
    pub(super) inlet: String,
    pub(super) status: Option<u16>,
}

/// What is kept of the record, by its name.
#[derive(Debug, Clone, Deserialize)]
struct Content {
    event: Option<IgnoredAny>,
    profile: Option<IgnoredAny>,
    /// In place of what was too large for the topic.
    sha256: Option<IgnoredAny>,
}

/// Parts of a record: each goes to an inlet of its own, and each can be refused alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) event: bool,
    pub(super) profile: bool,
}

impl Parts {
    const ALL: Self = Self {
        event: true,
        profile: true,
    };

    fn and(self, other: Self) -> Self {
        Self {
            event: self.event && other.event,
            profile: self.profile && other.profile,
        }
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self {
            event: self.event || other.event,
            profile: self.profile || other.profile,
        }
    }
}

impl DeadLetter {
    /// Whether it is about a profile statement.
    pub(super) fn is_statement(&self) -> bool {
        self.target
            .as_ref()
            .is_some_and(|target| target.inlet == "profiles")
    }

    /// The parts that could be dead-lettered for its reason: a record that lies ahead of its time
    /// is never split, and one that the mapping rejects has no parts yet.
    fn guilty(&self) -> Parts {
        if self.stage == "mapping" || self.reason == "future_time" {
            return Parts::ALL;
        }
        Parts {
            event: !self.is_statement(),
            profile: self.is_statement(),
        }
    }

    fn contained_parts(&self) -> Parts {
        if self.stage == "mapping" || self.record.sha256.is_some() {
            return Parts::ALL;
        }
        Parts {
            event: self.record.event.is_some(),
            profile: self.record.profile.is_some(),
        }
    }

    /// The parts it stands for. All others must be delivered.
    pub(super) fn parts(&self) -> Parts {
        self.contained_parts().and(self.guilty())
    }

    /// Whether it keeps something that was not refused, or keeps nothing.
    pub(super) fn is_odd(&self) -> bool {
        let parts = self.parts();
        parts == Parts::default()
            || (parts != self.contained_parts() && self.record.sha256.is_none())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn dead_letter(stage: &str, reason: &str, inlet: &str, record: Value) -> DeadLetter {
        let text = json!({
            "source": {"partition": 0, "offset": 1}, "stage": stage, "reason": reason,
            "target": {"inlet": inlet}, "record": record,
        });
        serde_json::from_value(text).unwrap()
    }

    fn parts(event: bool, profile: bool) -> Parts {
        Parts { event, profile }
    }

    #[test]
    fn letter_covers_only_the_part_its_inlet_refused() {
        let event = dead_letter("delivery", "refused", "events", json!({"event": {}}));
        assert_eq!((event.parts(), event.is_odd()), (parts(true, false), false));
        let profile = dead_letter("delivery", "refused", "profiles", json!({"profile": {}}));
        assert_eq!(
            (profile.parts(), profile.is_odd()),
            (parts(false, true), false)
        );
        let both = dead_letter(
            "delivery",
            "refused",
            "events",
            json!({"event": {}, "profile": {}}),
        );
        assert_eq!((both.parts(), both.is_odd()), (parts(true, false), true));
        let other = dead_letter("delivery", "refused", "events", json!({"profile": {}}));
        assert_eq!((other.parts(), other.is_odd()), (parts(false, false), true));
    }

    #[test]
    fn rejected_and_future_records_are_dead_lettered_whole() {
        let rejected = dead_letter("mapping", "bad_time", "events", json!({"raw": {}}));
        assert_eq!((rejected.parts(), rejected.is_odd()), (Parts::ALL, false));
        let ahead = dead_letter(
            "delivery",
            "future_time",
            "events",
            json!({"event": {}, "profile": {}}),
        );
        assert_eq!((ahead.parts(), ahead.is_odd()), (Parts::ALL, false));
        let half = dead_letter("delivery", "future_time", "events", json!({"event": {}}));
        assert_eq!(half.parts(), parts(true, false));
    }

    #[test]
    fn digest_stands_for_the_part_its_inlet_refused() {
        let digest = dead_letter(
            "delivery",
            "too_large",
            "profiles",
            json!({"size": 9, "sha256": "00"}),
        );
        assert_eq!(
            (digest.parts(), digest.is_odd()),
            (parts(false, true), false)
        );
    }
}
