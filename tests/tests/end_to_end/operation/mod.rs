//! Running the connector: starting, stopping, and what it shows of itself.

mod check;
mod memory;
mod observability;
mod readiness;
mod start;
mod stopping;
