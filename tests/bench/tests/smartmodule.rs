//! The SmartModule's benchmark works: every module is measured and told, and wasm answers as the
//! same code does natively. What the figures are is no business of a test.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::process::{Command, Output};

use serde_json::Value;

fn bench(arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_bench-smartmodule"))
        .args(arguments)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    output
}

#[test]
fn modules_are_measured_at_the_smallest_size() {
    let directory = tempfile::tempdir().unwrap();
    let figures = directory.path().join("figures.json");
    let output = bench(&["--quick", "--json", figures.to_str().unwrap()]);
    let table = String::from_utf8(output.stdout).unwrap();
    let report: Value = serde_json::from_slice(&std::fs::read(&figures).unwrap()).unwrap();
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 5, "{table}");
    for row in rows {
        for figure in ["micros", "floor_micros", "times_floor", "times_identity"] {
            assert!(row[figure].as_f64().unwrap() > 0.0, "{figure} of {row}");
        }
        assert!(row["instructions"].as_u64().unwrap() > 0, "{row}");
        assert!(table.contains(row["name"].as_str().unwrap()), "{table}");
    }
}

#[test]
fn native_and_wasm_answer_alike_for_made_up_and_broken_records() {
    // A million of them take minutes: `bench-smartmodule --compare 1000000`.
    let output = bench(&["--compare", "6000"]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(
        told.contains("6000 records: native and wasm answer the same"),
        "{told}"
    );
}
