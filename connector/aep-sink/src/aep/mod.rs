//! Streaming ingestion over HTTP: what is sent, how it travels, and what the responses mean.

mod capillary_source;
mod endpoint;
mod envelope;
mod multi_status;
mod problem;
mod redact;
mod response;
mod response_ids;
mod retry_after;
mod sent_values;
mod transport;

pub(crate) use crate::http::TransportError;
pub(crate) use endpoint::{Endpoint, EndpointError, Request};
pub(crate) use envelope::MAX_BODY;
pub use multi_status::RecordStatus;
pub use problem::{Refusal, Scope};
pub use response::{InletResponse, Kind, read};
pub use response_ids::ResponseIds;
pub use transport::HttpResponse;
pub(crate) use transport::Transport;
