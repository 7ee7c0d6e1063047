//! The files a local controller keeps its metadata in.
//!
//! Controller 0.18.1 truncates a file before it writes it. Killed in between, it leaves an empty
//! file that it can never load again ("EOF while parsing a value", every ten seconds). That is no
//! fault of what is tested here, so a restart puts the previous content back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cluster::error::{ClusterError, failed};

/// What the files held before the controller was killed.
pub(crate) struct Metadata(Vec<(PathBuf, Vec<u8>)>);

impl Metadata {
    /// Reads the files at a moment when none of them is being written.
    pub(crate) async fn read(directory: &Path) -> Result<Metadata, ClusterError> {
        for _ in 0..100 {
            let files = Metadata::read_once(directory)?;
            if files.0.iter().all(|(_, content)| !content.is_empty()) {
                return Ok(files);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err(ClusterError::NotUp(
            "the controller left a metadata file empty".to_owned(),
        ))
    }

    fn read_once(directory: &Path) -> Result<Metadata, ClusterError> {
        let mut files = Vec::new();
        let mut directories = vec![directory.to_owned()];
        while let Some(directory) = directories.pop() {
            let entries = std::fs::read_dir(&directory)
                .map_err(failed("reading the controller's metadata"))?;
            for entry in entries {
                let path = entry
                    .map_err(failed("reading the controller's metadata"))?
                    .path();
                if path.is_dir() {
                    directories.push(path);
                } else {
                    // One that was deleted since it was listed is none to go back to.
                    if let Ok(content) = std::fs::read(&path) {
                        files.push((path, content));
                    }
                }
            }
        }
        Ok(Metadata(files))
    }

    /// Puts back the content of files that are empty now.
    pub(crate) fn mend(self) -> Result<(), ClusterError> {
        for (path, content) in self.0 {
            let emptied = std::fs::metadata(&path).is_ok_and(|file| file.len() == 0);
            if emptied && !content.is_empty() {
                std::fs::write(&path, content)
                    .map_err(failed("mending the controller's metadata"))?;
            }
        }
        Ok(())
    }
}
