//! Experience Platform's services, each as far as provisioning needs it.

mod catalog;
mod flows;
mod identity;
pub(super) mod mapping_sets;
mod pages;
pub(super) mod registry;
pub(super) mod sandboxes;

use serde_json::Value;

use super::api::{Api, Call, Sent};
use super::refusal::{Reason, Refusal};
use super::resource::{Found, Kind, Removal, Wanted};

/// What became of a request to make something.
pub(super) enum Creation {
    Made(String),
    /// It may have been made, or one of this name was there before.
    Unknown(String),
}

/// Everything of a kind that has the name, as far as lists show it yet.
pub(super) async fn find(api: &mut Api, wanted: &Wanted) -> Result<Vec<Found>, Refusal> {
    let what = format!("looking for {}", wanted.words());
    let (permission, _) = wanted.kind.permissions();
    match wanted.kind {
        Kind::Namespace => identity::find(api, &wanted.name, what, permission).await,
        Kind::FieldGroup => {
            registry::find(api, "fieldgroups", &wanted.name, &what, permission).await
        }
        Kind::Schema => registry::find(api, "schemas", &wanted.name, &what, permission).await,
        Kind::Dataset => catalog::find(api, &wanted.name, &what, permission).await,
        Kind::MappingSet => mapping_sets::find(api, &wanted.name, &what, permission).await,
        kind => flows::find(api, kind, &wanted.name, &what, permission).await,
    }
}

/// Makes something.
pub(super) async fn create(
    api: &mut Api,
    wanted: &Wanted,
    body: &Value,
) -> Result<Creation, Refusal> {
    let path = match wanted.kind {
        Kind::Namespace => identity::PATH,
        Kind::FieldGroup => "/data/foundation/schemaregistry/tenant/fieldgroups",
        Kind::Schema => "/data/foundation/schemaregistry/tenant/schemas",
        Kind::Dataset => catalog::PATH,
        Kind::MappingSet => mapping_sets::PATH,
        kind => flows::path(kind),
    };
    let what = format!("making {}", wanted.words());
    let (_, permission) = wanted.kind.permissions();
    let call = Call::post(path, body, what, permission);
    Ok(match api.send(&call).await? {
        Sent::Answer(answer) => match id_of(wanted.kind, &answer) {
            Some(id) => Creation::Made(id),
            None => Creation::Unknown("the answer names no id".to_owned()),
        },
        Sent::Missing => {
            let reason = Reason::Answer {
                status: 404,
                detail: String::new(),
            };
            return Err(Refusal::new(call.what, reason));
        }
        Sent::Conflict(reason) | Sent::Lost(reason) => Creation::Unknown(reason),
    })
}

fn id_of(kind: Kind, answer: &Value) -> Option<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match kind {
        Kind::Namespace => text(&answer["code"]),
        Kind::FieldGroup | Kind::Schema => text(&answer["$id"]),
        // `["@/dataSets/5c8c3c555033b814b69f947f"]`
        Kind::Dataset => text(&answer[0]).and_then(|path| {
            let id = path.rsplit('/').next()?;
            Some(id.to_owned())
        }),
        _ => text(&answer["id"]),
    }
}

/// Something by its id, also while lists do not show it yet. `None`: it is not there, or its
/// service has no look-up by id.
pub(super) async fn get(
    api: &mut Api,
    wanted: &Wanted,
    id: &str,
) -> Result<Option<Found>, Refusal> {
    let what = format!("looking for {}", wanted.words());
    let (permission, _) = wanted.kind.permissions();
    match wanted.kind {
        Kind::Schema => registry::schema(api, id, &what).await,
        Kind::Dataset => catalog::get(api, id, what, permission).await,
        // Without a look-up by id that every answer of theirs has what for.
        Kind::Namespace | Kind::FieldGroup | Kind::MappingSet => Ok(None),
        kind => flows::get(api, kind, id, what, permission).await,
    }
}

/// Takes something back.
pub(super) async fn remove(api: &mut Api, wanted: &Wanted, id: &str) -> Result<Removal, Refusal> {
    let what = format!("taking back {}", wanted.words());
    let (_, permission) = wanted.kind.permissions();
    match wanted.kind {
        Kind::Namespace | Kind::FieldGroup | Kind::Schema | Kind::MappingSet => Ok(Removal::Stays),
        Kind::Dataset => catalog::remove(api, id, what, permission).await,
        kind => flows::remove(api, kind, id, &what, permission).await,
    }
}
