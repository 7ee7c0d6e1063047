//! Flow Service: base, source and target connections, and flows.

use hyper::Method;
use serde_json::Value;

use crate::provision::api::{Api, Call, Sent, encoded};
use crate::provision::refusal::{Reason, Refusal};
use crate::provision::resource::{Found, Kind, Removal};

/// More pages of things with one name are no set-up of ours.
const MOST_PAGES: usize = 100;

pub(super) fn path(kind: Kind) -> &'static str {
    match kind {
        Kind::SourceConnection => "/data/foundation/flowservice/sourceConnections",
        Kind::TargetConnection => "/data/foundation/flowservice/targetConnections",
        Kind::Flow => "/data/foundation/flowservice/flows",
        _ => "/data/foundation/flowservice/connections",
    }
}

/// Names are not unique here. The next page is that of the `continuationToken` in `_links`.
pub(super) async fn find(
    api: &mut Api,
    kind: Kind,
    name: &str,
    what: &str,
    permission: &'static str,
) -> Result<Vec<Found>, Refusal> {
    let query = format!("property=name%3D%3D{}", encoded(name));
    let mut found = Vec::new();
    let mut token = None;
    for _ in 0..MOST_PAGES {
        let page = match &token {
            None => format!("{}?{query}", path(kind)),
            Some(token) => format!("{}?{query}&continuationToken={token}", path(kind)),
        };
        let call = Call::get(page, what.to_owned(), permission);
        let answer = api.read(&call).await?.unwrap_or_default();
        found.extend(items(&answer).filter(|found| found.body["name"] == name));
        token = answer["_links"]["next"]["href"].as_str().and_then(|href| {
            let (_, rest) = href.split_once("continuationToken=")?;
            Some(rest.split('&').next().unwrap_or_default().to_owned())
        });
        if token.is_none() {
            break;
        }
    }
    Ok(found)
}

pub(super) async fn get(
    api: &mut Api,
    kind: Kind,
    id: &str,
    what: String,
    permission: &'static str,
) -> Result<Option<Found>, Refusal> {
    let call = Call::get(format!("{}/{id}", path(kind)), what, permission);
    let answer = api.read(&call).await?.unwrap_or_default();
    Ok(items(&answer).next())
}

fn items(answer: &Value) -> impl Iterator<Item = Found> {
    let items = answer["items"].as_array().into_iter().flatten();
    items.filter_map(|item| {
        Some(Found {
            id: item["id"].as_str()?.to_owned(),
            body: item.clone(),
        })
    })
}

/// Takes back what still has the version it was looked at in.
pub(super) async fn remove(
    api: &mut Api,
    kind: Kind,
    id: &str,
    what: &str,
    permission: &'static str,
) -> Result<Removal, Refusal> {
    let Some(found) = get(api, kind, id, what.to_owned(), permission).await? else {
        return Ok(Removal::Gone);
    };
    let etag = found.body["etag"].as_str().unwrap_or_default();
    let call = Call {
        method: Method::DELETE,
        if_match: Some(etag),
        ..Call::get(format!("{}/{id}", path(kind)), what.to_owned(), permission)
    };
    match api.send(&call).await? {
        Sent::Answer(_) => Ok(Removal::Removed),
        Sent::Missing => Ok(Removal::Gone),
        Sent::Conflict(reason) | Sent::Lost(reason) => {
            Err(Refusal::new(what, Reason::Unavailable(reason)))
        }
    }
}
