//! Every reader of foreign text, by the part it belongs to. See the library for how targets run.
#![allow(clippy::unwrap_used)] // Helpers of tests.

mod connector;
mod smartmodule;
