//! Delivery as a whole, on paused time, against a scripted platform.

mod clocks;
mod credential;
mod faults;
mod logs;
mod merging;
mod order;
mod pressure;
mod repeated;
mod scope;
mod settings;
mod sizes;
mod socket;
mod turns;
mod wire;
mod world;
