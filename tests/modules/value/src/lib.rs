//! A SmartModule that parses its input and writes it again: what JSON costs the stock way, without
//! any mapping.
#![cfg(target_arch = "wasm32")]

use fluvio_smartmodule::dataplane::smartmodule::SmartModuleRecord;
use fluvio_smartmodule::{RecordData, Result, smartmodule};

#[smartmodule(map)]
pub fn map(record: &SmartModuleRecord) -> Result<(Option<RecordData>, RecordData)> {
    let value: serde_json::Value = serde_json::from_slice(record.value.as_ref())?;
    Ok((record.key.clone(), serde_json::to_vec(&value)?.into()))
}
