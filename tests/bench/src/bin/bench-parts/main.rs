//! The parts by themselves, natively: where the time of the whole goes. `bench-connector` and
//! `bench-smartmodule` measure the whole.
//!
//! Of the connector, which has no library, the files are compiled in that need nothing but each
//! other. Not where tests are built (a linter builds them for every target): theirs belong to the
//! connector.
#![cfg(not(test))]

mod delivery;
mod reading;
mod records;
mod smartmodule;

// The paths the connector's files call each other by.
#[path = "../../../../../connector/src/answer.rs"]
mod answer;
#[expect(dead_code, reason = "only what is measured is called")]
#[path = "../../../../../connector/src/ledger.rs"]
mod ledger;
#[path = "../../../../../connector/src/outcome.rs"]
#[expect(dead_code, reason = "only what is measured is called")]
mod outcome;
#[path = "../../../../../connector/src/position.rs"]
mod position;
#[path = "../../../../../connector/src/text.rs"]
mod text;
#[path = "../../../../../connector/src/unsettled.rs"]
mod unsettled;

fn main() {
    divan::main();
}
