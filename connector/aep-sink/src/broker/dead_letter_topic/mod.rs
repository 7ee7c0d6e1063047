//! The dead-letter topic: written by a run, read by a replay.

mod reader;
mod tail;
mod topic;
mod writer;

pub(crate) use reader::{DeadLetterLog, DeadLetterReader, StoredDeadLetter};
pub(super) use topic::{connect_leader, replicas, topic_spec};
pub(crate) use writer::DeadLetterWriter;
