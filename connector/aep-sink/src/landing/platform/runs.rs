//! Flow Service: whether a dataflow fails all the time.

use serde_json::Value;

use super::client::{LookError, PlatformApi, Subject};

const RUNS: Subject = Subject {
    what: "runs of dataflows",
    permission: "View Sources",
};
/// A day of runs of a streaming flow, which are grouped by the quarter of an hour.
const LIMIT: &str = "100";

impl PlatformApi {
    /// Since when every run of a flow has failed, milliseconds since the epoch; `None` when the
    /// last one did not.
    pub(crate) async fn failing_since(&self, flow: &str) -> Result<Option<i64>, LookError> {
        let property = format!("flowId=={flow}");
        let query = [
            ("property", property.as_str()),
            ("orderby", "-createdAt"),
            ("limit", LIMIT),
        ];
        let path = "/data/foundation/flowservice/runs";
        let runs = self.json(RUNS, path, &query).await?.unwrap_or_default();
        Ok(failing_since(&runs))
    }
}

fn failing_since(runs: &Value) -> Option<i64> {
    let runs = runs["items"].as_array()?;
    let failed = runs.iter().take_while(|run| {
        let status = run["metrics"]["statusSummary"]["status"].as_str();
        status == Some("failed")
    });
    failed.filter_map(|run| run["createdAt"].as_i64()).last()
}

// === tests ===

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn flow_fails_since_the_first_failure_after_its_last_success() {
        let run = |at: i64, status: &str| json!({"createdAt": at, "metrics": {"statusSummary": {"status": status}}});
        let runs = json!({"items": [run(9, "failed"), run(7, "failed"), run(5, "success"), run(3, "failed")]});
        assert_eq!(failing_since(&runs), Some(7));
        assert_eq!(failing_since(&json!({"items": [run(9, "success")]})), None);
        assert_eq!(failing_since(&json!({"items": []})), None);
    }
}
