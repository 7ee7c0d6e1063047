//! A request to a service, and its answer.

use hyper::Method;
use serde_json::Value;

use crate::simulator::form::Form;

/// A request, read.
pub(super) struct Asked {
    pub(super) method: Method,
    /// After `/data/`, decoded.
    pub(super) path: Vec<String>,
    pub(super) query: Form,
    pub(super) accept: String,
    pub(super) if_match: Option<String>,
    pub(super) body: Value,
}

impl Asked {
    /// The method and the path, to be matched.
    pub(super) fn target(&self) -> (&str, Vec<&str>) {
        (
            self.method.as_str(),
            self.path.iter().map(String::as_str).collect(),
        )
    }
}

/// A status and a body; no body where it is null.
pub(super) type Answer = (u16, Value);
