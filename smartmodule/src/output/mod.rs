//! The bytes of an answer, written in place.

pub(crate) mod buffer;
pub(crate) mod day;
pub(crate) mod digits;
pub(crate) mod encode;
pub(crate) mod name;
pub(crate) mod padded;
