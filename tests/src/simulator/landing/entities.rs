//! Profile access: what Profile holds of one identity.

use serde_json::{Map, Value, json};

use super::access;
use crate::simulator::form::Form;
use crate::simulator::reply::Reply;
use crate::simulator::shared::Shared;

const PROFILE: &str = "_xdm.context.profile";

pub(super) fn look_up(shared: &Shared, query: &Form) -> Reply {
    let (Some(PROFILE), Some(id), Some(namespace)) = (
        query.get("schema.name"),
        query.get("entityId"),
        query.get("entityIdNS"),
    ) else {
        return access::problem(
            400,
            "schema.name, entityId and entityIdNS are required here",
        );
    };
    let entities: Map<String, Value> = shared.look(|state| {
        let fragments = state.seen.store().fragments().iter();
        fragments
            .filter(|(key, _)| key.namespace == namespace && key.id == id)
            .map(|(key, fragment)| {
                let name = format!("{}-{}", key.namespace, key.dataset_id);
                let entity = json!({
                    "entityId": name,
                    "sources": [key.dataset_id],
                    "entity": fragment.record,
                });
                (name, entity)
            })
            .collect()
    });
    Reply::json(200, Value::Object(entities).to_string())
}
