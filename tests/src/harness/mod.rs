//! Driving the real programs: where they are, how they are configured, started and stopped.

mod connector;
mod programs;

pub use connector::{Connector, ConnectorError, Exit};
pub use programs::{ProgramError, connector_program, reference_wasm, smartmodule_wasm};
