//! What goes over the wire.

mod socket;
mod wire;
