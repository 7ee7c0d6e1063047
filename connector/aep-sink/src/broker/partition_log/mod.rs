//! The log of a partition as the broker has it, without the SmartModule: its bounds, its end and
//! its records.

mod bounds;
mod reader;
mod record;
mod unpack;

pub(super) use bounds::{BOUNDS, LogBounds, fetch_bounds, fetch_log_end};
pub(super) use reader::LogReader;
pub(super) use record::{LogRecord, decode_batch};
