//! Samples and short ways to map them.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)] // Each test file uses its part.

use std::fs;
use std::path::Path;

use capillary_xdm::{Input, Mapper, Params};
use serde_json::Value;

/// The Fluvio timestamp of test records: 2026-11-23T00:00:00Z.
pub const RECORD_TIME: i64 = 1_795_392_000_000;

pub fn params(pairs: &[(&str, &str)]) -> Params {
    Params::from_pairs(
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    )
    .unwrap()
}

pub fn mapper(pairs: &[(&str, &str)]) -> Mapper {
    Mapper::new(params(pairs))
}

/// The answer's text.
pub fn answer_text(mapper: &mut Mapper, raw: &[u8]) -> String {
    let mut out = b"before".to_vec();
    mapper.answer(
        Input {
            offset: 7,
            timestamp: Some(RECORD_TIME),
            value: raw,
        },
        &mut out,
    );
    String::from_utf8(out)
        .unwrap()
        .strip_prefix("before")
        .unwrap()
        .to_owned()
}

pub fn answer(mapper: &mut Mapper, raw: &[u8]) -> Value {
    let text = answer_text(mapper, raw);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

pub fn map_json(pairs: &[(&str, &str)], event: &Value) -> Value {
    answer(&mut mapper(pairs), event.to_string().as_bytes())
}

/// Name and text of every sample, the variants included, in order.
pub fn samples() -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/capillary");
    let mut found = Vec::new();
    for directory in [root.clone(), root.join("variants")] {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                let name = path.file_stem().unwrap().to_string_lossy().into_owned();
                found.push((name, fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    assert_eq!(found.len(), 82);
    found
}

pub fn sample(name: &str) -> Value {
    let (_, raw) = samples()
        .into_iter()
        .find(|(found, _)| found == name)
        .unwrap_or_else(|| panic!("no sample {name}"));
    serde_json::from_slice(&raw).unwrap()
}
