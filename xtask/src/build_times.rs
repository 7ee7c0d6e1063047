//! How long a newcomer waits: each command in a fresh clone with an empty target directory.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::build::{cargo, root, target_directory};
use crate::command::{Failed, run};

/// What is measured, in this order; each with the arguments of `cargo xtask`.
const MEASURED: [(&str, &[&str]); 3] = [
    ("demo", &["demo", "--json"]),
    ("test", &["test"]),
    ("ci", &["ci"]),
];
/// Measured last, in the clone of the one before: tests after a change of one line.
const EDIT: &str = "edit";
/// The first test.
const FIRST: &str = "build_times::tests::unknown_names_are_refused";
/// The file that is changed for it.
const EDITED: &str = "connector/aep-sink/src/lib.rs";

/// Measures the commands named, or the demo alone, and prints the table of CONTRIBUTING.md.
pub(crate) fn measure(names: &[String]) -> Result<(), Failed> {
    let known = |name: &String| name == EDIT || MEASURED.iter().any(|(known, _)| known == name);
    if let Some(name) = names.iter().find(|name| !known(name)) {
        return Err(Failed::new(format!(
            "build-times knows demo, test, ci and edit, not '{name}'"
        )));
    }
    let asked = |name: &str| names.iter().any(|asked| asked == name);
    let clone = target_directory().join("build-times");
    let mut rows = Vec::new();
    for (name, arguments) in MEASURED {
        if asked(name) || (names.is_empty() && name == "demo") {
            fresh(&clone)?;
            rows.push(row(name, &time(&mut xtask(&clone, arguments))?));
        }
    }
    if asked(EDIT) {
        if !asked("test") && !asked("ci") {
            fresh(&clone)?;
            first_test(&clone)?;
        }
        rows.push(row("test again, to the first test", &first_test(&clone)?));
    }
    println!("| `cargo xtask …` | minutes | processor minutes |");
    println!("| --- | --- | --- |");
    rows.iter().for_each(|row| println!("{row}"));
    Ok(())
}

/// What a command took.
struct Taken {
    wall: Duration,
    /// Of all its processes.
    processor: Duration,
}

fn row(name: &str, taken: &Taken) -> String {
    let minutes = |time: Duration| format!("{:.1}", time.as_secs_f64() / 60.0);
    format!(
        "| {name} | {} | {} |",
        minutes(taken.wall),
        minutes(taken.processor)
    )
}

/// A clone of what is committed, and no target directory.
fn fresh(clone: &Path) -> Result<(), Failed> {
    if clone.exists() {
        std::fs::remove_dir_all(clone)
            .map_err(|error| Failed::new(format!("cannot remove {}: {error}", clone.display())))?;
    }
    run(Command::new("git")
        .args(["clone", "--quiet", "--no-hardlinks"])
        .arg(root())
        .arg(clone))?;
    // Downloads are the network's time.
    run(cargo().current_dir(clone).arg("fetch"))
}

fn xtask(clone: &Path, arguments: &[&str]) -> Command {
    let mut command = cargo();
    command
        .current_dir(clone)
        .env_remove("CARGO_TARGET_DIR")
        .arg("xtask")
        .args(arguments);
    command
}

fn time(command: &mut Command) -> Result<Taken, Failed> {
    let (begun, before) = (Instant::now(), processor()?);
    run(command)?;
    Ok(Taken {
        wall: begun.elapsed(),
        processor: processor()?.saturating_sub(before),
    })
}

/// From a change of one line in the connector to the end of the first test: the only one that
/// matches.
fn first_test(clone: &Path) -> Result<Taken, Failed> {
    let file = clone.join(EDITED);
    let failed = |error: std::io::Error| Failed::new(format!("{}: {error}", file.display()));
    let text = std::fs::read_to_string(&file).map_err(failed)?;
    std::fs::write(&file, format!("{text}\n// One line more.\n")).map_err(failed)?;
    time(&mut xtask(clone, &["test", FIRST]))
}

/// Processor time of the children that have ended, and theirs (`man 5 proc_pid_stat`: cutime and
/// cstime, in hundredths of a second).
fn processor() -> Result<Duration, Failed> {
    let stat = std::fs::read_to_string("/proc/self/stat")
        .map_err(|error| Failed::new(format!("build-times needs Linux: {error}")))?;
    let ticks = stat
        .rsplit(')')
        .next()
        .into_iter()
        .flat_map(str::split_whitespace)
        .skip(13)
        .take(2)
        .map(|field| field.parse::<u64>().unwrap_or_default())
        .sum::<u64>();
    Ok(Duration::from_millis(ticks * 10))
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_has_minutes_and_processor_minutes() {
        let taken = Taken {
            wall: Duration::from_secs(90),
            processor: Duration::from_secs(171),
        };
        assert_eq!(row("demo", &taken), "| demo | 1.5 | 2.9 |");
    }

    #[test]
    fn unknown_names_are_refused() {
        assert!(measure(&["demos".to_owned()]).is_err());
    }
}
