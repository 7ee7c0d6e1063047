//! The workload as its file states it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use crate::error::BenchError;
use conformance::workload::CORE_KINDS;

/// A workload, read from `tests/bench/workloads/loyalty.json`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Description {
    /// What it is, for a person.
    pub about: String,
    /// Decides every choice.
    pub seed: u64,
    /// How many customers there are.
    pub customers: u32,
    /// The exponent of Zipf's law: the customer of rank *n* has a share of records in proportion to
    /// 1/*n* to this power. 0 gives every customer the same share.
    pub zipf: f64,
    /// Partitions of the topic.
    pub partitions: u32,
    /// How long each answer of the platform takes.
    #[serde(rename = "answer-ms", deserialize_with = "milliseconds")]
    pub answer_time: Duration,
    /// Shares of the kinds of events, in any unit.
    pub kinds: BTreeMap<String, u32>,
}

fn milliseconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}

impl Description {
    /// Reads the workload of the repository.
    ///
    /// # Errors
    /// When the file is missing or wrong.
    pub fn load() -> Result<Self, BenchError> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("workloads/loyalty.json");
        let wrong = |reason: String| BenchError::Description {
            path: path.display().to_string(),
            reason,
        };
        let text = std::fs::read(&path).map_err(|error| wrong(error.to_string()))?;
        let description: Self =
            serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
        description.check().map_err(wrong)?;
        Ok(description)
    }

    fn check(&self) -> Result<(), String> {
        if let Some(unknown) = self
            .kinds
            .keys()
            .find(|kind| !CORE_KINDS.contains(&kind.as_str()))
        {
            return Err(format!(
                "kinds: {unknown} is not among the 14 kinds delivered by default"
            ));
        }
        if self.kinds.values().all(|share| *share == 0) {
            return Err("kinds: no kind has a share".to_owned());
        }
        if self.customers == 0 || self.partitions == 0 || !(0.0..=10.0).contains(&self.zipf) {
            return Err(
                "customers and partitions must be at least 1, zipf between 0 and 10".to_owned(),
            );
        }
        Ok(())
    }

    /// The same with customers who all take part equally.
    #[must_use]
    pub fn even(&self) -> Self {
        Self {
            zipf: 0.0,
            ..self.clone()
        }
    }

    /// The same with another number of partitions.
    #[must_use]
    pub fn partitions(&self, partitions: u32) -> Self {
        Self {
            partitions,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workload_of_the_repository_has_every_kind_delivered_by_default() {
        let description = Description::load().unwrap();
        for kind in CORE_KINDS {
            assert!(
                description.kinds.get(kind).is_some_and(|share| *share > 0),
                "{kind}"
            );
        }
    }

    #[test]
    fn kind_that_is_not_delivered_is_refused_by_name() {
        let mut description = Description::load().unwrap();
        description.kinds.insert("badgeEarned".to_owned(), 1);
        assert!(description.check().unwrap_err().contains("badgeEarned"));
    }
}
