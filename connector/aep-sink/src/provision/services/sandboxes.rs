//! The sandboxes a credential may use.

use crate::provision::api::{Api, Call};
use crate::provision::refusal::{Reason, Refusal};

/// The sandbox that is meant: the one named, or the default one. It must be active.
pub(in crate::provision) async fn choose(
    api: &mut Api,
    named: Option<&str>,
) -> Result<String, Refusal> {
    const WHAT: &str = "choosing the sandbox";
    let path = "/data/foundation/sandbox-management/".to_owned();
    let call = Call::get(path, WHAT.to_owned(), "access to a sandbox");
    let answer = api.read(&call).await?.unwrap_or_default();
    let active: Vec<&serde_json::Value> = answer["sandboxes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|sandbox| sandbox["state"] == "active")
        .collect();
    let names = active.iter().filter_map(|sandbox| sandbox["name"].as_str());
    let names: Vec<String> = names.map(str::to_owned).collect();
    let default = active
        .iter()
        .find(|sandbox| sandbox["isDefault"] == true)
        .and_then(|sandbox| sandbox["name"].as_str());
    let chosen = named.or(default).unwrap_or("prod");
    if names.iter().any(|name| name == chosen) {
        return Ok(chosen.to_owned());
    }
    let reason = Reason::Sandbox {
        name: chosen.to_owned(),
        known: names,
    };
    Err(Refusal::new(WHAT, reason))
}
