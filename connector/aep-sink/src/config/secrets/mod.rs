//! Secrets: where their values come from, and the placeholders that stand for them in the file.

pub(in crate::config) mod placeholder;
pub(in crate::config) mod store;
