//! Delivers mapped Capillary events from a Fluvio topic to Adobe Experience Platform.

mod arrival;
mod broker;
mod clock;
mod config;
mod error;
mod ledger;
mod outcome;
mod position;
mod secret;

fn main() {}
