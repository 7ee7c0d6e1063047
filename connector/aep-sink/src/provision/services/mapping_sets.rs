//! Mapping sets of Data Prep: made of the project's own, validated and previewed before use.

use serde_json::{Value, json};

use super::pages;
use crate::provision::api::{Api, Call, encoded};
use crate::provision::refusal::{Reason, Refusal};
use crate::provision::resource::Found;

pub(super) const PATH: &str = "/data/foundation/conversion/mappingSets";
const VALIDATE: &str = "/data/foundation/conversion/mappingSets/validate";
const PREVIEW: &str = "/data/foundation/conversion/mappingSets/preview";
const LIMIT: usize = 50;

/// What the project publishes.
const PLAIN: &str = include_str!("../../../../../docs/profile-mapping.json");
const WITH_TENANT: &str = include_str!("../../../../../docs/profile-mapping-tenant.json");
/// The namespaces the published sets are written for: the primary one, and the other.
const PUBLISHED: [&str; 2] = ["CapillaryId", "Email"];

/// What a mapping set is made for.
pub(in crate::provision) struct Purpose<'a> {
    pub(in crate::provision) name: &'a str,
    pub(in crate::provision) schema_id: &'a str,
    pub(in crate::provision) tenant: Option<&'a str>,
    /// Namespace codes, the primary one first.
    pub(in crate::provision) namespaces: &'a [String],
    /// Paths of fields that are not to be written.
    pub(in crate::provision) omitted: &'a [String],
}

pub(super) async fn find(
    api: &mut Api,
    name: &str,
    what: &str,
    permission: &'static str,
) -> Result<Vec<Found>, Refusal> {
    let list = format!("{PATH}?name={}&limit={LIMIT}", encoded(name));
    let mut found = pages::all(api, &list, what, permission, |page| {
        let sets = page["data"].as_array().into_iter().flatten();
        let sets = sets.map(|set| Found {
            // One without an id cannot be used, and is no reason to read its page again.
            id: set["id"].as_str().unwrap_or_default().to_owned(),
            body: set.clone(),
        });
        sets.collect()
    })
    .await?;
    found.retain(|set| set.body["name"] == name && !set.id.is_empty());
    Ok(found)
}

/// The sets that may do, the best first: the published one, and one that copies the identities as
/// they are, for a Data Prep that has no maps.
pub(in crate::provision) fn candidates(purpose: &Purpose<'_>) -> Vec<Value> {
    let published = if purpose.tenant.is_some() {
        WITH_TENANT
    } else {
        PLAIN
    };
    let text = published
        .replace("{SCHEMA_ID}", purpose.schema_id)
        .replace("{TENANT}", purpose.tenant.unwrap_or_default());
    let mut set: Value = serde_json::from_str(&text).unwrap_or_default();
    set["name"] = purpose.name.into();
    if let Some(mappings) = set["mappings"].as_array_mut() {
        mappings.retain(|mapping| {
            let destination = mapping["destination"].as_str().unwrap_or_default();
            !purpose.omitted.iter().any(|omitted| {
                destination
                    .strip_prefix(omitted.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        });
    }
    let copied = with_identities(&set, |mapping| {
        *mapping = json!({"sourceType": "ATTRIBUTE", "source": "identityMap",
                          "destination": "identityMap"});
    });
    let [primary, other] = match purpose.namespaces {
        [primary, other] => [primary, other],
        // The published expression is for two.
        _ => return vec![copied],
    };
    let renamed = with_identities(&set, |mapping| {
        let source = mapping["source"].as_str().unwrap_or_default();
        // By way of a text that is no code, as the two may have changed places.
        let source = source
            .replace(PUBLISHED[0], "\u{1}")
            .replace(PUBLISHED[1], other)
            .replace('\u{1}', primary);
        mapping["source"] = source.into();
    });
    vec![renamed, copied]
}

fn with_identities(set: &Value, change: impl Fn(&mut Value)) -> Value {
    let mut set = set.clone();
    let mappings = set["mappings"].as_array_mut().into_iter().flatten();
    mappings
        .filter(|mapping| mapping["destination"] == "identityMap")
        .for_each(change);
    set
}

/// The first set that is valid and makes of three samples what they state.
pub(in crate::provision) async fn proven(
    api: &mut Api,
    purpose: &Purpose<'_>,
) -> Result<Value, Refusal> {
    let what = format!("trying the mapping set '{}'", purpose.name);
    let mut why = "there is none to try".to_owned();
    for set in candidates(purpose) {
        match fault(api, purpose, &set, &what).await? {
            None => return Ok(set),
            Some(fault) => why = fault,
        }
    }
    let text = format!(
        "Data Prep does not make of samples what they state ({why}); nothing uses the set, and \
        profiles can be delivered with format xdm instead, or provisioned with --no-profiles"
    );
    Err(Refusal::new(what, Reason::Useless(text)))
}

/// Both identities; the primary one alone; one fact.
fn samples(purpose: &Purpose<'_>) -> Vec<Value> {
    let primary = purpose
        .namespaces
        .first()
        .map_or(PUBLISHED[0], String::as_str);
    let identity = json!([{"id": "700100201", "primary": true}]);
    let mut both = json!({"identityMap": {primary: identity},
                          "personalEmail": {"address": "sample@example.com"}});
    if let Some(other) = purpose.namespaces.get(1) {
        both["identityMap"][other] = json!([{"id": "sample@example.com", "primary": false}]);
    }
    let mut samples = vec![
        both,
        json!({"identityMap": {primary: identity}, "loyalty": {"tier": "Gold", "program": "P"}}),
        json!({"identityMap": {primary: identity}, "loyalty": {"points": 1250}}),
    ];
    for sample in &mut samples {
        for omitted in purpose.omitted {
            take_out(sample, omitted);
        }
    }
    samples
}

/// Takes a field out, and what is empty without it.
fn take_out(value: &mut Value, path: &str) {
    let Some(members) = value.as_object_mut() else {
        return;
    };
    let Some((first, rest)) = path.split_once('.') else {
        members.remove(path);
        return;
    };
    if let Some(below) = members.get_mut(first) {
        take_out(below, rest);
        if below.as_object().is_some_and(serde_json::Map::is_empty) {
            members.remove(first);
        }
    }
}

/// What is wrong with a set.
async fn fault(
    api: &mut Api,
    purpose: &Purpose<'_>,
    set: &Value,
    what: &str,
) -> Result<Option<String>, Refusal> {
    let permission = "Manage Sources";
    let call = Call::post(VALIDATE, set, what.to_owned(), permission);
    let answer = api.read(&call).await?.unwrap_or_default();
    let responses = answer["validationResponse"]
        .as_array()
        .into_iter()
        .flatten();
    for (line, response) in responses.enumerate() {
        if response["status"] == "FAILED" {
            let destination = set["mappings"][line]["destination"].as_str();
            let destination = destination.unwrap_or("a line");
            return Ok(Some(format!("it finds {destination} not valid")));
        }
    }
    for sample in samples(purpose) {
        let body = json!({"data": sample, "mappingSet": set});
        let call = Call::post(PREVIEW, &body, what.to_owned(), permission);
        let answer = api.read(&call).await?.unwrap_or_default();
        let errors = answer["errors"].as_array().map_or(0, Vec::len);
        if errors > 0 {
            return Ok(Some(format!("{errors} lines fail")));
        }
        if without_defaults(&answer["data"]) != without_defaults(&sample) {
            let differing = differing(&sample, &answer["data"]);
            return Ok(Some(format!("{differing} comes out otherwise")));
        }
    }
    Ok(None)
}

/// `primary: false` may be left out.
fn without_defaults(data: &Value) -> Value {
    let mut data = data.clone();
    let namespaces = data["identityMap"].as_object_mut();
    for identity in namespaces
        .into_iter()
        .flat_map(serde_json::Map::values_mut)
        .filter_map(Value::as_array_mut)
        .flatten()
        .filter_map(Value::as_object_mut)
    {
        if identity.get("primary") == Some(&Value::Bool(false)) {
            identity.remove("primary");
        }
    }
    data
}

fn differing(sample: &Value, made: &Value) -> String {
    let names = sample.as_object().into_iter().flatten();
    let names = names.chain(made.as_object().into_iter().flatten());
    names
        .map(|(name, _)| name)
        .find(|name| without_defaults(&json!({"x": sample[*name]})) != json!({"x": made[*name]}))
        .cloned()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purpose<'a>(namespaces: &'a [String], omitted: &'a [String]) -> Purpose<'a> {
        Purpose {
            name: "P profiles",
            schema_id: "https://ns.adobe.com/acme/schemas/1",
            tenant: Some("acme"),
            namespaces,
            omitted,
        }
    }

    #[test]
    fn set_is_filled_in_for_the_organisation_and_leaves_out_what_its_schema_lacks() {
        let namespaces = ["Loyalty".to_owned(), "Email".to_owned()];
        let omitted = ["loyalty.tierExpiryDate".to_owned()];
        let sets = candidates(&purpose(&namespaces, &omitted));
        assert_eq!(sets.len(), 2);
        let text = sets[0].to_string();
        for absent in ["{", "CapillaryId", "loyalty.tierExpiryDate"] {
            let absent = if absent == "{" { "{TENANT}" } else { absent };
            assert!(!text.contains(absent), "{absent}");
        }
        for present in [
            "_acme.capillary",
            "identityMap.Loyalty[0]",
            "loyalty.points",
            "acme/schemas/1",
        ] {
            assert!(text.contains(present), "{present}");
        }
    }

    #[test]
    fn namespaces_the_published_expression_is_not_for_are_copied() {
        let sets = candidates(&purpose(&["One".to_owned()], &[]));
        let identities = sets[0]["mappings"].as_array().unwrap();
        let identities: Vec<&Value> = identities
            .iter()
            .filter(|mapping| mapping["destination"] == "identityMap")
            .collect();
        assert_eq!(identities.len(), 1);
        assert_eq!(identities[0]["sourceType"], "ATTRIBUTE");
    }

    #[test]
    fn swapped_namespaces_change_places() {
        let namespaces = ["Email".to_owned(), "CapillaryId".to_owned()];
        let set = &candidates(&purpose(&namespaces, &[]))[0];
        let text = set.to_string();
        assert!(
            text.contains(r#"contains_key(\"identityMap.CapillaryId\")"#),
            "{text}"
        );
    }
}
