//! Which file uses which, and the circles in that.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Files, the files each uses, and the names it uses of them.
#[derive(Debug, Default)]
pub(super) struct Edges {
    uses: BTreeMap<PathBuf, BTreeMap<PathBuf, BTreeSet<String>>>,
}

impl Edges {
    /// A file uses a name of another one.
    pub(super) fn add(&mut self, from: &Path, to: &Path, name: String) {
        if from != to {
            let uses = self.uses.entry(from.to_owned()).or_default();
            uses.entry(to.to_owned()).or_default().insert(name);
        }
    }

    /// The groups of files in which each leads to every other one.
    pub(super) fn circles(&self) -> Vec<BTreeSet<&Path>> {
        let mut circles: Vec<BTreeSet<&Path>> = Vec::new();
        for start in self.uses.keys().map(PathBuf::as_path) {
            if circles.iter().any(|circle| circle.contains(start)) {
                continue;
            }
            let reached = self.reached(start);
            if reached.contains(start) {
                let back = |file: &&Path| self.reached(file).contains(start);
                circles.push(reached.into_iter().filter(back).collect());
            }
        }
        circles
    }

    /// What ties a circle, a line for each edge.
    pub(super) fn ties(&self, circle: &BTreeSet<&Path>, root: &Path) -> Vec<String> {
        let shown = |path: &Path| {
            path.strip_prefix(root)
                .unwrap_or(path)
                .display()
                .to_string()
        };
        let mut lines = Vec::new();
        for (from, uses) in &self.uses {
            for (to, names) in uses {
                if circle.contains(from.as_path()) && circle.contains(to.as_path()) {
                    let names: Vec<&str> = names.iter().map(String::as_str).collect();
                    let names = names.join(", ");
                    lines.push(format!("{} -> {}: {names}", shown(from), shown(to)));
                }
            }
        }
        lines
    }

    /// Every file that a file leads to; itself only through another one.
    fn reached<'a>(&'a self, start: &Path) -> BTreeSet<&'a Path> {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&Path> = self.used_by(start).collect();
        while let Some(file) = open.pop() {
            if reached.insert(file) {
                open.extend(self.used_by(file));
            }
        }
        reached
    }

    fn used_by<'a>(&'a self, file: &Path) -> impl Iterator<Item = &'a Path> + use<'a> {
        let uses = self.uses.get(file).into_iter();
        uses.flat_map(|uses| uses.keys().map(PathBuf::as_path))
    }
}
