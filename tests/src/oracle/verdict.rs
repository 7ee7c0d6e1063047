//! The verdict: counts, and what is wrong.

use std::collections::BTreeMap;
use std::fmt;

/// What the judge found. Everything but the counts at the top must be empty.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// Records in the topic.
    pub produced: usize,
    /// Records whose event arrived at least once.
    pub events_delivered: usize,
    /// Profile statements that arrived, alone or merged with newer ones of their profile.
    pub profiles_delivered: usize,
    /// Records the mapping skips.
    pub skipped: usize,
    /// Records with a dead letter.
    pub dead_lettered: usize,
    /// Records that retention removed before they were read, and that were told.
    pub evicted: usize,
    /// Copies beyond the first, of events and of profile statements.
    pub duplicates: usize,
    /// Dead letters by reason.
    pub reasons: BTreeMap<String, usize>,
    /// Obligations not met: the record, and what is missing.
    pub lost: Vec<String>,
    /// What arrived though nobody produced it, or arrived and is a dead letter too.
    pub invented: Vec<String>,
    /// What arrived different from its mapping.
    pub changed: Vec<String>,
    /// Records of one customer in one partition whose first arrival was out of offset order.
    pub reordered: Vec<String>,
    /// Dead letters whose stage, reason or status is not what the mapping or the platform said.
    pub wrong_reasons: Vec<String>,
    /// Acknowledged records that did not land and are not named, or are named and landed.
    pub unlanded: Vec<String>,
    /// Records with a dead letter because they did not land.
    pub named: usize,
    /// Records told to be evicted that were not, or more than once.
    pub misreported: Vec<String>,
    /// Records whose offset was committed though they were not settled: lost, even if a later run
    /// might repair it.
    pub committed_early: Vec<String>,
}

impl Verdict {
    /// What is wrong, under its name.
    #[must_use]
    pub fn findings(&self) -> [(&'static str, &[String]); 8] {
        [
            ("lost", &self.lost),
            ("invented", &self.invented),
            ("changed", &self.changed),
            ("reordered", &self.reordered),
            ("wrong reason", &self.wrong_reasons),
            ("unlanded", &self.unlanded),
            ("misreported", &self.misreported),
            ("committed early", &self.committed_early),
        ]
    }

    /// Whether there is nothing wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings()
            .iter()
            .all(|(_, findings)| findings.is_empty())
    }

    /// Adds the verdict on another stage of the same run.
    pub fn add(&mut self, other: Self) {
        self.produced += other.produced;
        self.events_delivered += other.events_delivered;
        self.profiles_delivered += other.profiles_delivered;
        self.skipped += other.skipped;
        self.dead_lettered += other.dead_lettered;
        self.evicted += other.evicted;
        self.named += other.named;
        self.unlanded.extend(other.unlanded);
        self.duplicates += other.duplicates;
        for (reason, count) in other.reasons {
            *self.reasons.entry(reason).or_default() += count;
        }
        self.lost.extend(other.lost);
        self.invented.extend(other.invented);
        self.changed.extend(other.changed);
        self.reordered.extend(other.reordered);
        self.wrong_reasons.extend(other.wrong_reasons);
        self.misreported.extend(other.misreported);
        self.committed_early.extend(other.committed_early);
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "produced {}, events {}, profiles {}, skipped {}, dead-lettered {} {:?}, evicted {}, \
            duplicates {}",
            self.produced,
            self.events_delivered,
            self.profiles_delivered,
            self.skipped,
            self.dead_lettered,
            self.reasons,
            self.evicted,
            self.duplicates
        )?;
        for (name, findings) in self.findings() {
            writeln!(f, "{name}: {}", findings.len())?;
            for finding in findings.iter().take(10) {
                writeln!(f, "  {finding}")?;
            }
        }
        Ok(())
    }
}
