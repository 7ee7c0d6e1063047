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
    let root = folder("capillary");
    read([(root.clone(), ""), (root.join("variants"), "variants/")])
}

/// A bill (`event`) and a `profile` in the shape of Adobe's Capillary source.
pub fn source_shaped() -> std::io::Result<Vec<Sample>> {
    read([(folder("capillary-source"), "")])
}

fn read<const N: usize>(folders: [(PathBuf, &str); N]) -> std::io::Result<Vec<Sample>> {
    let mut found = Vec::new();
    for (folder, prefix) in folders {
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

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(name)
}
