//! `provision` against a simulated organisation that begins empty.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod bench;
mod broken;
mod plain;
