//! Maps raw Capillary loyalty events to Experience Data Model records.

mod mapper;
mod params;

pub use mapper::{Input, Mapper};
pub use params::{ParamError, Params};
