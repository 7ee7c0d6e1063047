//! A SmartModule that answers with its input: what doing nothing costs the stock way.
#![cfg(target_arch = "wasm32")]

use fluvio_smartmodule::dataplane::smartmodule::SmartModuleRecord;
use fluvio_smartmodule::{RecordData, Result, smartmodule};

#[smartmodule(map)]
pub fn map(record: &SmartModuleRecord) -> Result<(Option<RecordData>, RecordData)> {
    Ok((record.key.clone(), record.value.clone()))
}
