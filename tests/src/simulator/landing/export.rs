//! Data Access: the files of a failed batch.

use serde_json::{Value, json};

use super::access;
use super::state::FailedRecord;
use crate::simulator::form::Form;
use crate::simulator::reply::Reply;
use crate::simulator::shared::Shared;

/// The two files of the documented sample.
const MARK: &str = "_SUCCESS";
const PART: &str = "part-00000-44c7b669-5e38-43fb-b56c-a0686dabb982-c000.json";

/// `…/failed`: the list of files, or one of them.
pub(super) fn failed(shared: &Shared, id: &str, query: &Form) -> Reply {
    let found = shared.look(|state| {
        let mut visible = state.landing.visible(shared.config.landing.visible_after);
        visible
            .find(|batch| batch.id == id)
            .map(|batch| lines(&batch.failed))
    });
    let Some(content) = found.filter(|content| !content.is_empty()) else {
        return access::problem(404, "The batch has no failed files");
    };
    match query.get("path") {
        None => {
            let file = |name: &str, length: usize| {
                let href = format!(
                    "{}/data/foundation/export/batches/{id}/failed?path={name}",
                    shared.base_url
                );
                json!({"name": name, "length": length.to_string(), "_links": {"self": {"href": href}}})
            };
            let files = [file(MARK, 0), file(PART, content.len())];
            let list = json!({"data": files, "_page": {"limit": 100, "count": files.len()}});
            Reply::json(200, list.to_string())
        }
        Some(MARK) => Reply::empty(200),
        Some(PART) => Reply::json(200, content),
        Some(_) => access::problem(404, "The path is not found"),
    }
}

/// `…/meta`: diagnostics of rows are of batch ingestion; a batch of streaming has none here, which
/// the OpenAPI file answers with 404.
pub(super) fn meta(shared: &Shared, id: &str, _query: &Form) -> Reply {
    let known = shared.look(|state| state.landing.batches.iter().any(|batch| batch.id == id));
    access::problem(
        404,
        if known {
            "The path is not found"
        } else {
            "No such batch"
        },
    )
}

/// One record a line. The sample shows `_validationErrors` alone; that they stand beside the
/// message is assumed, from "this failed data can be later retrieved for further analysis and
/// replay".
fn lines(records: &[FailedRecord]) -> String {
    let mut content = String::new();
    for FailedRecord {
        message,
        violations,
    } in records
    {
        let mut line = message.clone();
        if let (Some(line), Ok(violations)) =
            (line.as_object_mut(), serde_json::to_value(violations))
        {
            line.insert("_validationErrors".to_owned(), violations);
        }
        content.push_str(&Value::to_string(&line));
        content.push('\n');
    }
    content
}
