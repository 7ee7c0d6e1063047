//! One event as it came: its wrappers, whom it is about, and what tells it from others.

pub(crate) mod customer;
pub(crate) mod envelope;
pub(crate) mod event;
pub(crate) mod event_id;
pub(crate) mod locations;
pub(crate) mod nobody;
pub(crate) mod program;
pub(crate) mod source_shape;
pub(crate) mod unmapped;
