//! Delivers mapped Capillary events from a Fluvio topic to Adobe Experience Platform.

mod args;
mod arrival;
mod clock;
mod config;
mod error;
mod http;
mod ims;
mod ledger;
mod map;
mod outcome;
mod position;
mod secret;

fn main() {}
