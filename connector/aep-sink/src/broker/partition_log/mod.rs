//! The log of a partition as the broker has it, without the SmartModule: its bounds, its end and
//! its records.

mod bounds;
mod log_end;
mod reader;
mod record;

pub(super) use bounds::{BOUNDS, LogBounds, fetch_bounds};
pub(super) use log_end::{LogEnd, is_beyond_end, probe_log_end};
pub(super) use reader::LogReader;
pub(super) use record::{LogRecord, decode_batch};
