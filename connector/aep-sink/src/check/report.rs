//! What the steps of a check found: lines for a person, or JSON for a machine.

use std::fmt;

use serde::Serialize;

use crate::error::Fault;

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Ok,
    /// Works, and somebody should look at it.
    Warning,
    /// Not tried, or nothing there to try it on.
    Skipped,
    /// Somebody has to change the configuration, the cluster or the platform.
    Wrong,
    /// Something outside does not work now; it may work later as it is.
    Unavailable,
}

impl Status {
    /// The status of a failure.
    pub(super) fn of(fault: Fault) -> Self {
        match fault {
            Fault::User => Self::Wrong,
            Fault::External | Fault::Internal => Self::Unavailable,
        }
    }

    fn mark(self) -> char {
        match self {
            Self::Ok => '✓',
            Self::Warning => '!',
            Self::Skipped => '–',
            Self::Wrong | Self::Unavailable => '✗',
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Skipped => "skipped",
            Self::Wrong => "wrong",
            Self::Unavailable => "unavailable",
        }
    }
}

/// What one step found. Never a secret, a token or a customer's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    step: &'static str,
    status: Status,
    found: String,
    advice: Option<String>,
}

impl Finding {
    pub(super) fn new(step: &'static str, status: Status, found: impl Into<String>) -> Self {
        Self {
            step,
            status,
            found: found.into(),
            advice: None,
        }
    }

    pub(super) fn ok(step: &'static str, found: impl Into<String>) -> Self {
        Self::new(step, Status::Ok, found)
    }

    pub(super) fn skipped(step: &'static str, why: impl Into<String>) -> Self {
        Self::new(step, Status::Skipped, why)
    }

    /// What to do about it.
    pub(super) fn advise(self, advice: impl Into<String>) -> Self {
        Self {
            advice: Some(advice.into()),
            ..self
        }
    }

    pub(super) fn failed(&self) -> bool {
        matches!(self.status, Status::Wrong | Status::Unavailable)
    }
}

/// All findings, in the order of the steps.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    findings: Vec<Finding>,
}

#[derive(Serialize)]
struct FindingJson<'a> {
    step: &'a str,
    status: &'static str,
    found: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'a str>,
}

#[derive(Serialize)]
struct ReportJson<'a> {
    ok: bool,
    checks: Vec<FindingJson<'a>>,
}

impl Report {
    pub(super) fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// 0: nothing failed (warnings may be there). 2: somebody has to change something. 1: something
    /// outside does not work.
    pub fn exit_code(&self) -> u8 {
        let any = |status: Status| self.findings.iter().any(|finding| finding.status == status);
        match (any(Status::Wrong), any(Status::Unavailable)) {
            (true, _) => 2,
            (false, true) => 1,
            (false, false) => 0,
        }
    }

    /// The report as one line of JSON.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let checks = self.findings.iter().map(|finding| FindingJson {
            step: finding.step,
            status: finding.status.word(),
            found: &finding.found,
            advice: finding.advice.as_deref(),
        });
        serde_json::to_string(&ReportJson {
            ok: self.exit_code() == 0,
            checks: checks.collect(),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const INDENT: &str = "                   ";
        for finding in &self.findings {
            let found = finding.found.replace('\n', &format!("\n{INDENT}"));
            writeln!(f, "{} {:<16} {found}", finding.status.mark(), finding.step)?;
            if let Some(advice) = &finding.advice {
                writeln!(f, "{INDENT}→ {advice}")?;
            }
        }
        let count = |status: Status| {
            self.findings
                .iter()
                .filter(|finding| finding.status == status)
                .count()
        };
        let failed = count(Status::Wrong) + count(Status::Unavailable);
        writeln!(
            f,
            "{} ok, {failed} failed, {} to look at, {} not tried",
            count(Status::Ok),
            count(Status::Warning),
            count(Status::Skipped)
        )
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    fn report(statuses: &[Status]) -> Report {
        let findings = statuses
            .iter()
            .map(|status| Finding::new("step", *status, "found"));
        Report {
            findings: findings.collect(),
        }
    }

    #[test]
    fn exit_code_says_who_has_to_act() {
        assert_eq!(
            report(&[Status::Ok, Status::Skipped, Status::Warning]).exit_code(),
            0
        );
        assert_eq!(report(&[Status::Ok, Status::Unavailable]).exit_code(), 1);
        assert_eq!(report(&[Status::Unavailable, Status::Wrong]).exit_code(), 2);
    }

    #[test]
    fn machine_reads_what_a_person_reads() {
        let mut report = report(&[Status::Ok]);
        report.add(Finding::new("topic", Status::Wrong, "not there").advise("create it"));
        let text = report.to_string();
        assert!(
            text.contains("✓ step") && text.contains("✗ topic"),
            "{text}"
        );
        assert!(
            text.contains("→ create it") && text.contains("1 ok, 1 failed"),
            "{text}"
        );
        let json: serde_json::Value = serde_json::from_str(&report.to_json().unwrap()).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"ok": false, "checks": [
                {"step": "step", "status": "ok", "found": "found"},
                {"step": "topic", "status": "wrong", "found": "not there", "advice": "create it"},
            ]})
        );
    }
}
