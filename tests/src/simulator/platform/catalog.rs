//! Datasets of Catalog.

use serde_json::{Map, Value, json};

use super::asked::{Answer, Asked};
use super::organization::ResourceKind;
use super::{Services, not_found};

impl Services<'_> {
    pub(super) fn datasets(&mut self, asked: &Asked, rest: &[&str]) -> Answer {
        match (asked.method.as_str(), rest) {
            ("GET", []) => {
                let name = asked.query.get("name");
                let found = self.organization.listed(ResourceKind::Dataset, |dataset| {
                    name.is_none_or(|name| name == dataset.name)
                });
                // Keyed by id. `start` and `limit` page through them.
                let number = |name: &str| asked.query.get(name).and_then(|text| text.parse().ok());
                let start: usize = number("start").unwrap_or(0);
                let limit = number("limit")
                    .unwrap_or(20)
                    .min(self.config.organization.page);
                let page = found.into_iter().skip(start).take(limit).map(|dataset| {
                    let id = dataset["id"].as_str().unwrap_or_default().to_owned();
                    (id, dataset)
                });
                (200, Value::Object(page.collect()))
            }
            ("POST", []) => self.create_dataset(&asked.body),
            ("GET", [id]) => match self.organization.get(ResourceKind::Dataset, id) {
                Some(dataset) => {
                    let mut answer = Map::new();
                    answer.insert(dataset.id.clone(), dataset.body.clone());
                    (200, Value::Object(answer))
                }
                None => unknown(id),
            },
            ("DELETE", [id]) => {
                if self.organization.get(ResourceKind::Dataset, id).is_none() {
                    return unknown(id);
                }
                self.organization.remove(ResourceKind::Dataset, id);
                (200, json!([format!("@/dataSets/{id}")]))
            }
            _ => not_found(),
        }
    }

    fn create_dataset(&mut self, body: &Value) -> Answer {
        let schema = body["schemaRef"]["id"].as_str().unwrap_or_default();
        let Some(schema) = self.organization.get(ResourceKind::Schema, schema) else {
            // No document shows this one's text.
            return problem("The schema of schemaRef is not known");
        };
        let union = schema.body["meta:immutableTags"]
            .as_array()
            .is_some_and(|tags| tags.iter().any(|tag| tag == "union"));
        if body["tags"]["unifiedProfile"][0] == "enabled:true" && !union {
            return problem("The schema is not enabled for Profile");
        }
        let datasets = self.organization.of(ResourceKind::Dataset).count();
        if datasets >= self.config.organization.max_datasets {
            // The number is a guardrail; no document shows the refusal.
            return problem("The quota of datasets is exhausted");
        }
        let name = body["name"].as_str().unwrap_or_default().to_owned();
        let id = self.digits(24);
        let mut dataset = body.clone();
        dataset["id"] = id.clone().into();
        dataset["state"] = "DRAFT".into();
        self.keep(ResourceKind::Dataset, id.clone(), &name, dataset);
        (201, json!([format!("@/dataSets/{id}")]))
    }
}

fn problem(detail: &str) -> Answer {
    (
        400,
        json!({"title": "BadRequestError", "status": 400, "detail": detail}),
    )
}

fn unknown(id: &str) -> Answer {
    let detail = format!("DataSet {id} does not exist");
    (
        404,
        json!({"title": "NotFoundError", "status": 404, "detail": detail}),
    )
}
