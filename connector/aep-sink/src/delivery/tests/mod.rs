//! Delivery as a whole, on paused time, against a scripted platform.

mod failures;
mod http;
mod joint;
mod logs;
mod records;
mod settings;
mod world;
