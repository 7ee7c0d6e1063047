//! From answers to acknowledgements.
//!
//! ```text
//! arrivals → lanes → limit → bisect → retry → pace → token → timeout → HTTP
//!   driver   lanes   limit   shipment pipeline pace   send    send      aep::transport
//! ```
//!
//! Why each layer is where it is, outer to inner:
//!
//! 1. **Lanes** (order per customer) outside everything: nothing further in may let a record pass
//!    another of its lane.
//! 2. **Limit** (one for each inlet, measured; see [`limit`]) outside retry: a batch between two
//!    attempts keeps its place, so a struggling target gets fewer batches and not more. A *lone*
//!    record gives its place up meanwhile; else some stuck records would stop everyone.
//! 3. **Bisect** outside retry: it cuts what was refused for good, and each half gets attempts of
//!    its own.
//! 4. **Retry** outside pace: each attempt waits its turn and counts in the rate.
//! 5. **Pace** outside token: a pause may outlast a token.
//! 6. **Token** outside timeout: the time IMS takes is not the inlet's. A refused token is replaced
//!    once, in here, because it says nothing about the records.
//! 7. **Timeout** around one HTTP exchange.
//!
//! The layers 1 to 4 are one state machine for each inlet ([`pipeline`]), without I/O and without
//! tasks: ten thousand records a second are entries in its queues. Only requests and letters are
//! futures, and all of them live in the
//! [`driver`]: when its future is dropped nothing goes on behind its back, and what was not acknowledged is not settled.

mod driver;
pub mod fields;
mod health;
pub mod known;
pub mod lanes;
mod limit;
pub mod merge;
mod pace;
pub mod parcel;
mod pipeline;
mod repeated;
mod send;
mod shipment;
mod suspicion;
#[cfg(test)]
mod tests;

pub(crate) use driver::{Delivery, DeliveryError, Parts};
pub(crate) use send::{NoToken, Tokens};
