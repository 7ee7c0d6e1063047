//! The schemas as an organisation's registry would resolve them: the standard field groups of its
//! age, and the two field groups of `docs/` for its own fields.

use serde_json::{Map, Value, json};

/// How old the standard field groups are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registry {
    /// As the files in `schemas/`: of 2026-08.
    Newest,
    /// Of 2025-09: without Loyalty Event Details, and with the nine loyalty fields of 2021 in
    /// profiles (<https://github.com/adobe/xdm>, commit c76073c9b).
    Oldest,
}

/// Those of Loyalty Details that have been there since 2021; the ninth, `upgradeDate`, is
/// deprecated.
const LOYALTY_OF_2021: &[&str] = &[
    "joinDate",
    "loyaltyID",
    "points",
    "pointsExpiration",
    "pointsRedeemed",
    "program",
    "status",
    "tier",
];

const EVENT: &str = include_str!("../schemas/experience-event.schema.json");
const PROFILE: &str = include_str!("../schemas/individual-profile.schema.json");
const EVENT_FIELDS: &str = include_str!("../../../docs/field-group-event.json");
const PROFILE_FIELDS: &str = include_str!("../../../docs/field-group-profile.json");

/// The schema of the events dataset.
pub fn event_schema(registry: Registry) -> Result<Value, String> {
    let mut schema = with_own_fields(EVENT, EVENT_FIELDS)?;
    if registry == Registry::Oldest {
        members(&mut schema["properties"])?.remove("loyalty");
    }
    Ok(schema)
}

/// The schema of the profiles dataset.
pub fn profile_schema(registry: Registry) -> Result<Value, String> {
    let mut schema = with_own_fields(PROFILE, PROFILE_FIELDS)?;
    if registry == Registry::Oldest {
        members(&mut schema["properties"]["loyalty"]["properties"])?
            .retain(|name, _| LOYALTY_OF_2021.contains(&name.as_str()));
    }
    Ok(schema)
}

/// A schema whose own namespace has the fields of a field group, and no other.
fn with_own_fields(schema: &str, group: &str) -> Result<Value, String> {
    let parse = |text: &str| serde_json::from_str(text).map_err(|error| error.to_string());
    let (mut schema, group): (Value, Value) = (parse(schema)?, parse(group)?);
    let own = &group["definitions"]["capillary"]["properties"]["_{TENANT}"];
    if !own.is_object() {
        return Err("the field group has no fields of a tenant".to_owned());
    }
    schema["$defs"]["tenantObject"] = strict(own);
    Ok(schema)
}

/// As strict as the rest: nothing unknown, nothing empty, texts and times of the same form.
fn strict(field: &Value) -> Value {
    match (field["type"].as_str(), field["format"].as_str()) {
        (Some("object"), _) => {
            let below = field["properties"].as_object().into_iter().flatten();
            let below = below.map(|(name, field)| (name.clone(), strict(field)));
            json!({
                "type": "object", "minProperties": 1, "additionalProperties": false,
                "properties": below.collect::<Map<_, _>>(),
            })
        }
        (Some("array"), _) => {
            json!({"type": "array", "minItems": 1, "items": strict(&field["items"])})
        }
        (Some("string"), None) => json!({"$ref": "#/$defs/text"}),
        (Some("string"), Some("date-time")) => json!({"$ref": "#/$defs/dateTime"}),
        _ => field.clone(),
    }
}

fn members(value: &mut Value) -> Result<&mut Map<String, Value>, String> {
    let missing = || "a schema without the fields it should have".to_owned();
    value.as_object_mut().ok_or_else(missing)
}
