//! The Schema Registry: the tenant, Adobe's field groups, own field groups and schemas.

use capillary_xdm::Field;
use serde_json::{Value, json};

use crate::provision::api::{Api, Call, encoded};
use crate::provision::refusal::{Reason, Refusal};
use crate::provision::resource::Found;

const BASE: &str = "/data/foundation/schemaregistry";
const LIST: &str = "application/vnd.adobe.xed-id+json";
const FULL: &str = "application/vnd.adobe.xed-full+json; version=1";
const VIEW: &str = "View Schemas";
/// A list of things with one title does not go on for longer.
const MOST_PAGES: usize = 1000;

pub(in crate::provision) const EVENT_CLASS: &str =
    "https://ns.adobe.com/xdm/context/experienceevent";
pub(in crate::provision) const PROFILE_CLASS: &str = "https://ns.adobe.com/xdm/context/profile";

/// Adobe's field groups that the mapping writes into, with the first keys of their fields.
pub(in crate::provision) const EVENT_GROUPS: &[(&str, &[&str])] = &[
    (
        "https://ns.adobe.com/xdm/context/experienceevent-commerce",
        &["commerce", "productListItems"],
    ),
    (
        "https://ns.adobe.com/xdm/context/experienceevent-loyalty-details",
        &["loyalty"],
    ),
];
pub(in crate::provision) const PROFILE_GROUPS: &[(&str, &[&str])] = &[
    (
        "https://ns.adobe.com/xdm/context/profile-person-details",
        &["person"],
    ),
    (
        "https://ns.adobe.com/xdm/context/profile-personal-details",
        &["personalEmail", "mobilePhone"],
    ),
    (
        "https://ns.adobe.com/xdm/context/identitymap",
        &["identityMap"],
    ),
    (
        "https://ns.adobe.com/xdm/mixins/profile/profile-loyalty-details",
        &["loyalty"],
    ),
    (
        "https://ns.adobe.com/xdm/mixins/profile-consents",
        &["consents"],
    ),
    (
        "https://ns.adobe.com/xdm/context/profile-test-profile",
        &["testProfile"],
    ),
];

/// Adobe's field groups that the registry has, and all their fields.
#[derive(Debug, Clone, Default)]
pub(in crate::provision) struct Standard {
    pub(in crate::provision) groups: Vec<&'static str>,
    pub(in crate::provision) properties: Value,
}

/// The tenant id, without its underscore.
pub(in crate::provision) async fn tenant(api: &mut Api) -> Result<String, Refusal> {
    const WHAT: &str = "asking for the tenant id";
    let call = Call::get(format!("{BASE}/stats"), WHAT.to_owned(), VIEW).accept(LIST);
    let answer = api.read(&call).await?.unwrap_or_default();
    match answer["tenantId"].as_str() {
        Some(tenant) => Ok(tenant.trim_start_matches('_').to_owned()),
        None => Err(Refusal::new(
            WHAT,
            Reason::Unavailable("the answer names none".to_owned()),
        )),
    }
}

/// What the organisation's registry has of some of Adobe's field groups.
pub(in crate::provision) async fn standard(
    api: &mut Api,
    groups: &[(&'static str, &[&str])],
) -> Result<Standard, Refusal> {
    let mut standard = Standard {
        properties: json!({}),
        ..Standard::default()
    };
    for (id, _) in groups {
        let path = format!("{BASE}/global/fieldgroups/{}", encoded(id));
        let what = format!("looking at Adobe's field group {id}");
        let call = Call::get(path, what, VIEW).accept(FULL);
        let Some(answer) = api.read(&call).await? else {
            continue;
        };
        standard.groups.push(*id);
        if let (Some(all), Some(new)) = (
            standard.properties.as_object_mut(),
            answer["properties"].as_object(),
        ) {
            all.extend(
                new.iter()
                    .map(|(name, field)| (name.clone(), field.clone())),
            );
        }
    }
    Ok(standard)
}

/// Those of some fields that are not declared; lists as a whole, or as far down as nothing is
/// declared.
pub(in crate::provision) fn absent(fields: &[Field], properties: &Value) -> Vec<String> {
    let mut absent: Vec<String> = fields
        .iter()
        .filter(|field| !declares(properties, &field.path))
        .map(|field| field.path.split("[]").next().unwrap_or_default().to_owned())
        .collect();
    absent.sort();
    absent.dedup();
    absent
}

fn declares(properties: &Value, path: &str) -> bool {
    let mut level = properties;
    let steps: Vec<&str> = path.split('.').collect();
    for (position, step) in steps.iter().enumerate() {
        let Some(field) = level.get(step.trim_end_matches("[]")) else {
            return false;
        };
        if position + 1 == steps.len() {
            return true;
        }
        level = match step.ends_with("[]") {
            true => &field["items"]["properties"],
            false => &field["properties"],
        };
    }
    false
}

/// Field groups or schemas of a title, in the order of titles; the next page begins after one.
pub(super) async fn find(
    api: &mut Api,
    collection: &str,
    title: &str,
    what: &str,
    permission: &'static str,
) -> Result<Vec<Found>, Refusal> {
    let mut found = Vec::new();
    let mut start = String::new();
    for _ in 0..MOST_PAGES {
        let mut path = format!(
            "{BASE}/tenant/{collection}?property=title%3D%3D{}&orderby=title&limit=100",
            encoded(title)
        );
        if !start.is_empty() {
            path.push_str(&format!("&start={}", encoded(&start)));
        }
        let call = Call::get(path, what.to_owned(), permission).accept(LIST);
        let answer = api.read(&call).await?.unwrap_or_default();
        let results = answer["results"].as_array().into_iter().flatten();
        found.extend(
            results
                .filter(|one| one["title"] == title)
                .filter_map(|one| {
                    Some(Found {
                        id: one["$id"].as_str()?.to_owned(),
                        body: one.clone(),
                    })
                }),
        );
        match answer["_page"]["next"].as_str() {
            Some(next) if next != start && !next.is_empty() => start = next.to_owned(),
            _ => break,
        }
    }
    Ok(found)
}

/// A schema with all its fields.
pub(in crate::provision) async fn schema(
    api: &mut Api,
    id: &str,
    what: &str,
) -> Result<Option<Found>, Refusal> {
    let path = format!("{BASE}/tenant/schemas/{}", encoded(id));
    let call = Call::get(path, what.to_owned(), VIEW).accept(FULL);
    Ok(api.read(&call).await?.map(|body| Found {
        id: id.to_owned(),
        body,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use capillary_xdm::{event_paths, profile_paths};

    #[test]
    fn every_standard_field_lies_in_a_field_group_that_is_asked_for() {
        let of_class = ["_id", "timestamp", "eventType", "identityMap"];
        for (fields, groups) in [
            (event_paths(None), EVENT_GROUPS),
            (profile_paths(None), PROFILE_GROUPS),
        ] {
            for field in fields {
                let first = field.path.split(['.', '[']).next().unwrap_or_default();
                let grouped = groups.iter().any(|(_, keys)| keys.contains(&first));
                assert!(grouped || of_class.contains(&first), "{}", field.path);
            }
        }
    }

    #[test]
    fn absent_fields_are_named_as_the_parameter_wants_them() {
        let properties = json!({
            "loyalty": {"properties": {"points": {"type": "number"}}},
            "commerce": {"properties": {"order": {"properties": {"priceTotal": {}}}}},
        });
        let field = |path: &str| Field {
            path: path.to_owned(),
            field_type: capillary_xdm::FieldType::Text,
            since: None,
        };
        let fields = [
            field("loyalty.points"),
            field("loyalty.rewards.coupons[].id"),
            field("loyalty.rewards.coupons[].value"),
            field("commerce.order.priceTotal"),
        ];
        assert_eq!(absent(&fields, &properties), ["loyalty.rewards.coupons"]);
    }
}
