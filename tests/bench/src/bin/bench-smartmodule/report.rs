//! The figures, for people and for programs.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::row::Row;

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    record_bytes: usize,
    records: usize,
    wasm_bytes: usize,
    rows: Vec<Line>,
}

/// One module's figures; times and counts are per record.
#[derive(Debug, Serialize)]
struct Line {
    name: &'static str,
    micros: f64,
    floor_micros: f64,
    times_floor: f64,
    times_identity: f64,
    instructions: u64,
    answer_bytes: usize,
}

impl Report {
    /// Of these rows; the first one is the identity.
    pub(crate) fn new(
        rows: &[Row],
        record_bytes: usize,
        records: usize,
        wasm_bytes: usize,
    ) -> Self {
        let micros = |time: Duration| time.as_secs_f64() * 1e6 / records as f64;
        let identity = rows.first().map_or(f64::NAN, |row| micros(row.module.best));
        let line = |row: &Row| {
            let (time, floor) = (micros(row.module.best), micros(row.floor.best));
            Line {
                name: row.name,
                micros: time,
                floor_micros: floor,
                times_floor: time / floor,
                times_identity: time / identity,
                instructions: row.module.fuel / records as u64,
                answer_bytes: row.answer_bytes,
            }
        };
        Self {
            record_bytes,
            records,
            wasm_bytes,
            rows: rows.iter().map(line).collect(),
        }
    }

    /// As a JSON object.
    pub(crate) fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "records of {} bytes, batches of {}, wasm of {} bytes\n",
            self.record_bytes, self.records, self.wasm_bytes
        )?;
        writeln!(
            f,
            "{:<25} {:>9} {:>9} {:>8} {:>11} {:>13} {:>9}",
            "per record", "µs", "floor µs", "× floor", "× identity", "instructions", "answer B"
        )?;
        for line in &self.rows {
            writeln!(
                f,
                "{:<25} {:>9.2} {:>9.2} {:>8.2} {:>11.2} {:>13} {:>9}",
                line.name,
                line.micros,
                line.floor_micros,
                line.times_floor,
                line.times_identity,
                line.instructions,
                line.answer_bytes
            )?;
        }
        Ok(())
    }
}
