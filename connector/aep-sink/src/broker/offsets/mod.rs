//! Stored offsets: reading and writing them, and what is stored beside them: whose they are, and of
//! which log.

mod lease;
mod log_anchor;
mod session;
mod stored;

pub(super) use lease::{HeldUntil, LeaseOrders};
pub(crate) use lease::{Leases, Mark};
pub(super) use log_anchor::{LogAnchor, moment};
pub(super) use session::OffsetSession;
pub(super) use stored::StoredOffsets;
