//! Sixteen bytes at a time: scanning, comparing and copying.

pub(crate) mod chunk;
pub(crate) mod scan;
