//! What was found, for a person or as JSON. Holds no value of any record.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

/// Why records did not land.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Cause {
    pub(super) inlet: &'static str,
    pub(super) reason: &'static str,
    pub(super) field: Option<String>,
    pub(super) kind: String,
    #[serde(skip)]
    pub(super) words: String,
}

/// How often, and where to look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Found {
    records: u64,
    /// A batch that holds one.
    batch: String,
}

#[derive(Debug, Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    cause: &'a Cause,
    #[serde(flatten)]
    found: &'a Found,
}

/// What Experience Platform dropped.
#[derive(Debug, Default)]
pub struct Report {
    batches: u64,
    records: u64,
    /// Failed records that the files of their batches do not show.
    hidden: u64,
    causes: BTreeMap<Cause, Found>,
}

impl Report {
    /// Whether nothing failed.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.batches == 0
    }

    /// Counts a failed batch: its records, and how many its files show.
    pub(super) fn batch(&mut self, records: Option<u64>, shown: usize) {
        let shown = u64::try_from(shown).unwrap_or(u64::MAX);
        let all = records.unwrap_or(shown).max(shown);
        self.batches += 1;
        self.records += all;
        self.hidden += all - shown;
    }

    pub(super) fn add(&mut self, cause: Cause, batch: &str) {
        let found = self.causes.entry(cause).or_insert_with(|| Found {
            records: 0,
            batch: batch.to_owned(),
        });
        found.records += 1;
    }
}

impl Serialize for Report {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut report = serializer.serialize_struct("Report", 4)?;
        report.serialize_field("batches", &self.batches)?;
        report.serialize_field("records", &self.records)?;
        report.serialize_field("hidden", &self.hidden)?;
        let causes = self.causes.iter();
        let rows: Vec<_> = causes.map(|(cause, found)| Row { cause, found }).collect();
        report.serialize_field("causes", &rows)?;
        report.end()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_clean() {
            return writeln!(
                f,
                "no failed batches: nothing was dropped that Catalog knows of"
            );
        }
        writeln!(
            f,
            "{} records in {} failed batches",
            self.records, self.batches
        )?;
        let mut causes: Vec<_> = self.causes.iter().collect();
        causes.sort_by_key(|(_, found)| std::cmp::Reverse(found.records));
        for (cause, found) in causes {
            writeln!(
                f,
                "{:>8}  {}, {}: {} ({}), such as in batch {}",
                found.records, cause.inlet, cause.kind, cause.words, cause.reason, found.batch
            )?;
        }
        if self.hidden > 0 {
            writeln!(
                f,
                "{:>8}  not shown by the files of their batches",
                self.hidden
            )?;
        }
        Ok(())
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_counts_by_cause_and_shows_the_most_frequent_first() {
        let cause = |kind: &str| Cause {
            inlet: "events",
            reason: "unknown_field",
            field: Some("/loyalty".to_owned()),
            kind: kind.to_owned(),
            words: "the schema has no field /loyalty".to_owned(),
        };
        let mut report = Report::default();
        report.batch(Some(4), 3);
        report.add(cause("loyalty.a"), "B1");
        report.add(cause("loyalty.b"), "B1");
        report.add(cause("loyalty.b"), "B1");
        let text = report.to_string();
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        assert_eq!(
            lines,
            [
                "4 records in 1 failed batches",
                "2  events, loyalty.b: the schema has no field /loyalty (unknown_field), such as in batch B1",
                "1  events, loyalty.a: the schema has no field /loyalty (unknown_field), such as in batch B1",
                "1  not shown by the files of their batches",
            ]
        );
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["causes"][1]["records"], 2);
    }
}
