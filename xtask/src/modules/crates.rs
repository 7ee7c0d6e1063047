//! The modules of one crate, and what file each of their names leads to.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::edges::Edges;
use super::source::{self, Import};
use super::tokens::tokens;

/// All modules of a crate; the first is its root.
#[derive(Debug, Default)]
pub(super) struct Crate {
    modules: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    file: PathBuf,
    /// The root is its own parent.
    parent: usize,
    children: BTreeMap<String, usize>,
    source: source::Module,
}

/// What a path leads to, when that is in this crate.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    Module(usize),
    /// A name that this module defines.
    Item(usize, String),
}

impl Crate {
    /// Reads a crate from its root file.
    pub(super) fn read(root: &Path) -> Self {
        let mut read = Self::default();
        let directory = root.parent().unwrap_or(root);
        read.file(root, directory, 0);
        read
    }

    /// Adds every use of one file by another.
    pub(super) fn add_edges(&self, edges: &mut Edges) {
        for (at, node) in self.modules.iter().enumerate() {
            let mut add = |target: Option<Target>| {
                if let Some(Target::Item(to, name)) = target
                    && let Some(to) = self.modules.get(to)
                {
                    edges.add(&node.file, &to.file, name);
                }
            };
            for import in &node.source.imports {
                let own_use = node.source.names.contains(&import.name);
                if import.reexported && !own_use {
                    continue;
                }
                add(match self.resolve(at, &import.path, 0) {
                    Some(Target::Module(module)) if import.name == "*" => {
                        Some(Target::Item(module, "*".to_owned()))
                    }
                    target => target,
                });
            }
            for path in &node.source.paths {
                add(self.resolve(at, path, 0));
            }
        }
    }

    /// Reads a file and the files of its children, and gives the module it is.
    fn file(&mut self, file: &Path, children: &Path, parent: usize) -> usize {
        let text = fs::read_to_string(file).unwrap_or_default();
        let source = source::read(&tokens(&text));
        self.module(file, children, parent, source)
    }

    fn module(
        &mut self,
        file: &Path,
        directory: &Path,
        parent: usize,
        mut source: source::Module,
    ) -> usize {
        let own = self.modules.len();
        let files = std::mem::take(&mut source.files);
        let inline = std::mem::take(&mut source.inline);
        self.modules.push(Node {
            file: file.to_owned(),
            parent,
            children: BTreeMap::new(),
            source,
        });
        let mut children = BTreeMap::new();
        for name in files.into_iter().filter(|name| name != "tests") {
            let below = directory.join(&name);
            let candidates = [directory.join(format!("{name}.rs")), below.join("mod.rs")];
            if let Some(file) = candidates.iter().find(|file| file.is_file()) {
                let child = self.file(file, &below, own);
                children.insert(name, child);
            }
        }
        for (name, source) in inline {
            let child = self.module(file, &directory.join(&name), own, source);
            children.insert(name, child);
        }
        if let Some(node) = self.modules.get_mut(own) {
            node.children = children;
        }
        own
    }

    /// What a path in a module leads to. Imports of imports end, so `depth` bounds only circles.
    fn resolve(&self, from: usize, path: &[String], depth: usize) -> Option<Target> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.walk(0, rest, depth),
            "self" => self.walk(from, rest, depth),
            "super" => self.walk(self.modules.get(from)?.parent, rest, depth),
            _ => self.lookup(from, first, rest, depth),
        }
    }

    /// Follows the segments of a path down from a module.
    fn walk(&self, module: usize, path: &[String], depth: usize) -> Option<Target> {
        let Some((first, rest)) = path.split_first() else {
            return Some(Target::Module(module));
        };
        if first == "super" {
            return self.walk(self.modules.get(module)?.parent, rest, depth);
        }
        self.lookup(module, first, rest, depth)
            // Something a macro defines, perhaps: in this module all the same.
            .or_else(|| {
                let imports = &self.modules.get(module)?.source.imports;
                let foreign = imports.iter().any(|import| import.name == *first);
                (!foreign).then(|| Target::Item(module, first.clone()))
            })
    }

    /// What a name is in a module: a child, an import, or its own definition.
    fn lookup(
        &self,
        module: usize,
        name: &String,
        rest: &[String],
        depth: usize,
    ) -> Option<Target> {
        let node = self.modules.get(module)?;
        if let Some(child) = node.children.get(name) {
            return self.walk(*child, rest, depth);
        }
        if node.source.items.contains(name) {
            return Some(Target::Item(module, name.clone()));
        }
        if depth > 16 {
            return None;
        }
        let follow = |import: &Import| match self.resolve(module, &import.path, depth + 1)? {
            Target::Module(imported) => self.walk(imported, rest, depth + 1),
            item => Some(item),
        };
        let imports = &node.source.imports;
        if let Some(import) = imports.iter().find(|import| import.name == *name) {
            return follow(import);
        }
        imports
            .iter()
            .filter(|import| import.name == "*")
            .find_map(
                |import| match self.resolve(module, &import.path, depth + 1)? {
                    Target::Module(all) => self.lookup(all, name, rest, depth + 1),
                    Target::Item(..) => None,
                },
            )
    }
}
