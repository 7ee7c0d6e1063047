//! What becomes of single records: their order, their time, their size, their copies.

mod clocks;
mod coalescing;
mod deduplication;
mod fairness;
mod order;
mod revocation;
mod settling;
mod sizes;
