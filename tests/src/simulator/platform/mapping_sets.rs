//! Mapping sets of Data Prep: list, validate, preview, create.

use serde_json::{Value, json};

use super::asked::{Answer, Asked};
use super::organization::ResourceKind;
use super::preview;
use super::{Services, not_found};

impl Services<'_> {
    pub(super) fn mapping_sets(&mut self, asked: &Asked, rest: &[&str]) -> Answer {
        match (asked.method.as_str(), rest) {
            ("GET", []) => {
                let number = |name: &str| asked.query.get(name).and_then(|text| text.parse().ok());
                // Both are required.
                let (Some(start), Some(limit)) = (number("start"), number("limit")) else {
                    return problem("start and limit are required");
                };
                let limit = usize::min(limit, self.config.organization.page);
                let name = asked.query.get("name");
                let found = self.organization.listed(ResourceKind::MappingSet, |set| {
                    name.is_none_or(|name| name == set.name)
                });
                let start: usize = start;
                let page: Vec<Value> = found.into_iter().skip(start).take(limit).collect();
                (200, json!({"data": page}))
            }
            ("POST", ["validate"]) => {
                let responses: Vec<Value> = mappings(&asked.body)
                    .map(|mapping| match self.fault(mapping) {
                        None => json!({"status": "SUCCESS", "errors": null}),
                        Some(fault) => json!({"status": "FAILED", "errors": [fault]}),
                    })
                    .collect();
                (200, json!({"validationResponse": responses}))
            }
            ("POST", ["preview"]) => {
                let set = &asked.body["mappingSet"];
                let (data, errors) = preview::run(
                    &asked.body["data"],
                    mappings(set),
                    self.config.organization.maps,
                );
                (200, json!({"data": data, "errors": errors}))
            }
            ("POST", []) => self.create_mapping_set(&asked.body),
            _ => not_found(),
        }
    }

    fn create_mapping_set(&mut self, body: &Value) -> Answer {
        let schema = body["outputSchema"]["schemaRef"]["id"]
            .as_str()
            .unwrap_or_default();
        if self
            .organization
            .get(ResourceKind::Schema, schema)
            .is_none()
        {
            return problem("The output schema is not known");
        }
        if let Some(fault) = mappings(body).find_map(|mapping| self.fault(mapping)) {
            return (400, fault);
        }
        let id = self.digits(32);
        let name = body["name"].as_str().unwrap_or_default().to_owned();
        let mut made = body.clone();
        made["id"] = id.clone().into();
        made["version"] = 0.into();
        let answer = json!({"id": id, "version": 0, "createdDate": 1_755_000_000_000_u64});
        self.keep(ResourceKind::MappingSet, id, &name, made);
        (200, answer)
    }

    /// What is wrong with a line.
    fn fault(&self, mapping: &Value) -> Option<Value> {
        let source = mapping["source"].as_str().unwrap_or_default();
        let destination = mapping["destination"].as_str().unwrap_or_default();
        let unknown = !self.config.organization.maps && source.contains("to_map(");
        let wrong = source.is_empty() || destination.is_empty() || unknown;
        wrong.then(|| {
            json!({"errorCode": "MAPPER-3700-400", "source": source,
                   "destination": destination, "message": "The expression is not valid"})
        })
    }
}

fn mappings(set: &Value) -> impl Iterator<Item = &Value> {
    set["mappings"].as_array().into_iter().flatten()
}

fn problem(detail: &str) -> Answer {
    (
        400,
        json!({"title": "BadRequestError", "status": 400, "detail": detail}),
    )
}
