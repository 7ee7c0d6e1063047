//! The SmartModule's cost in the broker's own engine, against what the engine costs by itself, in one run.
//!
//! Batches of 1 400 records cycle the 14 kinds of Adobe's list. Each row is timed in turn, again and again, and the best
//! batch counts: whatever else the machine does can only add time. Compare ratios of one run, never times of two.
#![expect(clippy::print_stderr, reason = "a program for people")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use capillary_xdm::{Input, Mapper, Params};
use conformance::harness::smartmodule_wasm;
use conformance::workload::{Mix, Workload};
use fluvio_protocol::Encoder as _;
use fluvio_protocol::record::Record;
use fluvio_smartengine::{SmartEngine, SmartModuleChainBuilder, SmartModuleChainInstance, SmartModuleConfig};
use fluvio_smartmodule::dataplane::smartmodule::{SmartModuleInput, SmartModuleOutput};

/// What the 0.18.1 broker calls with.
const VERSION: i16 = 25;
const RECORDS: usize = 1400;
const BASE_OFFSET: i64 = 70_000;
/// Events are made at this time, so that every run has the same bytes.
const NOW_MS: i64 = 1_790_000_000_000;

/// All fields, and what a module without parameters does.
const FULL: &[(&str, &str)] = &[("tenant", "acme"), ("time-zone", "+05:30")];
const PLAIN: &[(&str, &str)] = &[];
/// Every record of the workload is skipped by its kind.
const SKIPPING: &[(&str, &str)] = &[("events", "badgeEarned")];

type Failure = Box<dyn std::error::Error>;

/// One line of the table.
struct Row {
    name: &'static str,
    chain: SmartModuleChainInstance,
    /// Index of the row with the engine's floor for the same answers.
    floor: usize,
    answer_bytes: usize,
    best: Duration,
}

impl Row {
    fn new(
        name: &'static str,
        wasm: Vec<u8>,
        params: &[(&str, &str)],
        floor: usize,
        answers: usize,
    ) -> Result<Self, Failure> {
        Ok(Self {
            name,
            chain: chain(wasm, params)?,
            floor,
            answer_bytes: answers / RECORDS,
            best: Duration::MAX,
        })
    }

    /// Answers one batch.
    fn turn(&mut self, input: SmartModuleInput) -> Result<(), Failure> {
        let start = Instant::now();
        let output = self.chain.process(input)?;
        self.best = self.best.min(start.elapsed());
        if output.error.is_some() || output.successes.len() != RECORDS {
            return Err(format!("{}: not every record was answered", self.name).into());
        }
        Ok(())
    }

    fn micros(&self) -> f64 {
        self.best.as_secs_f64() * 1e6 / RECORDS as f64
    }
}

fn chain(wasm: Vec<u8>, params: &[(&str, &str)]) -> Result<SmartModuleChainInstance, Failure> {
    let config = SmartModuleConfig::builder()
        .smartmodule_names(vec!["bench".to_owned()])
        .version(VERSION)
        .params(owned(params).collect::<BTreeMap<_, _>>().into())
        .build()?;
    let mut builder = SmartModuleChainBuilder::default();
    builder.add_smart_module(config, wasm);
    Ok(builder.initialize(&SmartEngine::new())?)
}

fn owned<'a>(params: &'a [(&str, &str)]) -> impl Iterator<Item = (String, String)> + 'a {
    params
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
}

/// What the mapping answers natively: the floor's ready-made answers.
fn answers(records: &[Record], params: &[(&str, &str)]) -> Result<(Vec<Record>, usize), Failure> {
    let mut mapper = Mapper::new(Params::from_pairs(owned(params))?);
    let mut bytes = 0;
    let answered = records.iter().map(|record| {
        let mut value = Vec::new();
        let input = Input {
            offset: BASE_OFFSET + record.offset_delta(),
            timestamp: None,
            value: record.value().as_ref(),
        };
        mapper.answer(input, &mut value);
        bytes += value.len();
        let mut answer = Record::new(value);
        answer.preamble.set_offset_delta(record.offset_delta());
        answer
    });
    Ok((answered.collect(), bytes))
}

/// A module that ignores its input and hands over these answers: what is left is the engine.
fn floor_module(answers: Vec<Record>) -> Result<Vec<u8>, Failure> {
    let output = SmartModuleOutput {
        successes: answers,
        error: None,
    };
    let mut data = Vec::new();
    output.encode(&mut data, VERSION)?;
    let mut text = String::new();
    for byte in &data {
        write!(text, "\\{byte:02x}")?;
    }
    let pages = (data.len() >> 16) + 2;
    let wat = format!(
        r#"(module
  (import "env" "copy_records" (func $copy_records (param i32 i32)))
  (memory (export "memory") {pages})
  (data (i32.const 1024) "{text}")
  (func (export "alloc") (param $length i32) (result i32)
    (local $missing i32)
    (local.set $missing
      (i32.sub (i32.add (local.get $length) (i32.const {input})) (i32.mul (memory.size) (i32.const 65536))))
    (if (i32.gt_s (local.get $missing) (i32.const 0))
      (then (drop (memory.grow (i32.add (i32.shr_u (local.get $missing) (i32.const 16)) (i32.const 1))))))
    (i32.const {input}))
  (func (export "map") (param i32 i32 i32) (result i32)
    (call $copy_records (i32.const 1024) (i32.const {length}))
    (i32.const {RECORDS})))"#,
        input = pages << 16,
        length = data.len(),
    );
    Ok(wat.into_bytes())
}

fn workload() -> Result<Vec<Record>, Failure> {
    let mix = Mix {
        unwanted_every: 0,
        broken_every: 0,
    };
    let mut workload = Workload::new(7, 100_000, mix, NOW_MS)?;
    let records = (0..RECORDS).map(|position| {
        let mut record = Record::new(workload.next_event().value);
        record
            .preamble
            .set_offset_delta(i64::try_from(position).unwrap_or_default());
        record
    });
    Ok(records.collect())
}

fn run(rounds: u32) -> Result<(), Failure> {
    let records = workload()?;
    let input_bytes: usize = records.iter().map(|record| record.value().len()).sum();
    let wasm = smartmodule_wasm()?;
    let size = wasm.len();
    let mut rows = Vec::new();
    for (name, floor_name, params) in [
        ("mapping, all fields", "  floor of its answers", FULL),
        ("mapping, no tenant", "  floor of its answers", PLAIN),
        ("skipped by kind", "  floor of its answers", SKIPPING),
    ] {
        let (ready, bytes) = answers(&records, params)?;
        let floor = rows.len() + 1;
        rows.push(Row::new(name, wasm.clone(), params, floor, bytes)?);
        rows.push(Row::new(floor_name, floor_module(ready)?, &[], floor, bytes)?);
    }
    // The stock macro's module, when it was built: `identity.wasm` is named by the environment.
    if let Some(path) = std::env::var_os("CAPILLARY_IDENTITY_WASM") {
        let (ready, bytes) = (records.clone(), input_bytes);
        let floor = rows.len() + 1;
        rows.push(Row::new(
            "stock identity module",
            std::fs::read(path)?,
            &[],
            floor,
            bytes,
        )?);
        rows.push(Row::new(
            "  floor of its answers",
            floor_module(ready)?,
            &[],
            floor,
            bytes,
        )?);
    }
    for _ in 0..rounds {
        for row in &mut rows {
            let mut input = SmartModuleInput::try_from_records(records.clone(), VERSION)?;
            input.set_base_offset(BASE_OFFSET);
            row.turn(input)?;
        }
    }
    table(&rows, input_bytes / RECORDS, size)
}

fn table(rows: &[Row], input_bytes: usize, size: usize) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "records of {input_bytes} bytes, batches of {RECORDS}, wasm of {size} bytes\n"
    )?;
    writeln!(
        out,
        "{:<24} {:>10} {:>10} {:>9}",
        "", "µs/record", "× floor", "answer B"
    )?;
    for row in rows {
        let floor = rows.get(row.floor).map_or(f64::NAN, Row::micros);
        writeln!(
            out,
            "{:<24} {:>10.2} {:>10.2} {:>9}",
            row.name,
            row.micros(),
            row.micros() / floor,
            row.answer_bytes,
        )?;
    }
    Ok(())
}

fn main() -> ExitCode {
    let rounds = std::env::args().nth(1).map_or(Ok(40), |rounds| rounds.parse());
    let result = match rounds {
        Ok(rounds) => run(rounds),
        Err(_) => Err("usage: bench-smartmodule [ROUNDS]".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
