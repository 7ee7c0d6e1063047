//! The connector and its cluster: leaders, logs, stored offsets.

mod broker;
mod connections;
mod ownership;
mod partitions;
mod records_lost;
mod replication;
mod second_writer;
