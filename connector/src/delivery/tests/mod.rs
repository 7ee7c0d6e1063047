//! Delivery as a whole, on paused time, against a scripted platform.

mod faults;
mod order;
mod scope;
mod socket;
mod wire;
mod world;
