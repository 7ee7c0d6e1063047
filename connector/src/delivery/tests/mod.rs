//! Delivery as a whole, on paused time, against a scripted platform.

mod faults;
mod logs;
mod merging;
mod order;
mod repeated;
mod scope;
mod settings;
mod socket;
mod wire;
mod world;
