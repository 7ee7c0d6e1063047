//! Flow Service: base, source and target connections, flows, and the specifications of sources.

use std::time::Instant;

use serde_json::{Value, json};

use super::asked::{Answer, Asked};
use super::organization::{Resource, ResourceKind};
use super::{Services, not_found};

/// The HTTP API source, and the data lake.
const HTTP_API: &str = "bc7b00d6-623a-4dfc-9fdb-f1240aeadaeb";
const DATA_LAKE: &str = "c604ff05-7f1a-43c0-8e18-33bf874cb11c";
/// Streaming flows without and with a transformation.
const PLAIN_FLOW: &str = "d8a6f005-7eaf-4153-983e-e8574508b877";
const MAPPED_FLOW: &str = "c1a19761-d2c7-4702-b9fa-fe91f0613e81";

impl Services<'_> {
    /// Keeps something that was made.
    pub(super) fn keep(&mut self, kind: ResourceKind, id: String, name: &str, body: Value) {
        let etag = format!("\"{}\"", self.digits(16));
        self.organization.resources.push(Resource {
            kind,
            id,
            name: name.to_owned(),
            body,
            etag,
            hidden: self.config.organization.shows_after,
            made_at: Instant::now(),
        });
    }

    pub(super) fn flow_service(&mut self, asked: &Asked, rest: &[&str]) -> Answer {
        let kind = match rest.first().copied() {
            Some("connections") => ResourceKind::Connection,
            Some("sourceConnections") => ResourceKind::SourceConnection,
            Some("targetConnections") => ResourceKind::TargetConnection,
            Some("flows") => ResourceKind::Flow,
            Some("connectionSpecs") => return connection_specs(asked),
            _ => return not_found(),
        };
        match (asked.method.as_str(), &rest[1..]) {
            ("GET", []) => self.list(asked, kind),
            ("GET", [id]) => match self.organization.get(kind, id) {
                Some(found) => (200, json!({"items": [shown(found)]})),
                None => unknown(),
            },
            ("POST", []) => self.create(kind, &asked.body),
            ("DELETE", [id]) => self.delete(asked, kind, id),
            _ => not_found(),
        }
    }

    /// A page; the next one has a `continuationToken`.
    fn list(&mut self, asked: &Asked, kind: ResourceKind) -> Answer {
        let name = asked
            .query
            .get("property")
            .and_then(|property| property.strip_prefix("name=="));
        let found = self.organization.listed(kind, |resource| {
            name.is_none_or(|name| name == resource.name)
        });
        let start: usize = asked
            .query
            .get("continuationToken")
            .and_then(|token| token.parse().ok())
            .unwrap_or(0);
        let more = found.len() > start + self.config.organization.page;
        let page: Vec<Value> = found
            .into_iter()
            .skip(start)
            .take(self.config.organization.page)
            .collect();
        let mut answer = json!({"items": page});
        if more {
            let next = start + self.config.organization.page;
            let href = format!("/{}?continuationToken={next}", path_of(kind));
            answer["_links"] = json!({"next": {"href": href}});
        }
        (200, answer)
    }

    /// Names need not be unique.
    fn create(&mut self, kind: ResourceKind, body: &Value) -> Answer {
        let wrong = match kind {
            ResourceKind::Connection => {
                (body["connectionSpec"]["id"] != HTTP_API).then_some("connectionSpec")
            }
            ResourceKind::SourceConnection => self.source_fault(body),
            ResourceKind::TargetConnection => self.target_fault(body),
            _ => self.flow_fault(body),
        };
        if let Some(key) = wrong {
            // No document shows this one's text.
            return (
                400,
                json!({"errorCode": 400, "errorMessage": format!("{key} is missing or wrong")}),
            );
        }
        let id = self.uuid();
        let mut made = body.clone();
        if kind == ResourceKind::Connection {
            let inlet_id = self.digits(64);
            let url = format!("{}/collection/{inlet_id}", self.base_url);
            made["auth"]["params"]["inletUrl"] = url.into();
            made["auth"]["params"]["inletId"] = inlet_id.into();
        }
        made["id"] = id.clone().into();
        made["state"] = "enabled".into();
        let name = body["name"].as_str().unwrap_or_default();
        self.keep(kind, id.clone(), name, made);
        let etag = self
            .organization
            .get(kind, &id)
            .map(|resource| resource.etag.clone())
            .unwrap_or_default();
        if let Some(resource) = self.organization.get_mut(kind, &id) {
            resource.body["etag"] = etag.clone().into();
        }
        (201, json!({"id": id, "etag": etag}))
    }

    fn source_fault(&self, body: &Value) -> Option<&'static str> {
        let base = body["baseConnectionId"].as_str().unwrap_or_default();
        if body["connectionSpec"]["id"] != HTTP_API {
            return Some("connectionSpec");
        }
        let unknown = self
            .organization
            .get(ResourceKind::Connection, base)
            .is_none();
        unknown.then_some("baseConnectionId")
    }

    fn target_fault(&self, body: &Value) -> Option<&'static str> {
        let dataset = body["params"]["dataSetId"].as_str().unwrap_or_default();
        let schema = body["data"]["schema"]["id"].as_str().unwrap_or_default();
        if body["connectionSpec"]["id"] != DATA_LAKE {
            return Some("connectionSpec");
        }
        match self.organization.get(ResourceKind::Dataset, dataset) {
            None => Some("params.dataSetId"),
            Some(dataset) if dataset.body["schemaRef"]["id"] != schema => Some("data.schema.id"),
            Some(_) => None,
        }
    }

    fn flow_fault(&self, body: &Value) -> Option<&'static str> {
        let known = |kind: ResourceKind, key: &str| {
            let id = body[key][0].as_str().unwrap_or_default();
            self.organization.get(kind, id).is_some()
        };
        if !known(ResourceKind::SourceConnection, "sourceConnectionIds") {
            return Some("sourceConnectionIds");
        }
        if !known(ResourceKind::TargetConnection, "targetConnectionIds") {
            return Some("targetConnectionIds");
        }
        let mapping = &body["transformations"][0];
        match body["flowSpec"]["id"].as_str() {
            Some(PLAIN_FLOW) => mapping.is_object().then_some("transformations"),
            Some(MAPPED_FLOW) => {
                let id = mapping["params"]["mappingId"].as_str().unwrap_or_default();
                let known = self
                    .organization
                    .get(ResourceKind::MappingSet, id)
                    .is_some();
                (mapping["name"] != "Mapping" || !known).then_some("transformations")
            }
            _ => Some("flowSpec"),
        }
    }

    fn delete(&mut self, asked: &Asked, kind: ResourceKind, id: &str) -> Answer {
        let Some(found) = self.organization.get(kind, id) else {
            return unknown();
        };
        if asked.if_match.as_deref() != Some(found.etag.as_str()) {
            let given = asked.if_match.as_deref().unwrap_or_default();
            let message = format!(
                "Supplied version=[{given}] does not match the current version on entity=[{id}]"
            );
            // The status is assumed.
            return (412, json!({"errorMessage": message}));
        }
        self.organization.remove(kind, id);
        (204, Value::Null)
    }
}

fn shown(resource: &Resource) -> Value {
    resource.body.clone()
}

fn path_of(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::Connection => "connections",
        ResourceKind::SourceConnection => "sourceConnections",
        ResourceKind::TargetConnection => "targetConnections",
        _ => "flows",
    }
}

fn connection_specs(asked: &Asked) -> Answer {
    if asked.method.as_str() != "GET" {
        return not_found();
    }
    (
        200,
        json!({"items": [
            {"id": HTTP_API, "name": "Streaming Connection", "version": "1.0"},
            {"id": DATA_LAKE, "name": "dataLake", "version": "1.0"},
        ]}),
    )
}

fn unknown() -> Answer {
    // No document shows this one's text.
    (
        404,
        json!({"errorCode": 404, "errorMessage": "The entity does not exist"}),
    )
}
