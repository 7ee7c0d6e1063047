//! The fuzz targets for longer than CI has: the tests in `fuzz/tests/targets`.

use crate::build::{cargo, target_directory};
use crate::command::{self, Failed};

/// How long a target runs unless told.
const SECONDS: u64 = 60;
/// An input that takes longer hangs. Generous, because the machines that run this are busy.
const TIMEOUT_MILLIS: &str = "60000";

/// Runs every target and prints how much each has tried; fails when one has found something.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failed> {
    let seconds = match arguments {
        [] => SECONDS,
        [option, number] if option == "--seconds" => number
            .parse()
            .map_err(|_| Failed::new(format!("--seconds needs a number, not '{number}'")))?,
        _ => return Err(Failed::new("fuzz takes nothing but --seconds N")),
    };
    let report = target_directory().join("fuzz-report");
    // What an earlier run left is not of this one.
    std::fs::create_dir_all(target_directory())
        .and_then(|()| std::fs::write(&report, ""))
        .map_err(|error| Failed::new(format!("cannot write {}: {error}", report.display())))?;
    let result = command::run(
        cargo()
            .args(["test", "--workspace", "--test", "targets"])
            .env("FUZZ_SECONDS", seconds.to_string())
            .env("FUZZ_REPORT", &report)
            // Processes of their own: an input may hang, or end the process.
            .env("PROPTEST_FORK", "true")
            .env("PROPTEST_TIMEOUT", TIMEOUT_MILLIS),
    );
    let lines = std::fs::read_to_string(&report)
        .map_err(|error| Failed::new(format!("cannot read {}: {error}", report.display())))?;
    print!("{}", table(&lines));
    result
}

/// Lines of target, executions and seconds, as a table with a sum. A target that failed
/// is not in it.
fn table(lines: &str) -> String {
    let mut rows: Vec<Vec<&str>> = lines
        .lines()
        .map(|line| line.split('\t').collect())
        .collect();
    rows.sort();
    let executions = |row: &[&str]| {
        row.get(1)
            .and_then(|number| number.parse::<u64>().ok())
            .unwrap_or_default()
    };
    let sum = rows
        .iter()
        .map(|row| executions(row))
        .sum::<u64>()
        .to_string();
    rows.insert(0, vec!["target", "executions", "seconds"]);
    rows.push(vec!["all", &sum]);
    let cell = |row: &[&str], index: usize| row.get(index).copied().unwrap_or_default().to_owned();
    rows.iter()
        .map(|row| {
            let [target, executions, seconds] = [0, 1, 2].map(|index| cell(row, index));
            let line = format!("{target:<16}{executions:>12}{seconds:>9}");
            format!("{}\n", line.trim_end())
        })
        .collect()
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_sums_what_every_target_tried() {
        let table = table("wire\t20\t1\ninit\t22\t1\n");
        let rows: Vec<Vec<&str>> = table
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(rows[1], ["init", "22", "1"]);
        assert_eq!(rows[3], ["all", "42"]);
    }
}
