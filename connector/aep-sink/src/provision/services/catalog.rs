//! Datasets of Catalog.

use hyper::Method;

use crate::provision::api::{Api, Call, Sent, encoded};
use crate::provision::refusal::{Reason, Refusal};
use crate::provision::resource::{Found, Removal};

pub(super) const PATH: &str = "/data/foundation/catalog/dataSets";
const LIMIT: usize = 100;

/// Page by page, until one is empty: the service may give fewer than it is asked for.
pub(super) async fn find(
    api: &mut Api,
    name: &str,
    what: &str,
    permission: &'static str,
) -> Result<Vec<Found>, Refusal> {
    let mut found = Vec::new();
    let mut start = 0;
    loop {
        let path = format!("{PATH}?name={}&limit={LIMIT}&start={start}", encoded(name));
        let call = Call::get(path, what.to_owned(), permission);
        let answer = api.read(&call).await?.unwrap_or_default();
        let page = answer.as_object().map_or(0, serde_json::Map::len);
        if page == 0 {
            return Ok(found);
        }
        start += page;
        let of_name = answer.as_object().into_iter().flatten();
        found.extend(of_name.filter(|(_, dataset)| dataset["name"] == name).map(
            |(id, dataset)| Found {
                id: id.clone(),
                body: dataset.clone(),
            },
        ));
    }
}

pub(super) async fn get(
    api: &mut Api,
    id: &str,
    what: String,
    permission: &'static str,
) -> Result<Option<Found>, Refusal> {
    let call = Call::get(format!("{PATH}/{id}"), what, permission);
    let answer = api.read(&call).await?.unwrap_or_default();
    Ok(answer.get(id).map(|dataset| Found {
        id: id.to_owned(),
        body: dataset.clone(),
    }))
}

pub(super) async fn remove(
    api: &mut Api,
    id: &str,
    what: String,
    permission: &'static str,
) -> Result<Removal, Refusal> {
    let call = Call {
        method: Method::DELETE,
        ..Call::get(format!("{PATH}/{id}"), what, permission)
    };
    match api.send(&call).await? {
        Sent::Answer(_) => Ok(Removal::Removed),
        Sent::Missing => Ok(Removal::Gone),
        Sent::Conflict(reason) | Sent::Lost(reason) => {
            Err(Refusal::new(call.what, Reason::Unavailable(reason)))
        }
    }
}
