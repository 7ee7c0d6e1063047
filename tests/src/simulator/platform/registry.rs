//! The Schema Registry: Adobe's own field groups in the registry's age, and the organisation's
//! field groups, schemas and descriptors.

use serde_json::{Map, Value, json};
use xdm_schema::{Registry, event_schema, profile_schema};

use super::asked::{Answer, Asked};
use super::organization::ResourceKind;
use super::settings::RegistryAge;
use super::{Services, not_found};

/// Adobe's own field groups and classes, and the fields each adds.
const STANDARD: &[(&str, bool, &[&str])] = &[
    (
        "https://ns.adobe.com/xdm/context/experienceevent",
        true,
        &["_id", "timestamp", "eventType", "identityMap"],
    ),
    (
        "https://ns.adobe.com/xdm/context/experienceevent-commerce",
        true,
        &["commerce", "productListItems"],
    ),
    (
        "https://ns.adobe.com/xdm/context/experienceevent-loyalty-details",
        true,
        &["loyalty"],
    ),
    ("https://ns.adobe.com/xdm/context/profile", false, &["_id"]),
    (
        "https://ns.adobe.com/xdm/context/profile-person-details",
        false,
        &["person"],
    ),
    (
        "https://ns.adobe.com/xdm/context/profile-personal-details",
        false,
        &["personalEmail", "mobilePhone"],
    ),
    (
        "https://ns.adobe.com/xdm/context/identitymap",
        false,
        &["identityMap"],
    ),
    (
        "https://ns.adobe.com/xdm/mixins/profile/profile-loyalty-details",
        false,
        &["loyalty"],
    ),
    (
        "https://ns.adobe.com/xdm/mixins/profile-consents",
        false,
        &["consents"],
    ),
    (
        "https://ns.adobe.com/xdm/context/profile-test-profile",
        false,
        &["testProfile"],
    ),
];

/// What a list may be asked as.
const LIST: [&str; 2] = [
    "application/vnd.adobe.xed-id+json",
    "application/vnd.adobe.xed+json",
];

impl Services<'_> {
    pub(super) fn registry(&mut self, asked: &Asked, rest: &[&str]) -> Answer {
        if asked.method.as_str() == "GET" && asked.accept.is_empty() {
            return accept_refused(asked);
        }
        match (asked.method.as_str(), rest) {
            ("GET", ["stats"]) => (
                200,
                json!({"imsOrg": self.config.organization_id,
                       "tenantId": self.config.organization.tenant}),
            ),
            ("GET", ["global", "fieldgroups", id]) => self.standard_group(asked, id),
            ("GET", ["tenant", "fieldgroups"]) => self.titles(asked, ResourceKind::FieldGroup),
            ("GET", ["tenant", "schemas"]) => self.titles(asked, ResourceKind::Schema),
            ("GET", ["tenant", "schemas", id]) => self.schema(asked, id),
            ("POST", ["tenant", "fieldgroups"]) => {
                self.create_definition(ResourceKind::FieldGroup, "mixins", &asked.body)
            }
            ("POST", ["tenant", "schemas"]) => {
                self.create_definition(ResourceKind::Schema, "schemas", &asked.body)
            }
            ("DELETE", ["tenant", "fieldgroups", id]) => {
                self.delete_definition(ResourceKind::FieldGroup, id)
            }
            ("DELETE", ["tenant", "schemas", id]) => {
                self.delete_definition(ResourceKind::Schema, id)
            }
            _ => not_found(),
        }
    }

    fn standard_group(&self, asked: &Asked, id: &str) -> Answer {
        if !asked.accept.contains("version=") {
            return accept_refused(asked);
        }
        match self.standard_fields(id) {
            Some(properties) => (
                200,
                json!({"$id": id, "type": "object", "version": "1.0", "properties": properties}),
            ),
            None => missing(id),
        }
    }

    /// The fields of one of Adobe's own definitions, when the registry has them.
    fn standard_fields(&self, id: &str) -> Option<Map<String, Value>> {
        let (_, of_events, names) = STANDARD.iter().find(|(known, ..)| *known == id)?;
        let age = match self.config.organization.registry {
            RegistryAge::Newest => Registry::Newest,
            RegistryAge::Oldest => Registry::Oldest,
        };
        let schema = if *of_events {
            event_schema(age)
        } else {
            profile_schema(age)
        };
        let schema = schema.ok()?;
        let field = |name: &&str| {
            let field = schema["properties"].get(*name)?;
            Some(((*name).to_owned(), resolved(field, &schema["$defs"])))
        };
        let fields: Map<String, Value> = names.iter().filter_map(field).collect();
        (!fields.is_empty()).then_some(fields)
    }

    /// A list in the order of titles; the next page begins after a title.
    fn titles(&mut self, asked: &Asked, kind: ResourceKind) -> Answer {
        if !LIST.contains(&asked.accept.as_str()) {
            return accept_refused(asked);
        }
        let title = asked
            .query
            .get("property")
            .and_then(|property| property.strip_prefix("title=="));
        let start = asked.query.get("start");
        let mut found = self.organization.listed(kind, |resource| {
            title.is_none_or(|title| title == resource.name)
                && start.is_none_or(|start| resource.name.as_str() > start)
        });
        found.sort_by_key(|body| body["title"].as_str().unwrap_or_default().to_owned());
        let more = found.len() > self.config.organization.page;
        found.truncate(self.config.organization.page);
        let last = found.last().map(|body| body["title"].clone());
        let next = last.filter(|_| more).unwrap_or_default();
        let results: Vec<Value> = found
            .iter()
            .map(|body| {
                json!({"$id": body["$id"], "meta:altId": body["meta:altId"],
                       "version": body["version"], "title": body["title"]})
            })
            .collect();
        let count = results.len();
        (
            200,
            json!({"results": results, "_page": {"orderby": "title", "next": next,
                   "count": count}, "_links": {}}),
        )
    }

    fn schema(&self, asked: &Asked, id: &str) -> Answer {
        if !asked.accept.contains("version=") {
            return accept_refused(asked);
        }
        let found = self
            .organization
            .of(ResourceKind::Schema)
            .find(|schema| schema.id == id || schema.body["meta:altId"] == id);
        let Some(found) = found else {
            return missing(id);
        };
        let mut body = found.body.clone();
        if asked.accept.contains("xed-full") {
            let refs = body["allOf"].as_array().cloned().unwrap_or_default();
            let mut properties = Map::new();
            for reference in refs.iter().filter_map(|one| one["$ref"].as_str()) {
                properties.extend(self.fields_of(reference).unwrap_or_default());
            }
            body["properties"] = Value::Object(properties);
            if let Some(body) = body.as_object_mut() {
                body.remove("allOf");
            }
        }
        (200, body)
    }

    /// The fields of any definition.
    fn fields_of(&self, id: &str) -> Option<Map<String, Value>> {
        if let Some(own) = self.organization.get(ResourceKind::FieldGroup, id) {
            let definitions = own.body["definitions"].as_object()?;
            let fields = definitions
                .values()
                .filter_map(|definition| definition["properties"].as_object());
            return Some(
                fields
                    .flatten()
                    .map(|(k, v)| (k.clone(), v.clone()))
                    .collect(),
            );
        }
        self.standard_fields(id)
    }

    fn create_definition(&mut self, kind: ResourceKind, path: &str, body: &Value) -> Answer {
        let title = body["title"].as_str().unwrap_or_default().to_owned();
        let unique = !self.organization.names(kind).contains(&title.as_str());
        if title.is_empty() || !unique {
            // Titles must be unique by the tutorials; the text is assumed.
            return invalid("XDM-1521-400", "The title must be unique");
        }
        if kind == ResourceKind::FieldGroup {
            let tenant = format!("_{}", self.config.organization.tenant);
            let definitions = body["definitions"].as_object().into_iter().flatten();
            let foreign = definitions
                .filter_map(|(_, definition)| definition["properties"].as_object())
                .flat_map(Map::keys)
                .any(|name| *name != tenant);
            if foreign {
                return invalid(
                    "XDM-1528-400",
                    "Fields must be below the tenant's namespace",
                );
            }
        } else {
            let refs = body["allOf"].as_array().into_iter().flatten();
            for reference in refs.filter_map(|one| one["$ref"].as_str()) {
                if self.fields_of(reference).is_none() {
                    let detail = format!("The resource {reference} is not known");
                    return invalid("XDM-1525-400", &detail);
                }
            }
        }
        let digits = self.digits(40);
        let tenant = &self.config.organization.tenant;
        let id = format!("https://ns.adobe.com/{tenant}/{path}/{digits}");
        let mut made = body.clone();
        made["$id"] = id.clone().into();
        made["meta:altId"] = format!("_{tenant}.{path}.{digits}").into();
        made["version"] = "1.0".into();
        made["meta:resourceType"] = path.into();
        made["imsOrg"] = self.config.organization_id.clone().into();
        if kind == ResourceKind::Schema {
            made["meta:class"] = body["allOf"][0]["$ref"].clone();
        }
        self.keep(kind, id, &title, made.clone());
        (201, made)
    }

    fn delete_definition(&mut self, kind: ResourceKind, id: &str) -> Answer {
        let found = self
            .organization
            .of(kind)
            .find(|one| one.id == id || one.body["meta:altId"] == id);
        let Some(found) = found else {
            return missing(id);
        };
        let (id, union) = (
            found.id.clone(),
            found.body["meta:immutableTags"].is_array(),
        );
        let used = self.organization.of(ResourceKind::Schema).any(|schema| {
            schema.body["allOf"]
                .as_array()
                .is_some_and(|refs| refs.iter().any(|one| one["$ref"] == id.as_str()))
        });
        if union || used {
            // That it cannot be taken back is documented, the text is not.
            return invalid(
                "XDM-1540-400",
                "The resource is enabled for Profile or in use",
            );
        }
        self.organization.remove(kind, &id);
        (204, Value::Null)
    }
}

/// A field without references.
fn resolved(field: &Value, definitions: &Value) -> Value {
    match field {
        Value::Object(members) => {
            let name = members
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|reference| reference.strip_prefix("#/$defs/"));
            if let Some(definition) = name.and_then(|name| definitions.get(name)) {
                return resolved(definition, definitions);
            }
            let members = members
                .iter()
                .map(|(name, below)| (name.clone(), resolved(below, definitions)));
            Value::Object(members.collect())
        }
        Value::Array(items) => items
            .iter()
            .map(|item| resolved(item, definitions))
            .collect(),
        scalar => scalar.clone(),
    }
}

fn accept_refused(asked: &Asked) -> Answer {
    let detail = format!(
        "The supplied Accept header is not valid: {} - A valid Accept value should look like \
        application/vnd.adobe.'{{xed|xdm'}}+json",
        asked.accept
    );
    let (status, mut body) = invalid("XDM-1006-400", &detail);
    body["title"] = "Accept header invalid".into();
    (status, body)
}

fn invalid(code: &str, detail: &str) -> Answer {
    (
        400,
        json!({"type": format!("http://ns.adobe.com/aep/errors/{code}"), "status": 400,
               "title": "Request Validation Failed",
               "report": {"detailed-message": detail}, "detail": detail}),
    )
}

fn missing(id: &str) -> Answer {
    let detail = format!("The requested registry resource {id} does not exist");
    (
        404,
        json!({"type": "http://ns.adobe.com/aep/errors/XDM-1012-404", "status": 404,
               "title": "Resource Not Found",
               "report": {"detailed-message": detail}, "detail": detail}),
    )
}
