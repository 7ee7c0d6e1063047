//! From an event to XDM.

mod experience_event;
mod identity_map;
mod kinds;
mod notes;
mod plan;
mod profile;
mod xdm_writer;

pub(crate) use experience_event::write_event;
pub(crate) use notes::Notes;
pub(crate) use plan::PlanCache;
pub(crate) use profile::write_profile;
