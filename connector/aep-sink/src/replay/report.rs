//! What a replay came to: a table for a person, or one line of JSON.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::plan;

/// The result of a replay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Nothing was sent or stored: `to_send` is what would be.
    pub(crate) dry_run: bool,
    /// Dead letters looked at.
    #[serde(rename = "letters")]
    pub(crate) dead_letters: u64,
    /// Passed over by the filters: a later run finds them.
    pub(crate) unmatched: u64,
    /// Dead letters handed to delivery, or that would be.
    pub(crate) to_send: u64,
    pub(crate) events_delivered: u64,
    pub(crate) profiles_delivered: u64,
    /// Refused once more, by reason. Their dead letters stay where they are.
    pub(crate) refused_again: BTreeMap<String, u64>,
    /// Not sent, by reason.
    pub(crate) left: BTreeMap<&'static str, u64>,
    /// Handed to delivery and not settled when the replay ended early.
    pub(crate) pending: u64,
    /// Why it ended early.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ended_early: Option<String>,
}

impl Report {
    pub(super) fn leave(&mut self, reason: &'static str) {
        *self.left.entry(reason).or_default() += 1;
    }

    /// Whether everything that was asked for and can be sent was accepted.
    pub fn is_success(&self) -> bool {
        self.refused_again.is_empty()
            && self.ended_early.is_none()
            && !self.left.contains_key(plan::REJECTED)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, count: u64| writeln!(f, "{name:<44} {count:>8}");
        row("dead letters read", self.dead_letters)?;
        if self.unmatched > 0 {
            row("  not asked for by the filters", self.unmatched)?;
        }
        if self.dry_run {
            row("  would be sent (dry run: nothing was)", self.to_send)?;
        } else {
            row("  handed to delivery", self.to_send)?;
            row("events delivered", self.events_delivered)?;
            row("profile statements delivered", self.profiles_delivered)?;
        }
        for (reason, count) in &self.refused_again {
            row(&format!("refused again: {reason}"), *count)?;
        }
        for (reason, count) in &self.left {
            row(&format!("left: {reason}"), *count)?;
        }
        if self.pending > 0 {
            row("not finished", self.pending)?;
        }
        if self.left.contains_key(plan::PROFILE) {
            writeln!(
                f,
                "Profile statements are sent only with --profiles: they may overwrite newer ones."
            )?;
        }
        if self.left.contains_key(plan::COORDINATES) {
            writeln!(
                f,
                "Letters with only coordinates name the record's place in the source topic; \
                produce it again from there."
            )?;
        }
        if !self.refused_again.is_empty() || self.left.contains_key(plan::REJECTED) {
            writeln!(
                f,
                "What failed again stays in the dead-letter topic; --again, with filters, tries it \
                once more."
            )?;
        }
        if let Some(reason) = &self.ended_early {
            writeln!(f, "Ended early: {reason}")?;
        }
        Ok(())
    }
}
