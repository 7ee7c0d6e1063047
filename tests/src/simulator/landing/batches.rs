//! Catalog: batches of a dataset, as `GET /catalog/batches` lists them.

use serde_json::{Map, Value, json};

use super::access;
use super::state::Batch;
use crate::simulator::form::Form;
use crate::simulator::reply::Reply;
use crate::simulator::shared::Shared;

/// Most batches of a page, whatever is asked for. Not documented for batches; 100 for other objects
/// of Catalog.
const PAGE: usize = 100;

pub(super) fn list(shared: &Shared, query: &Form) -> Reply {
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<u64>().ok());
    let size = |name: &str| number(name).and_then(|number| usize::try_from(number).ok());
    let most = shared.config.landing.page.unwrap_or(PAGE);
    let limit = size("limit").unwrap_or(most).min(most);
    let start = size("start").unwrap_or_default();
    let after = number("createdAfter").unwrap_or_default();
    let (dataset, status) = (query.get("dataSet"), query.get("status"));
    let newest_first = query
        .get("orderBy")
        .is_some_and(|order| order.starts_with("desc:created"));
    let page = shared.look(|state| {
        let visible = state.landing.visible(shared.config.landing.visible_after);
        let mut found: Vec<&Batch> = visible
            .filter(|batch| dataset.is_none_or(|dataset| dataset == batch.dataset_id))
            .filter(|batch| batch.created_ms > after)
            .filter(|batch| status.is_none_or(|status| status == batch.status()))
            .collect();
        if newest_first {
            found.reverse();
        }
        let page = found.into_iter().skip(start).take(limit);
        page.map(|batch| (batch.id.clone(), batch.json()))
            .collect::<Map<String, Value>>()
    });
    Reply::json(200, Value::Object(page).to_string())
}

pub(super) fn one(shared: &Shared, id: &str) -> Reply {
    let found = shared.look(|state| {
        let mut visible = state.landing.visible(shared.config.landing.visible_after);
        visible
            .find(|batch| batch.id == id)
            .map(|batch| json!({id: batch.json()}))
    });
    match found {
        Some(batch) => Reply::json(200, batch.to_string()),
        None => access::problem(404, "Batch not found"),
    }
}

impl Batch {
    fn status(&self) -> &'static str {
        if self.failed.is_empty() {
            "success"
        } else {
            "failed"
        }
    }

    fn json(&self) -> Value {
        let mut json = json!({
            "id": self.id,
            "status": self.status(),
            "created": self.created_ms,
            "started": self.created_ms,
            "completed": self.created_ms,
            "updated": self.created_ms,
            "relatedObjects": [{"type": "dataSet", "id": self.dataset_id}],
            "metrics": {
                "inputRecordCount": self.failed.len() + self.stored,
                "outputRecordCount": self.stored,
                "failedRecordCount": self.failed.len(),
            },
            "version": "1.0.0",
        });
        if !self.failed.is_empty() {
            // Documented for partial ingestion; which codes a streaming batch has is not.
            json["errors"] = json!([{
                "code": "INGEST-1212-400",
                "description": "Encountered errors in the data.",
                "recordCount": self.failed.len(),
            }]);
        }
        json
    }
}
