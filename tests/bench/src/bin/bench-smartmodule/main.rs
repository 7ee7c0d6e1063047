//! The SmartModule's cost in the broker's own engine, against reference points of the same run:
//! what the engine costs by itself, and two modules written the stock way.
//!
//! Each row is timed in turn, again and again, and the best batch counts: whatever else the machine
//! does can only add time. Compare ratios of one run, never times of two; the instructions the
//! engine counts are the same in every run.
#![expect(clippy::print_stderr, reason = "a program for people")]

mod compare;
mod engine;
mod floor;
mod report;
mod row;
mod workload;

use std::path::PathBuf;
use std::process::ExitCode;

use conformance::harness::{reference_wasm, smartmodule_wasm};
use fluvio_protocol::record::Record;

use engine::{Failure, Parameters, native, native_answer};
use report::Report;
use row::Row;
use workload::Records;

/// All fields, and what a module without parameters does.
const FULL: Parameters = &[("tenant", "acme"), ("time-zone", "+05:30")];
const PLAIN: Parameters = &[];
/// Every record of the workload is skipped by its kind.
const SKIPPING: Parameters = &[("events", "badgeEarned")];

const USAGE: &str =
    "usage: bench-smartmodule [--quick] [--rounds N] [--records N] [--json FILE] | --compare N";

/// What is asked for.
struct Options {
    rounds: u32,
    records: usize,
    json: Option<PathBuf>,
    /// Compare native answers with those of the wasm, so many, instead.
    compare: Option<usize>,
}

impl Options {
    fn parse(mut words: impl Iterator<Item = String>) -> Option<Self> {
        let mut options = Self {
            rounds: 60,
            records: 1400,
            json: None,
            compare: None,
        };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" => (options.rounds, options.records) = (1, 28),
                "--rounds" => options.rounds = words.next()?.parse().ok()?,
                "--records" => {
                    options.records = words.next()?.parse().ok().filter(|count| *count > 0)?
                }
                "--json" => options.json = Some(words.next()?.into()),
                "--compare" => options.compare = Some(words.next()?.parse().ok()?),
                _ => return None,
            }
        }
        Some(options)
    }
}

/// What comes natively must be what the wasm answers: else something else is measured.
fn check(row: &mut Row, params: Parameters, records: &[Record]) -> Result<(), Failure> {
    let mut mapper = native(params)?;
    let answers = row.module.answer(records)?;
    let same = |(answer, record): (&Record, &Record)| {
        answer.value() == native_answer(&mut mapper, record).value()
    };
    if answers.iter().zip(records).all(same) {
        Ok(())
    } else {
        Err(format!(
            "{}: the wasm does not answer as the same code does natively",
            row.name
        )
        .into())
    }
}

fn measure(options: &Options) -> Result<Report, Failure> {
    let records = Records::new()?.batch(options.records);
    let wasm = smartmodule_wasm()?;
    let mut rows = vec![
        Row::new(
            "identity, stock",
            reference_wasm("identity")?,
            &[],
            &records,
        )?,
        Row::new(
            "serde_json::Value, stock",
            reference_wasm("value")?,
            &[],
            &records,
        )?,
    ];
    for (name, params) in [
        ("mapping, all fields", FULL),
        ("mapping, no tenant", PLAIN),
        ("skipped by kind", SKIPPING),
    ] {
        let mut row = Row::new(name, wasm.clone(), params, &records)?;
        check(&mut row, params, &records)?;
        rows.push(row);
    }
    for _ in 0..options.rounds {
        for row in &mut rows {
            row.module.answer(&records)?;
            row.floor.answer(&records)?;
        }
    }
    let record_bytes = records
        .iter()
        .map(|record| record.value().len())
        .sum::<usize>()
        / records.len();
    Ok(Report::new(&rows, record_bytes, records.len(), wasm.len()))
}

fn run(options: &Options) -> Result<(), Failure> {
    if let Some(count) = options.compare {
        let bytes = compare::compare(&smartmodule_wasm()?, count)?;
        println!("{count} records: native and wasm answer the same {bytes} bytes");
        return Ok(());
    }
    let report = measure(options)?;
    print!("{report}");
    if let Some(path) = &options.json {
        std::fs::write(path, report.json())?;
    }
    Ok(())
}

fn main() -> ExitCode {
    let result = match Options::parse(std::env::args().skip(1)) {
        Some(options) => run(&options),
        None => Err(USAGE.into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
