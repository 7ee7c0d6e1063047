//! The documented Capillary events in `tests/fixtures/capillary`, as bytes.

use std::path::{Path, PathBuf};

/// One documented event.
#[derive(Debug, Clone)]
pub struct Sample {
    /// File name below the fixtures' folder, without `.json`: `pointsIssued`,
    /// `variants/transactionAdded.return`.
    pub name: String,
    /// The event as it would lie on the topic.
    pub bytes: Vec<u8>,
}

/// All samples and variants, sorted by name so that seeded choices among them repeat.
pub fn samples() -> std::io::Result<Vec<Sample>> {
    let root = folder();
    let mut found = Vec::new();
    for (folder, prefix) in [(root.clone(), ""), (root.join("variants"), "variants/")] {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                let stem = path.file_stem().unwrap_or_default().to_string_lossy();
                found.push(Sample {
                    name: format!("{prefix}{stem}"),
                    bytes: std::fs::read(&path)?,
                });
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/capillary")
}
