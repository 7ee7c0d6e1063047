//! Identity namespaces.

use crate::provision::api::{Api, Call};
use crate::provision::refusal::Refusal;
use crate::provision::resource::Found;

pub(super) const PATH: &str = "/data/core/idnamespace/identities";

/// The list is whole: it has no pages.
pub(super) async fn find(
    api: &mut Api,
    code: &str,
    what: String,
    permission: &'static str,
) -> Result<Vec<Found>, Refusal> {
    let call = Call::get(PATH.to_owned(), what, permission);
    let answer = api.read(&call).await?.unwrap_or_default();
    let found = answer
        .as_array()
        .into_iter()
        .flatten()
        .filter(|namespace| namespace["code"] == code);
    Ok(found
        .map(|namespace| Found {
            id: code.to_owned(),
            body: namespace.clone(),
        })
        .collect())
}
