//! `docs/field-group-event.json` and `docs/field-group-profile.json`, the fields below an
//! organisation's own namespace, follow the mapping.
//!
//! `UPDATE_DOCS=1 cargo test --workspace --test field_groups` writes them anew.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use capillary_xdm::{Field, FieldType, event_paths, profile_paths};
use serde_json::{Map, Value, json};

/// What stands for an organisation's own namespace, with its underscore.
const TENANT: &str = "_{TENANT}";

/// A field, or what is below it; a list's name ends in `[]`.
#[derive(Default)]
struct Node {
    leaf: Option<FieldType>,
    below: BTreeMap<String, Node>,
}

impl Node {
    fn of(fields: &[Field]) -> Self {
        let mut root = Self::default();
        for field in fields {
            let mut node = &mut root;
            for key in field.path.split('.') {
                node = node.below.entry(key.to_owned()).or_default();
            }
            node.leaf = Some(field.field_type);
        }
        root
    }

    fn properties(&self) -> Value {
        let member = |(name, node): (&String, &Self)| {
            let schema = match name.strip_suffix("[]") {
                Some(_) => json!({"type": "array", "items": node.schema()}),
                None => node.schema(),
            };
            let name = name.trim_end_matches("[]");
            (name.to_owned(), titled(name, schema))
        };
        Value::Object(self.below.iter().map(member).collect::<Map<_, _>>())
    }

    fn schema(&self) -> Value {
        match self.leaf {
            None => json!({"type": "object", "properties": self.properties()}),
            Some(FieldType::Text) => json!({"type": "string"}),
            Some(FieldType::Number) => json!({"type": "number"}),
            Some(FieldType::Integer) => {
                json!({"type": "integer", "minimum": i32::MIN, "maximum": i32::MAX})
            }
            Some(FieldType::Boolean) => json!({"type": "boolean"}),
            Some(FieldType::DateTime) => json!({"type": "string", "format": "date-time"}),
            Some(FieldType::Date) => json!({"type": "string", "format": "date"}),
            Some(FieldType::IdentityMap) => panic!("the identities are in a standard field"),
        }
    }
}

/// `expiryDay` as people read it: `Expiry day`. The organisation's own namespace is `Tenant`.
fn titled(name: &str, mut schema: Value) -> Value {
    let name = if name == TENANT { "tenant" } else { name };
    let mut title = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !title.ends_with(|c: char| c.is_ascii_uppercase()) {
            title.push(' ');
            title.push(letter.to_ascii_lowercase());
        } else if title.is_empty() {
            title.push(letter.to_ascii_uppercase());
        } else {
            title.push(letter);
        }
    }
    schema["title"] = title.trim().into();
    schema
}

fn field_group(class: &str, title: &str, description: &str, fields: Vec<Field>) -> Value {
    let own = fields
        .into_iter()
        .filter(|field| field.path.starts_with(TENANT));
    let properties = Node::of(&own.collect::<Vec<_>>()).properties();
    json!({
        "title": title,
        "description": description,
        "type": "object",
        "meta:intendedToExtend": [format!("https://ns.adobe.com/xdm/context/{class}")],
        "definitions": {"capillary": {"properties": properties}},
        "allOf": [{"$ref": "#/definitions/capillary"}],
    })
}

fn groups() -> [(&'static str, Value); 2] {
    [
        (
            "field-group-event.json",
            field_group(
                "experienceevent",
                "Capillary Loyalty event fields",
                "What Capillary says of an event and XDM has no field for.",
                event_paths(Some("{TENANT}")),
            ),
        ),
        (
            "field-group-profile.json",
            field_group(
                "profile",
                "Capillary Loyalty profile fields",
                "What Capillary says of a customer and XDM has no field for.",
                profile_paths(Some("{TENANT}")),
            ),
        ),
    ]
}

fn docs(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs")
        .join(name)
}

#[test]
fn field_groups_list_every_tenant_field_the_mapping_writes() {
    for (name, group) in groups() {
        let text = format!("{group:#}\n");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(docs(name), &text).unwrap();
        }
        let written = std::fs::read_to_string(docs(name)).unwrap_or_default();
        assert!(
            written == text,
            "docs/{name} is not up to date: UPDATE_DOCS=1 cargo test --workspace --test \
                field_groups"
        );
    }
}

#[test]
fn field_groups_are_what_the_schema_registry_takes() {
    fn check(name: &str, schema: &Value) {
        assert!(
            schema["title"]
                .as_str()
                .is_some_and(|title| !title.is_empty()),
            "{name}"
        );
        let below = match schema["type"].as_str() {
            Some("array") => &schema["items"]["properties"],
            Some("object") => &schema["properties"],
            kind => {
                assert!(
                    matches!(kind, Some("string" | "number" | "integer" | "boolean")),
                    "{name}: {kind:?}"
                );
                return;
            }
        };
        let below = below
            .as_object()
            .unwrap_or_else(|| panic!("{name} has no fields"));
        assert!(!below.is_empty(), "{name}");
        for (name, schema) in below {
            // Names the registry admits; some are reserved words of its stores.
            assert!(
                name.bytes().all(|byte| byte.is_ascii_alphanumeric()),
                "{name}"
            );
            assert!(name.len() <= 64, "{name}");
            check(name, schema);
        }
    }
    for (file, group) in groups() {
        let tenants = group["definitions"]["capillary"]["properties"]
            .as_object()
            .unwrap();
        assert_eq!(tenants.keys().collect::<Vec<_>>(), [TENANT], "{file}");
        let capillary = tenants[TENANT]["properties"].as_object().unwrap();
        assert_eq!(
            capillary.keys().collect::<Vec<_>>(),
            ["capillary"],
            "{file}"
        );
        check("capillary", &capillary["capillary"]);
    }
}
