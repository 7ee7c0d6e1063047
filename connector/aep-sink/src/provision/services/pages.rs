//! Lists that are read page by page.

use serde_json::Value;

use crate::provision::api::{Api, Call};
use crate::provision::refusal::Refusal;
use crate::provision::resource::Found;

/// Reads a list page by page, until one is empty: a service may give fewer than it is asked for.
pub(super) async fn all(
    api: &mut Api,
    list: &str,
    what: &str,
    permission: &'static str,
    members: impl Fn(&Value) -> Vec<Found>,
) -> Result<Vec<Found>, Refusal> {
    let mut found = Vec::new();
    loop {
        let path = format!("{list}&start={}", found.len());
        let call = Call::get(path, what.to_owned(), permission);
        let page = members(&api.read(&call).await?.unwrap_or_default());
        if page.is_empty() {
            return Ok(found);
        }
        found.extend(page);
    }
}
