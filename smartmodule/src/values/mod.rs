//! Single values: how Capillary writes them, and what they mean.

pub(crate) mod coerce;
pub(crate) mod text;
pub(crate) mod time;
pub(crate) mod zone;
