//! The figures, as a table for people and as JSON.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::size::Size;
use super::workload::description::Description;

/// What a figure should be. Of the ratio where there is one, else of the value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Goal {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// The figure.
    pub value: f64,
    /// Its unit.
    pub unit: &'static str,
    /// What the ratio is taken against, measured in the same run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<&'static str>,
    /// The figure by that of the reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    /// What it should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goal: Option<Goal>,
}

impl Row {
    pub(super) fn new(what: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self {
            what: what.into(),
            value,
            unit,
            against: None,
            ratio: None,
            goal: None,
        }
    }

    pub(super) fn seconds(what: impl Into<String>, value: Duration) -> Self {
        Self::new(what, value.as_secs_f64(), "s")
    }

    pub(super) fn mebibytes(what: impl Into<String>, bytes: u64) -> Self {
        Self::new(what, bytes as f64 / f64::from(1 << 20), "MiB")
    }

    /// The same with its ratio to the figure of a reference.
    pub(super) fn against(mut self, reference: &'static str, figure: f64) -> Self {
        self.against = Some(reference);
        self.ratio = Some(self.value / figure);
        self
    }

    pub(super) fn at_most(mut self, bound: f64) -> Self {
        self.goal = Some(Goal::AtMost(bound));
        self
    }

    pub(super) fn at_least(mut self, bound: f64) -> Self {
        self.goal = Some(Goal::AtLeast(bound));
        self
    }

    /// At most this, if it has a bound.
    pub(super) fn within(self, bound: Option<f64>) -> Self {
        match bound {
            Some(bound) => self.at_most(bound),
            None => self,
        }
    }

    /// Whether the goal is met, if there is one.
    #[must_use]
    pub fn is_met(&self) -> Option<bool> {
        let figure = self.ratio.unwrap_or(self.value);
        self.goal.map(|goal| match goal {
            Goal::AtMost(bound) => figure <= bound,
            Goal::AtLeast(bound) => figure >= bound,
        })
    }
}

/// Everything that was measured in one run.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    size: &'static str,
    customers: u32,
    zipf: f64,
    answer_ms: u128,
    /// Of the machine.
    cores: usize,
    /// Processes that wanted to run, over the last minute, before the first measurement.
    load: Option<f64>,
    rows: Vec<Row>,
}

impl Report {
    pub(super) fn new(description: &Description, size: &Size) -> Self {
        Self {
            size: size.name,
            customers: description.customers,
            zipf: description.zipf,
            answer_ms: description.answer_time.as_millis(),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            load: load(),
            rows: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, rows: Vec<Row>) {
        self.rows.extend(rows);
    }

    /// The figures, in the order they were measured in.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// One JSON object.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

/// The load of the last minute; only Linux tells.
fn load() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let load = self
            .load
            .map_or_else(|| "unknown".to_owned(), |load| load.to_string());
        writeln!(
            f,
            "{} size, {} cores, load {load} at the start\n",
            self.size, self.cores
        )?;
        let width = self
            .rows
            .iter()
            .map(|row| row.what.chars().count())
            .max()
            .unwrap_or(0);
        for row in &self.rows {
            let mut line = format!(
                "{:<width$}  {:>10} {:<10}",
                row.what,
                number(row.value),
                row.unit
            );
            let against = row.ratio.zip(row.against);
            let ratio = against.map(|(ratio, against)| format!("{ratio:.2} × {against}"));
            line += &format!(" {:<34}", ratio.unwrap_or_default());
            match row.goal {
                Some(Goal::AtMost(bound)) => line += &format!(" ≤ {bound}"),
                Some(Goal::AtLeast(bound)) => line += &format!(" ≥ {bound}"),
                None => {}
            }
            line += match row.is_met() {
                Some(true) => "  met",
                Some(false) => "  MISSED",
                None => "",
            };
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Three digits at least, none that mean nothing.
fn number(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goal_is_of_the_ratio_where_there_is_one() {
        let row = Row::new("x", 30.0, "records/s");
        assert_eq!(row.is_met(), None);
        assert_eq!(row.clone().at_least(40.0).is_met(), Some(false));
        assert_eq!(row.clone().at_most(40.0).is_met(), Some(true));
        assert_eq!(
            row.against("the bare client", 40.0).at_least(0.8).is_met(),
            Some(false)
        );
    }
}
