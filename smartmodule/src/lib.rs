//! Maps raw Capillary loyalty events to Experience Data Model records.
//!
//! The same code runs as a SmartModule in the broker (kind `map`, one answer per record) and
//! natively in the connector. It is total and pure: any bytes give exactly one answer, with no
//! clock, no randomness and no I/O.

mod answer;
mod catalog;
pub mod fluvio;
mod input;
mod json;
mod mapper;
mod mapping;
mod output;
mod params;
mod simd;
mod values;

pub use answer::{ANSWER_VERSION, MAX_RAW_BYTES};
pub use catalog::fields::{Field, FieldType, event_paths, profile_paths};
pub use catalog::kind::{Depth, EventKind};
pub use mapper::{Input, MAX_PROFILE_BYTES, Mapper};
pub use params::{MAX_EVENT_BYTES, ParamError, Params};
