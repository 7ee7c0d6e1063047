//! One open stream of a partition: how much is asked for, and every offset once, in order.

mod assembler;
mod fallback_mapper;
mod fetch_budget;
mod large_batches;
mod segments;

pub(super) use assembler::Assembler;
pub(in crate::broker) use fallback_mapper::FallbackMapper;
pub(crate) use fetch_budget::FetchBudget;
pub(super) use fetch_budget::FetchPermit;
