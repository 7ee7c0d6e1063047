//! Proof that nothing is lost, and proof of the proof: the oracle must catch each bug that is
//! planted for it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod faulty;
mod planted;
mod soak;
