//! Turns raw Capillary loyalty events into bare XDM events: the mapping of `capillary-xdm` as a
//! `filter_map`.
//!
//! For people who look at a stream with `fluvio consume --smartmodule`, chain it, or feed sinks of
//! their own. Records that are not wanted vanish, and so do those that cannot be mapped: an error
//! would end the broker's pass over the batch, and with it the records behind the bad one. Who
//! needs every record accounted for uses `capillary-xdm`.

// The exported functions come with it.
use capillary_xdm as _;
