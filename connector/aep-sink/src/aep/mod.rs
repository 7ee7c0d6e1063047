//! Streaming ingestion over HTTP: what is sent, how it travels, and what the answers mean.

mod envelope;
mod problem;
mod request;
mod response;
mod retry_after;
mod transport;
mod wording;

pub(crate) use envelope::MAX_BODY;
pub use problem::{Refusal, Scope};
pub(crate) use request::{Endpoint, EndpointError, Request};
pub use response::{Answer, Fate, Kind, read};
pub use transport::HttpAnswer;
pub(crate) use transport::{Transport, TransportError};
