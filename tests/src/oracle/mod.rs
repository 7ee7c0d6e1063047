//! The conservation oracle: after the faults it judges whether anything was lost, invented, changed
//! or reordered.
//!
//! Producing a record is an obligation: it must end delivered or dead-lettered, or be one the
//! mapping skips. What must become of it is worked out here from the record itself, by the same
//! mapping run natively; the connector's own counts are not asked.

mod account;
mod dead_letter;
mod dead_letters;
mod evicted;
mod expected;
mod judge;
mod landed;
mod order;
mod record;
mod run;
mod statements;
mod verdict;

pub use evicted::Evicted;
pub use judge::committed_early;
pub use record::Produced;
pub use run::Run;
pub use verdict::Verdict;
