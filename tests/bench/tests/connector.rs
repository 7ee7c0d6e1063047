//! The measurements work: everything is measured and told. What the figures are is no business of a
//! test.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::process::Command;

use bench::Part;
use conformance::harness::connector_program;
use serde_json::Value;

#[test]
fn parts_are_measured_at_the_smallest_size_into_one_file() {
    let directory = tempfile::tempdir().unwrap();
    let figures = directory.path().join("figures.json");
    let output = Command::new(env!("CARGO_BIN_EXE_bench-connector"))
        .args(["--quick", "--json"])
        .arg(&figures)
        .env("CAPILLARY_AEP_SINK", connector_program().unwrap())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");

    let report: Value = serde_json::from_slice(&std::fs::read(&figures).unwrap()).unwrap();
    let rows = report["rows"].as_array().unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    for row in rows {
        let what = row["what"].as_str().unwrap();
        assert!(row["value"].is_number(), "no figure for {what}");
        assert!(table.contains(what), "{what} is not in the table");
    }
    let has = |text: &str| {
        rows.iter()
            .any(|row| row["what"].as_str().unwrap().contains(text))
    };
    for figure in [
        "start:",
        "idle:",
        "events only:",
        "mixed, merging:",
        "mixed, no merging",
        "one request per record:",
        "100 records/s:",
        "1 partitions:",
        "2 partitions:",
        "outage:",
    ] {
        assert!(has(figure), "{figure} is missing:\n{table}");
    }
    assert!(
        rows.iter()
            .any(|row| row["against"] == "bare client" && row["ratio"].is_number()),
        "no ratio against the bare client:\n{table}"
    );
}

#[test]
fn smartmodule_figures_are_in_the_same_table() {
    let directory = tempfile::tempdir().unwrap();
    let (found, figures) = (
        directory.path().join("found.json"),
        directory.path().join("figures.json"),
    );
    let smartmodule = Command::new(env!("CARGO_BIN_EXE_bench-smartmodule"))
        .args(["--quick", "--json"])
        .arg(&found)
        .status()
        .unwrap();
    assert!(smartmodule.success());
    let output = Command::new(env!("CARGO_BIN_EXE_bench-connector"))
        .arg("--smartmodule")
        .arg(&found)
        .arg("--json")
        .arg(&figures)
        .output()
        .unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    let report: Value = serde_json::from_slice(&std::fs::read(&figures).unwrap()).unwrap();
    for reference in ["engine's floor", "identity module", "Value module"] {
        let rows = report["rows"].as_array().unwrap();
        let is_of = |row: &&Value| {
            row["what"] == "SmartModule: mapping, all fields" && row["against"] == reference
        };
        assert!(
            rows.iter().any(|row| is_of(&row)),
            "no ratio against the {reference}:\n{table}"
        );
        assert!(table.contains(reference), "{table}");
    }
}

#[test]
fn part_is_found_by_its_name() {
    for part in Part::ALL {
        assert_eq!(Part::named(part.name()), Some(part));
    }
    assert_eq!(Part::named("everything"), None);
}
