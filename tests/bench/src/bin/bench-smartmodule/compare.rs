//! Native and wasm answer the same bytes, and the same whatever came before: made-up records by the
//! million, and broken ones.

use std::path::Path;

use conformance::samples::samples;
use fastrand::Rng;
use fluvio_protocol::record::Record;

use crate::engine::{Failure, Module, Parameters, native, native_answer};
use crate::workload::Records;

/// Parameters under which the answers are compared.
const PARAMETERS: [Parameters; 2] = [
    &[
        ("events", "all"),
        ("tenant", "harborpine"),
        ("time-zone", "+05:30"),
    ],
    &[("omit-fields", "loyalty.points"), ("program-id", "6120")],
];
const BATCH: usize = 1400;

/// Compares the answers to `count` records; gives how many bytes they had. Half of the records are
/// whole, half are documented samples with a few bytes changed.
pub(crate) fn compare(wasm: &[u8], count: usize) -> Result<usize, Failure> {
    let mut bytes = 0;
    for params in PARAMETERS {
        let mut module = Module::new("compared", wasm.to_vec(), params)?;
        let kept = kept()?;
        for batch in kept.chunks(BATCH) {
            bytes += answers_are_the_same(&mut module, params, batch)?;
        }
        let mut records = Records::new()?;
        let mut mutants = Mutants::new()?;
        let mut left = count.div_ceil(PARAMETERS.len());
        while left > 0 {
            let size = left.min(BATCH);
            let mut batch = records.batch(size.div_ceil(2));
            let whole = batch.len();
            batch.extend((whole..size).map(|delta| mutants.record(delta)));
            bytes += answers_are_the_same(&mut module, params, &batch)?;
            left -= size;
        }
    }
    Ok(bytes)
}

/// Holds the answers to a batch against those of mappers that have seen nothing: the shapes the
/// wasm remembers must not show. Gives how many bytes they had.
fn answers_are_the_same(
    module: &mut Module,
    params: Parameters,
    batch: &[Record],
) -> Result<usize, Failure> {
    let mut bytes = 0;
    for (record, answer) in batch.iter().zip(module.answer(batch)?) {
        let expected = native_answer(&mut native(params)?, record);
        if answer.value() != expected.value() {
            let text = |record: &Record| String::from_utf8_lossy(record.value()).into_owned();
            return Err(format!(
                "record {}\nwasm     {}\nnatively {}",
                text(record),
                text(&answer),
                text(&expected)
            )
            .into());
        }
        bytes += answer.value().len();
    }
    Ok(bytes)
}

/// The documented samples, and all that fuzzing has kept, whatever it was kept for.
fn kept() -> Result<Vec<Record>, Failure> {
    let mut values: Vec<Vec<u8>> = samples()?.into_iter().map(|sample| sample.bytes).collect();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for target in std::fs::read_dir(corpus)? {
        for input in std::fs::read_dir(target?.path())? {
            values.push(std::fs::read(input?.path())?);
        }
    }
    let record = |(delta, value)| {
        let mut record = Record::new(value);
        record.preamble.set_offset_delta(delta);
        record
    };
    Ok((0..).zip(values).map(record).collect())
}

/// The documented samples, changed at random.
struct Mutants {
    samples: Vec<Vec<u8>>,
    random: Rng,
}

impl Mutants {
    fn new() -> Result<Self, Failure> {
        Ok(Self {
            samples: samples()?.into_iter().map(|sample| sample.bytes).collect(),
            random: Rng::with_seed(11),
        })
    }

    fn record(&mut self, delta: usize) -> Record {
        let random = &mut self.random;
        let mut bytes = self.samples[random.usize(..self.samples.len())].clone();
        for _ in 0..random.usize(..4) {
            let place = random.usize(..bytes.len());
            match random.u8(..5) {
                0 => bytes[place] = random.u8(..),
                1 if random.u8(..4) == 0 => bytes.truncate(place + 1),
                2 => bytes.insert(place, b"{}[]\",:0e-.\\u n\xc3\xa9\0"[random.usize(..18)]),
                3 => {
                    let piece = bytes[place..bytes.len().min(place + 40)].to_vec();
                    let at = random.usize(..bytes.len());
                    bytes.splice(at..at, piece);
                }
                _ => {
                    bytes.remove(place);
                }
            }
            if bytes.is_empty() {
                break;
            }
        }
        let mut record = Record::new(bytes);
        record.preamble.set_offset_delta(delta as i64);
        record
    }
}
