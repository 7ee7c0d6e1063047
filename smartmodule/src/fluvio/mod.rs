//! The module as the broker calls it: batches of records in Fluvio's encoding.

mod batch;
mod decode;
#[cfg(all(target_arch = "wasm32", any(feature = "map", feature = "filter-map")))]
mod export;

pub use batch::{BatchMapper, InitError, WireError, init};
