//! Everything one inlet decides: what goes next, and what follows from a response. Pure: no clock,
//! no I/O, no task.
//!
//! `state` is at the bottom, `responses` at the top; each file uses only those below it:
//!
//! ```text
//! responses ─→ record_outcomes ─→ refusals ─→ retries ─→ state ─→ breaker
//!         └──→ limit_samples ──────────────────────────────┘
//!                                 schedule ─→ refusals
//! ```

mod breaker;
mod failure;
mod limit_samples;
mod now;
mod outcome;
mod record_outcomes;
mod refusals;
mod responses;
mod retries;
mod schedule;
mod state;

pub(super) use now::Now;
pub(super) use outcome::{Completed, Undeliverable};
pub(super) use schedule::NextRequest;
pub(super) use state::{Headroom, Pipeline, RequestLimits};
