//! The simulators against the documents they imitate.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking"
)]

mod bodies;
mod client;
mod control;
mod faults;
mod ims;
mod inlets;
mod landing;
mod platform;
mod store;
