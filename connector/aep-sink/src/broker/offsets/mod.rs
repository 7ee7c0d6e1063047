//! Stored offsets: reading and writing them, and telling whose they are.

mod commit_history;
mod session;
mod stored;
mod writer_lease;

pub(super) use commit_history::{CommitHistory, Verdict};
pub(super) use session::OffsetSession;
pub(super) use stored::StoredOffsets;
pub(super) use writer_lease::{LeaseCheck, LeaseClaim, WriterLease};
