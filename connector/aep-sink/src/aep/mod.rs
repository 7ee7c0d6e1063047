//! Streaming ingestion over HTTP: what is sent, how it travels, and what the responses mean.

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
pub(crate) use response::{InletResponse, Kind, RecordStatus, read};
pub(crate) use transport::{HttpResponse, Transport, TransportError};
