//! Delivers mapped Capillary events from a Fluvio topic to Adobe Experience Platform.

mod aep;
mod answer;
mod arrival;
mod clock;
mod config;
mod dead_letter;
mod delivery;
mod error;
mod ledger;
mod outcome;
mod position;
mod secret;

fn main() {}
