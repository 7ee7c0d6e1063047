//! The consumer: reads every partition in order and commits what is settled.

mod committer;
mod context;
mod lag;
mod lease_keeper;
mod log_identity;
mod partition;
mod partition_list;
mod start_position;
mod startup_order;
mod status;
mod stream;
mod supervisor;

pub(super) use context::ConsumerContext;
pub(super) use start_position::StartPosition;
pub(super) use startup_order::StartupOrder;
pub(crate) use status::{Ownership, PartitionStatus, PartitionStatuses};
pub(super) use stream::FallbackMapper;
pub(crate) use stream::FetchBudget;
pub(crate) use supervisor::Supervisor;
