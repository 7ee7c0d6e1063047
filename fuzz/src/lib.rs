//! What the fuzz targets share. The targets are tests in `fuzz/tests/targets`: ordinary ones, on
//! stable Rust.
//!
//! A target first repeats its corpus (`fuzz/corpus/<target>/`, one input a file), then runs inputs
//! that proptest makes: stored ones and samples, changed in the places their language has
//! ([`json`], [`lines`]) and anywhere ([`text`]). An input that fails is made smaller and kept in
//! the corpus as `failed-<hash>`, so that every later run begins with it.
//!
//! Plain test runs repeat themselves: the seed is fixed. `cargo xtask fuzz --seconds N` runs every
//! target for that long, with other seeds, and each round in a process of its own, so that inputs
//! which hang or exhaust the stack are found and kept as well. Of proptest's variables
//! `PROPTEST_CASES` and `PROPTEST_RNG_SEED` are useful here.

mod corpus;
pub mod json;
pub mod lines;
mod target;
pub mod text;

pub use target::Target;
