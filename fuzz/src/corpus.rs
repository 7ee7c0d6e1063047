//! The stored inputs of a target: one file each, in `fuzz/corpus/<target>`.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

/// The folder of one target.
#[derive(Debug)]
pub(crate) struct Corpus(PathBuf);

impl Corpus {
    pub(crate) fn of(target: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
        Self(root.join(target))
    }

    /// Every input with its file, sorted by name so that runs repeat. A target without a folder has
    /// none.
    pub(crate) fn inputs(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let entries = std::fs::read_dir(&self.0).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        paths
            .into_iter()
            .filter_map(|path| {
                let input = std::fs::read(&path).ok()?;
                Some((path, input))
            })
            .collect()
    }

    /// Stores an input that failed, and gives its file.
    pub(crate) fn keep(&self, input: &[u8]) -> std::io::Result<PathBuf> {
        let mut hasher = DefaultHasher::new();
        input.hash(&mut hasher);
        let path = self.0.join(format!("failed-{:016x}", hasher.finish()));
        std::fs::create_dir_all(&self.0)?;
        std::fs::write(&path, input)?;
        Ok(path)
    }
}
