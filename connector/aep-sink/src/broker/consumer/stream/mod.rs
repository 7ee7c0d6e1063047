//! One open stream of a partition: how much is asked for, and every offset once, in order.

mod assembler;
mod backpressure;
mod fallback_mapper;
mod large_batches;
mod segments;

pub(super) use assembler::Assembler;
pub(crate) use backpressure::FetchBudget;
pub(super) use backpressure::FetchPermit;
pub(in crate::broker) use fallback_mapper::FallbackMapper;
