//! Maps raw Capillary loyalty events to Experience Data Model records.
//!
//! The same code runs as a SmartModule in the broker (kind `map`, one answer per record) and
//! natively in the connector. It is total and pure: any bytes give exactly one answer, with no
//! clock, no randomness and no I/O.

mod answer;
mod envelope;
mod event;
mod event_id;
#[cfg(all(target_arch = "wasm32", any(feature = "map", feature = "filter-map")))]
mod export;
mod fields;
mod identity;
mod json;
mod keys;
mod kind;
mod map;
mod mapper;
mod omit;
mod params;
mod places;
mod program;
mod read;
mod reader;
mod ready;
mod sink;
mod tenant;
mod text;
mod time;
mod verdict;
pub mod wire;
mod xdm;

pub use answer::{ANSWER_VERSION, MAX_RAW_BYTES};
pub use fields::{Field, FieldType, event_paths, profile_paths};
pub use kind::{Depth, EventKind};
pub use mapper::{Input, MAX_EVENT_BYTES, MAX_PROFILE_BYTES, Mapper};
pub use params::{ParamError, Params};
