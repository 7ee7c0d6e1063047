//! Catalog and Data Access: failed batches of a dataset, and their files.

use serde_json::Value;

use super::client::{LookError, PlatformApi, Subject};
use super::diagnostics::{self, FailedRecord};

const BATCHES: Subject = Subject {
    what: "batches of datasets",
    permission: "View Datasets",
};
const FILES: Subject = Subject {
    what: "files of failed batches",
    permission: "View Datasets",
};
/// Batches of a page.
const PAGE: usize = 100;
/// A day of one dataset is far below this.
const MOST_PAGES: usize = 100;
/// The mark of a file list: no records.
const MARK: &str = "_SUCCESS";

/// A batch that holds records which did not land.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FailedBatch {
    pub(crate) id: String,
    /// Milliseconds since the epoch.
    pub(crate) created: i64,
    /// How many records failed, as far as the batch tells.
    pub(crate) records: Option<u64>,
    /// Adobe's codes, such as `INGEST-1212-400`.
    pub(crate) codes: Vec<String>,
}

impl PlatformApi {
    /// Batches of a dataset with failed records, created after this time, oldest first.
    pub(crate) async fn failed_batches(
        &self,
        dataset: &str,
        after: i64,
    ) -> Result<Vec<FailedBatch>, LookError> {
        let after = after.max(0).to_string();
        let mut found = Vec::new();
        let mut start = 0;
        for _ in 0..MOST_PAGES {
            let from = start.to_string();
            let limit = PAGE.to_string();
            let query = [
                ("dataSet", dataset),
                ("createdAfter", after.as_str()),
                ("orderBy", "desc:created"),
                ("limit", limit.as_str()),
                ("start", from.as_str()),
            ];
            let path = "/data/foundation/catalog/batches";
            let page = self.json(BATCHES, path, &query).await?.unwrap_or_default();
            // Pages may be shorter than was asked for.
            let batches = page.as_object().map_or(0, serde_json::Map::len);
            if batches == 0 {
                break;
            }
            start += batches;
            found.extend(page.as_object().into_iter().flatten().filter_map(read));
        }
        found.sort_by_key(|batch: &FailedBatch| batch.created);
        Ok(found)
    }

    /// The failed records of a batch, as far as its files tell.
    pub(crate) async fn failed_records(&self, batch: &str) -> Result<Vec<FailedRecord>, LookError> {
        let base = format!("/data/foundation/export/batches/{batch}");
        let mut records = Vec::new();
        // Streaming's failed records are here; rows of a partly ingested batch are in its
        // diagnostics.
        let failed = format!("{base}/failed");
        for name in self.files(&failed, None).await? {
            let content = self.get(FILES, &failed, &[("path", &name)]).await?;
            records.extend(diagnostics::read(&content.unwrap_or_default()));
        }
        if records.is_empty() {
            let meta = format!("{base}/meta");
            for name in self.files(&meta, Some("row_errors")).await? {
                let path = format!("row_errors/{name}");
                let content = self.get(FILES, &meta, &[("path", &path)]).await?;
                records.extend(diagnostics::read(&content.unwrap_or_default()));
            }
        }
        Ok(records)
    }

    async fn files(&self, path: &str, folder: Option<&str>) -> Result<Vec<String>, LookError> {
        let query: Vec<_> = folder.map(|folder| ("path", folder)).into_iter().collect();
        let list = self.json(FILES, path, &query).await?.unwrap_or_default();
        let files = list["data"].as_array().into_iter().flatten();
        let names = files.filter_map(|file| file["name"].as_str());
        Ok(names
            .filter(|name| *name != MARK)
            .map(str::to_owned)
            .collect())
    }
}

/// A batch with failed records. The two spellings of the status are both in Adobe's list; the
/// counts are at either place.
fn read((id, batch): (&String, &Value)) -> Option<FailedBatch> {
    let count = |name: &str| {
        let of_metrics = batch["metrics"][name].as_u64();
        of_metrics.or_else(|| batch[name].as_u64())
    };
    let records = count("failedRecordCount").filter(|count| *count > 0);
    let is_failed = matches!(batch["status"].as_str(), Some("failed" | "failure"));
    if !is_failed && records.is_none() {
        return None;
    }
    let codes = batch["errors"].as_array().into_iter().flatten();
    let codes = codes.filter_map(|error| error["code"].as_str());
    Some(FailedBatch {
        id: id.clone(),
        created: batch["created"].as_i64().unwrap_or_default(),
        records,
        codes: codes.map(str::to_owned).collect(),
    })
}

// === tests ===

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn batch_counts_as_failed_by_status_or_by_failed_records() {
        let id = "01E8043CY305K2MTV5ANH9G1GC".to_owned();
        // The documented sample of a batch that was partly ingested.
        let partly = json!({"status": "success", "created": 1_576_741_597_205_i64,
            "metrics": {"inputRecordCount": 519, "outputRecordCount": 514, "failedRecordCount": 5},
            "errors": [{"code": "INGEST-1212-400"}, {"code": "INGEST-1401-400", "recordCount": 2}]});
        let found = read((&id, &partly)).unwrap();
        assert_eq!((found.records, found.created), (Some(5), 1_576_741_597_205));
        assert_eq!(found.codes, ["INGEST-1212-400", "INGEST-1401-400"]);
        assert!(read((&id, &json!({"status": "failure", "created": 1}))).is_some());
        let well = json!({"status": "success", "metrics": {"failedRecordCount": 0}});
        assert_eq!(read((&id, &well)), None);
    }
}
