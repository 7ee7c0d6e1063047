//! What the SmartModule reads: records, its parameters, and the engine's calls.

mod envelope;
mod history;
mod init;
mod mapping;
mod params;
mod records;
mod samples;
mod wire;
