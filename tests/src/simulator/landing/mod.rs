//! What the platform says of records after it acknowledged them: failed batches in Catalog, their
//! files in Data Access, runs in Flow Service, and profiles.
//!
//! Paths, parameters and bodies are those of Adobe's OpenAPI files and of the pages "Retrieving
//! failed batches" and "Error diagnostics". What no document shows is said where it is assumed.

mod access;
mod batches;
mod entities;
mod export;
mod runs;
mod state;
mod violation;

use hyper::Request;
use hyper::body::Incoming;

use super::form::Form;
use super::reply::Reply;
use super::shared::Shared;

pub use state::NotASchema;
pub(super) use state::{Batch, FailedRecord, Landing};
pub use violation::Violation;
pub(super) use violation::missing;

/// What is served here; the other services are those an organisation is set up with.
const PREFIXES: [&str; 4] = [
    "/data/foundation/catalog/batches",
    "/data/foundation/export/",
    "/data/foundation/flowservice/runs",
    "/data/core/ups/",
];

pub(super) fn serves(path: &str) -> bool {
    PREFIXES.iter().any(|prefix| path.starts_with(prefix))
}

/// Answers a request of the platform's API.
pub(super) fn serve(shared: &Shared, request: &Request<Incoming>) -> Reply {
    shared.change(|state| state.seen.counters.landing_requests += 1);
    if let Err(refusal) = access::admit(shared, request.headers()) {
        return refusal;
    }
    let query = request.uri().query().unwrap_or_default();
    let Some(query) = Form::parse(query.as_bytes()) else {
        return access::problem(400, "the query cannot be read");
    };
    let segments: Vec<&str> = request.uri().path().split('/').skip(2).collect();
    match segments.as_slice() {
        ["foundation", "catalog", "batches"] => batches::list(shared, &query),
        ["foundation", "catalog", "batches", id] => batches::one(shared, id),
        ["foundation", "export", "batches", id, "failed"] => export::failed(shared, id, &query),
        ["foundation", "export", "batches", id, "meta"] => export::meta(shared, id, &query),
        ["foundation", "flowservice", "runs"] => runs::list(shared, &query),
        ["core", "ups", "access", "entities"] => entities::look_up(shared, &query),
        _ => access::problem(404, "No such resource"),
    }
}
