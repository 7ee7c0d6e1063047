//! The SmartModule's figures, measured by a program of its own, as rows of the one table.

use std::path::Path;

use serde::Deserialize;

use crate::error::BenchError;
use crate::report::Row;

/// What the SmartModule's program measured; times are per record.
#[derive(Deserialize)]
struct Figures {
    wasm_bytes: f64,
    rows: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    name: String,
    micros: f64,
    floor_micros: f64,
}

/// Wasm may have so many bytes.
const WASM: f64 = 400_000.0;
/// By the beginning of a row's name: the most it may take, against the engine's floor and against
/// the identity module.
const GOALS: [(&str, Option<f64>, Option<f64>); 2] = [
    ("mapping", Some(3.5), Some(0.5)),
    ("skipped", Some(1.5), None),
];

/// Reads the figures of the SmartModule's program.
pub(crate) fn read(path: &Path) -> Result<Vec<Row>, BenchError> {
    let failed = |error| BenchError::File("read the SmartModule's figures", error);
    let text = std::fs::read(path).map_err(failed)?;
    let figures: Figures = serde_json::from_slice(&text).map_err(|error| failed(error.into()))?;
    Ok(rows(&figures))
}

fn rows(figures: &Figures) -> Vec<Row> {
    let of = |begin: &str| {
        figures
            .rows
            .iter()
            .find(|line| line.name.starts_with(begin))
    };
    let mut rows = vec![Row::new("SmartModule: wasm", figures.wasm_bytes, "B").at_most(WASM)];
    for line in &figures.rows {
        let goals = GOALS
            .iter()
            .find(|(begin, ..)| line.name.starts_with(begin));
        let (floor, identity) =
            goals.map_or((None, None), |(_, floor, identity)| (*floor, *identity));
        let row = || {
            Row::new(
                format!("SmartModule: {}", line.name),
                line.micros,
                "µs/record",
            )
        };
        rows.push(
            row()
                .against("engine's floor", line.floor_micros)
                .within(floor),
        );
        for (reference, goal) in [("identity", identity), ("serde_json::Value", None)] {
            let Some(other) = of(reference).filter(|other| other.name != line.name) else {
                continue;
            };
            let module = if reference == "identity" {
                "identity module"
            } else {
                "Value module"
            };
            rows.push(row().against(module, other.micros).within(goal));
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapping_is_compared_with_floor_identity_and_value() {
        let figures = r#"{"wasm_bytes": 1, "rows": [
            {"name": "identity, stock", "micros": 8.0, "floor_micros": 1.0},
            {"name": "serde_json::Value, stock", "micros": 20.0, "floor_micros": 1.0},
            {"name": "mapping, all fields", "micros": 3.0, "floor_micros": 1.0}]}"#;
        let rows = rows(&serde_json::from_str(figures).unwrap());
        let mapping: Vec<_> = rows
            .iter()
            .filter(|row| row.what.contains("mapping"))
            .map(|row| (row.against.unwrap(), row.ratio.unwrap(), row.is_met()))
            .collect();
        assert_eq!(
            mapping,
            [
                ("engine's floor", 3.0, Some(true)),
                ("identity module", 0.375, Some(true)),
                ("Value module", 0.15, None)
            ]
        );
    }
}
