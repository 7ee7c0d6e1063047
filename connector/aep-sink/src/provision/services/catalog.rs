//! Datasets of Catalog.

use hyper::Method;

use super::pages;
use crate::provision::api::{Api, Call, Sent, encoded};
use crate::provision::refusal::{Reason, Refusal};
use crate::provision::resource::{Found, Removal};

pub(super) const PATH: &str = "/data/foundation/catalog/dataSets";
const LIMIT: usize = 100;

pub(super) async fn find(
    api: &mut Api,
    name: &str,
    what: &str,
    permission: &'static str,
) -> Result<Vec<Found>, Refusal> {
    let list = format!("{PATH}?name={}&limit={LIMIT}", encoded(name));
    let mut found = pages::all(api, &list, what, permission, |page| {
        let datasets = page.as_object().into_iter().flatten();
        let datasets = datasets.map(|(id, dataset)| Found {
            id: id.clone(),
            body: dataset.clone(),
        });
        datasets.collect()
    })
    .await?;
    found.retain(|dataset| dataset.body["name"] == name);
    Ok(found)
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
