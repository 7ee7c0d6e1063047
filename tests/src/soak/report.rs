//! What a soak ends with: a table for people, a line of JSON for programs.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::fault::FaultKind;
use crate::oracle::Verdict;

/// The account of a soak.
#[derive(Debug)]
pub struct Report {
    /// The seed; with it the same faults come in the same order.
    pub seed: u64,
    /// How long faults were played.
    pub lasted: Duration,
    /// How often each fault struck; those that did not are there too.
    pub faults: BTreeMap<FaultKind, usize>,
    /// SIGKILLs of the connector, those in the middle of another fault included.
    pub kills: usize,
    /// Longest time from the end of a fault until every partition delivered what was produced after
    /// it.
    pub longest_recovery: Option<(Duration, FaultKind)>,
    /// The judge's verdict.
    pub verdict: Verdict,
    /// Connectors that ended on their own or badly, faults that were never recovered from.
    pub findings: Vec<String>,
    /// Where the connectors' logs are.
    pub logs: PathBuf,
}

impl Report {
    /// Whether nothing went wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.verdict.is_clean() && self.findings.is_empty()
    }

    /// For programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let faults: BTreeMap<String, usize> = self
            .faults
            .iter()
            .map(|(kind, n)| (format!("{kind:?}"), *n))
            .collect();
        let verdict = &self.verdict;
        json!({
            "seed": self.seed,
            "seconds": self.lasted.as_secs(),
            "records": verdict.produced,
            "events_delivered": verdict.events_delivered,
            "profiles_delivered": verdict.profiles_delivered,
            "skipped": verdict.skipped,
            "dead_lettered": verdict.dead_lettered,
            "reasons": verdict.reasons,
            "evicted": verdict.evicted,
            "faults": faults,
            "kills": self.kills,
            "lost": verdict.lost.len(),
            "invented": verdict.invented.len(),
            "changed": verdict.changed.len(),
            "reordered": verdict.reordered.len(),
            "wrong_reasons": verdict.wrong_reasons.len(),
            "misreported": verdict.misreported.len(),
            "committed_early": verdict.committed_early.len(),
            "duplicates": verdict.duplicates,
            "longest_recovery_ms": self.longest_recovery.map(|(time,
            _)| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
            "findings": self.findings,
            "logs": self.logs,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = &self.verdict;
        let struck: usize = self.faults.values().sum();
        writeln!(f, "Soak of {} s, seed {}", self.lasted.as_secs(), self.seed)?;
        for (name, count) in [
            ("records", verdict.produced),
            ("events delivered", verdict.events_delivered),
            ("profile statements delivered", verdict.profiles_delivered),
            ("skipped", verdict.skipped),
            ("dead-lettered", verdict.dead_lettered),
        ] {
            writeln!(f, "  {name:<30} {count:>8}")?;
        }
        for (reason, count) in &verdict.reasons {
            writeln!(f, "    {reason:<28} {count:>8}")?;
        }
        for (name, count) in [("evicted, and told", verdict.evicted), ("faults", struck)] {
            writeln!(f, "  {name:<30} {count:>8}")?;
        }
        for (kind, count) in &self.faults {
            writeln!(f, "    {:<28} {count:>8}", format!("{kind:?}"))?;
        }
        writeln!(f, "  {:<30} {:>8}", "kills", self.kills)?;
        for (name, findings) in verdict.findings() {
            writeln!(f, "  {name:<30} {:>8}", findings.len())?;
        }
        writeln!(f, "  {:<30} {:>8}", "duplicates", verdict.duplicates)?;
        if let Some((time, kind)) = self.longest_recovery {
            writeln!(
                f,
                "  {:<30} {:>6.1} s   after {kind:?}",
                "longest recovery",
                time.as_secs_f64()
            )?;
        }
        if !self.is_clean() {
            for finding in &self.findings {
                writeln!(f, "finding: {finding}")?;
            }
            write!(f, "{verdict}")?;
            writeln!(
                f,
                "seed {}; the connectors' logs are in {}",
                self.seed,
                self.logs.display()
            )?;
        }
        Ok(())
    }
}
