//! Driving the real programs: where they are, how they are configured, started and stopped.

mod connector;
mod observed;
mod programs;

pub use connector::{Connector, ConnectorError, Exit};
pub use observed::{Metrics, Observed, Shown};
pub use programs::{
    ProgramError, connector_program, events_wasm, reference_wasm, smartmodule_wasm,
};
