//! Delivery as a whole, on paused time, against a scripted platform.

mod configuration;
mod faults;
mod order;
mod scope;
mod wire;
mod world;
