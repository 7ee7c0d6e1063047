//! Streaming ingestion over HTTP: what is sent, how it travels, and what the answers mean.

mod envelope;
mod problem;
mod redact;
mod request;
mod response;
mod retry_after;
mod transport;

pub(crate) use envelope::MAX_BODY;
pub(crate) use problem::{Refusal, Scope};
pub(crate) use request::{Endpoint, EndpointError, Request};
pub(crate) use response::{Answer, Fate, Kind, read};
pub(crate) use transport::{HttpAnswer, Transport, TransportError};
