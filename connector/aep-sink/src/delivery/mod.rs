//! From the SmartModule's answers to the inlets' acknowledgements.
//!
//! ```text
//! source   ordering  concurrency  splitting  retry     rate    token    timeout   HTTP
//! items  → queues  → limit      → of       → and     → limit →        →         →
//!                                 batches    breaker
//! event_   key_      concurrency_ batch      pipeline  rate_   attempt  attempt   aep::
//! loop     queues    limit                             limiter                    transport
//! ```
//!
//! Why each layer is where it is, outer to inner:
//!
//! 1. **Queues** (order per customer) outside everything: nothing further in may let a record pass
//!    another of its customer.
//! 2. **Concurrency limit** (one for each inlet, measured; see [`concurrency_limit`]) outside
//!    retry: a batch between two attempts keeps its place, so a struggling target gets fewer batches
//!    and not more. A *lone* record gives its place up meanwhile; else some stuck records would stop
//!    everyone.
//! 3. **Splitting** outside retry: it halves what was refused for good, and each half gets attempts
//!    of its own.
//! 4. **Retry** outside the rate limit: each attempt counts in the rate.
//! 5. **Rate limit** outside the token: a pause may outlast a token.
//! 6. **Token** outside the timeout: the time IMS takes is not the inlet's. A refused token is
//!    replaced once, in here, because its refusal does not concern the records.
//! 7. **Timeout** around one HTTP exchange.
//!
//! The layers 1 to 4 are one state machine for each inlet (`pipeline`), without I/O and without
//! tasks: ten thousand records a second are entries in its queues. Only requests and dead letters
//! are futures, and all of them live in the `event_loop`: when its future is dropped, nothing goes
//! on in the background, and what was not acknowledged is not settled.

mod attempt;
mod batch;
pub mod coalesce;
pub mod concurrency_limit;
mod deduplicator;
mod digest_map;
pub mod entity;
mod event_loop;
mod failing_records;
pub mod key_queues;
mod pipeline;
mod poison;
mod rate_limiter;
mod suspicion;
#[cfg(test)]
mod tests;

pub(crate) use attempt::{NoToken, Tokens};
pub(crate) use event_loop::{Delivery, DeliveryError, Parts};
