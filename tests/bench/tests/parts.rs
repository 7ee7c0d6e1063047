//! The benchmarks of the parts work: each runs once. What the figures are is no business of a test.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::process::Command;

#[test]
fn micro_benchmarks_can_all_be_measured() {
    let output = Command::new(env!("CARGO_BIN_EXE_bench-parts"))
        .arg("--test")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}{errors}");
    for part in [
        "same_shape",
        "first_sight",
        "skipped",
        "fourteen_answers_are_read",
        "five_hundred_offsets_are_opened_and_settled",
        "statements_are_taken_apart",
        "statements_become_one_request",
        "a_batch_is_filled_and_ends",
    ] {
        assert!(told.contains(part), "{part} in:\n{told}");
    }
}
