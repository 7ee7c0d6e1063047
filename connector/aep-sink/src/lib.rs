//! Delivers mapped Capillary events from a Fluvio topic to Adobe Experience Platform.

mod admin;
pub mod aep;
pub mod answer;
pub mod app;
mod backoff;
mod broker;
pub mod check;
mod clock;
pub mod config;
mod confirmations;
pub mod dead_letter;
pub mod delivery;
pub mod diagnose;
mod error;
pub mod explain;
mod http;
pub mod ims;
mod inlet_name;
mod landing;
pub mod offset_tracker;
pub mod provision;
pub mod replay;
pub mod secret;
pub mod shared_str;
mod signals;
pub mod telemetry;
