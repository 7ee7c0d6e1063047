//! Flow Service: runs of a flow.

use serde_json::{Value, json};

use super::access;
use super::state::Batch;
use crate::simulator::form::Form;
use crate::simulator::reply::Reply;
use crate::simulator::shared::Shared;

/// `GET /runs?property=flowId=={id}`, newest first. Adobe groups a streaming flow's runs; here each
/// request is one.
pub(super) fn list(shared: &Shared, query: &Form) -> Reply {
    let flow = query
        .get("property")
        .and_then(|property| property.strip_prefix("flowId=="));
    let Some(flow) = flow else {
        return access::problem(400, "property=flowId=={id} is required here");
    };
    let limit = query.get("limit").and_then(|text| text.parse().ok());
    let items: Vec<Value> = shared.look(|state| {
        let visible = state.landing.visible(shared.config.landing.visible_after);
        let mut runs: Vec<Value> = visible
            .filter(|batch| batch.flow_id == flow)
            .map(run)
            .collect();
        runs.reverse();
        runs.truncate(limit.unwrap_or(100));
        runs
    });
    Reply::json(200, json!({"items": items, "_links": {}}).to_string())
}

fn run(batch: &Batch) -> Value {
    let status = match (batch.failed.len(), batch.stored) {
        (0, _) => "success",
        (_, 0) => "failed",
        _ => "partial success",
    };
    json!({
        "id": batch.id,
        "flowId": batch.flow_id,
        "createdAt": batch.created_ms,
        "metrics": {
            "durationSummary": {
                "startedAtUTC": batch.created_ms,
                "completedAtUTC": batch.created_ms,
            },
            "recordSummary": {
                "inputRecordCount": batch.failed.len() + batch.stored,
                "outputRecordCount": batch.stored,
                "failedRecordCount": batch.failed.len(),
            },
            "statusSummary": {"status": status},
        },
    })
}
