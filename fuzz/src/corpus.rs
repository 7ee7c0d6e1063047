//! The stored inputs of a target: one file each, in `fuzz/corpus/<target>`.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crate::hash::hash;

/// The folder of one target.
#[derive(Debug)]
pub(crate) struct Corpus(PathBuf);

/// The input at work, on disk: see the crate's text.
#[derive(Debug)]
pub(crate) struct Running(Option<(PathBuf, File)>);

impl Corpus {
    pub(crate) fn open(target: &str) -> Self {
        Self(
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("corpus")
                .join(target),
        )
    }

    /// All inputs: first those that killed a process, then those that failed, then the others by
    /// name, so that runs repeat.
    pub(crate) fn inputs(&self) -> Vec<Vec<u8>> {
        let entries = std::fs::read_dir(&self.0).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        let rank = |path: &Path| {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            (
                !name.starts_with("running-"),
                !name.starts_with("crash-"),
                name,
            )
        };
        paths.sort_by_key(|path| rank(path));
        // A `running-` file of another process may go while we look.
        paths
            .iter()
            .filter_map(|path| std::fs::read(path).ok())
            .collect()
    }

    pub(crate) fn keep_crash(&self, input: &[u8]) -> PathBuf {
        let path = self.0.join(format!("crash-{:016x}", hash(input)));
        let written = std::fs::create_dir_all(&self.0).and_then(|()| std::fs::write(&path, input));
        if let Err(error) = written {
            println!(
                "fuzz: {} cannot be written ({error}); the input: {input:?}",
                path.display()
            );
        }
        path
    }

    /// Where the folder cannot be written, inputs at work are not kept.
    pub(crate) fn running(&self) -> Running {
        let path = self.0.join(format!("running-{}", std::process::id()));
        let file = std::fs::create_dir_all(&self.0).and_then(|()| File::create(&path));
        Running(file.ok().map(|file| (path, file)))
    }
}

impl Running {
    pub(crate) fn keep(&mut self, input: &[u8]) {
        let Some((_, file)) = &mut self.0 else { return };
        let kept = file
            .seek(SeekFrom::Start(0))
            .and_then(|_| file.write_all(input))
            .and_then(|()| file.set_len(input.len() as u64));
        if kept.is_err() {
            self.0 = None;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some((path, _)) = self.0.take()
            && let Err(error) = std::fs::remove_file(&path)
        {
            println!("fuzz: {} cannot be removed: {error}", path.display());
        }
    }
}
