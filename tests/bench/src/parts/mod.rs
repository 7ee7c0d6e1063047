//! What is measured, a module for each part.

pub(crate) mod cost;
pub(crate) mod idle;
pub(crate) mod one_by_one;
pub(crate) mod outage;
pub(crate) mod pace;
pub(crate) mod partitions;
pub(crate) mod smartmodule;
