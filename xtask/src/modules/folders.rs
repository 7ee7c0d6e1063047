//! The sources' folders: few files in each, and one style of naming a module's file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// As many files as a reader takes in at one look.
const FILES_IN_A_FOLDER: usize = 12;

/// The folders below a root that hold Rust sources, each with its sources.
pub(super) fn sources(root: &Path) -> BTreeMap<PathBuf, Vec<PathBuf>> {
    let mut folders = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        let mut files = Vec::new();
        for path in entries.map(|entry| entry.path()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() {
                if name != "target" && !name.starts_with('.') {
                    open.push(path);
                }
            } else if name.ends_with(".rs") {
                files.push(path);
            }
        }
        if !files.is_empty() {
            files.sort();
            folders.insert(folder, files);
        }
    }
    folders
}

/// Folders with too many sources, and modules whose file is not `mod.rs` in their folder.
pub(super) fn problems(root: &Path, folders: &BTreeMap<PathBuf, Vec<PathBuf>>) -> Vec<String> {
    let shown = |path: &Path| {
        path.strip_prefix(root)
            .unwrap_or(path)
            .display()
            .to_string()
    };
    let mut problems = Vec::new();
    for (folder, files) in folders {
        if files.len() > FILES_IN_A_FOLDER {
            let (folder, count) = (shown(folder), files.len());
            problems.push(format!(
                "{folder}: {count} files, at most {FILES_IN_A_FOLDER}"
            ));
        }
        for file in files {
            let module = file.with_extension("");
            if folders.contains_key(&module) {
                let (file, module) = (shown(file), shown(&module));
                problems.push(format!(
                    "{file} is beside {module}/: move it to {module}/mod.rs"
                ));
            }
        }
    }
    problems
}
