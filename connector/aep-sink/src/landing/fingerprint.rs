//! By what a record is found again: the `_id` of an event, the primary identity of a statement.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::inlet_name::InletName;

/// Eight bytes of a hash: among a hundred million records in a journal and ten thousand that
/// failed, two meet by chance once in ten million times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Fingerprint(pub(super) u64);

impl Fingerprint {
    /// Of an event, by its `_id`.
    pub(super) fn of_event(id: &str) -> Self {
        Self::of(InletName::Events, &[id])
    }

    /// Of what an inlet takes, as it is sent or as it comes back. `None` when nothing tells it from
    /// others.
    pub(super) fn of_entity(inlet: InletName, entity: &Value) -> Option<Self> {
        match inlet {
            InletName::Events => entity["_id"].as_str().map(Self::of_event),
            InletName::Profiles => {
                let (namespace, id) = primary(entity)?;
                Some(Self::of(inlet, &[namespace, id]))
            }
        }
    }

    fn of(inlet: InletName, texts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        hash.update(inlet.as_str());
        for text in texts {
            // No text of these holds it.
            hash.update([0]);
            hash.update(text);
        }
        let mut bytes = [0; 8];
        for (to, from) in bytes.iter_mut().zip(hash.finalize()) {
            *to = from;
        }
        Self(u64::from_be_bytes(bytes))
    }
}

/// Namespace and value of the identity that is marked primary, or of the only one.
fn primary(entity: &Value) -> Option<(&str, &str)> {
    let mut identities = entity["identityMap"]
        .as_object()?
        .iter()
        .flat_map(|(namespace, identities)| {
            let identities = identities.as_array().into_iter().flatten();
            identities.filter_map(move |identity| {
                let is_primary = identity["primary"] == true || identity["primary"] == "true";
                Some((is_primary, namespace.as_str(), identity["id"].as_str()?))
            })
        })
        .collect::<Vec<_>>();
    identities.sort_by_key(|(is_primary, ..)| !is_primary);
    match identities.as_slice() {
        [(true, namespace, id), ..] | [(_, namespace, id)] => Some((namespace, id)),
        _ => None,
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn statement_is_found_by_its_primary_identity_in_any_order() {
        let sent = json!({"identityMap": {
            "CapillaryId": [{"id": "7", "primary": true}], "Email": [{"id": "a@example.com"}],
        }});
        let back = json!({"loyalty": {}, "identityMap": {
            "Email": [{"id": "a@example.com", "primary": false}],
            "CapillaryId": [{"primary": "true", "id": "7"}],
        }});
        let of = |entity| Fingerprint::of_entity(InletName::Profiles, entity);
        assert_eq!(of(&sent), of(&back));
        assert!(of(&sent).is_some());
        let nobody = json!({"identityMap": {"A": [{"id": "1"}], "B": [{"id": "2"}]}});
        assert_eq!(of(&nobody), None);
    }
}
