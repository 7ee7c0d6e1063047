//! The licences of everything that is part of the released binary.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::build::cargo;
use crate::command::{Failed, output};

/// What separates the fields of a line of `cargo tree`; no field holds one.
const FIELD: char = '\t';

/// Packages, and the texts of their licences, as one text.
pub(crate) fn of(target: &str) -> Result<String, Failed> {
    let lines = output(cargo().args([
        "tree",
        "--locked",
        "--package",
        "capillary-aep-sink",
        "--package",
        "capillary-xdm",
        "--package",
        "capillary-xdm-events",
        "--edges",
        "normal",
        "--target",
        target,
        "--prefix",
        "none",
        "--no-dedupe",
        "--format",
        "{p}\t{l}\t{r}",
    ]))?;
    let packages = packages(&String::from_utf8_lossy(&lines));
    if packages.is_empty() {
        return Err(Failed::new("cargo tree lists no dependency"));
    }
    let sources = sources();
    let mut out = String::from(
        "Capillary to Experience Platform contains the following packages. Their licences follow \
        the list.\n\n",
    );
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, licence) in &packages {
        let found = files(&sources, name);
        let note = if found.is_empty() {
            " (ships no licence file)"
        } else {
            ""
        };
        // Writing to a string does not fail.
        let _ = writeln!(out, "{name}: {}{note}", licence.trim());
        for text in found {
            texts.entry(text).or_default().push(name.clone());
        }
    }
    for (text, names) in texts {
        let _ = write!(
            out,
            "\n{}\n{}:\n\n{}\n",
            "=".repeat(100),
            names.join(", "),
            text.trim_end()
        );
    }
    Ok(out)
}

/// Name with version, and licence with repository, of every package that is not of this workspace.
fn packages(tree: &str) -> BTreeMap<String, String> {
    let read = |line: &str| {
        let mut fields = line.split(FIELD);
        let (package, licence) = (fields.next()?, fields.next()?);
        let repository = fields.next().unwrap_or_default();
        // `name v1.2.3 (/path)` is a member of the workspace, `name v1.2.3 (proc-macro)` runs at
        // build time.
        let mut words = package.split(' ');
        let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
        let built_in = words.next().is_none();
        built_in.then(|| {
            (
                format!("{name} {version}"),
                format!("{licence}, {repository}"),
            )
        })
    };
    tree.lines().filter_map(read).collect()
}

/// Where cargo keeps the sources of packages.
fn sources() -> Vec<PathBuf> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| {
            let home = std::env::var_os("HOME")?;
            Some(Path::new(&home).join(".cargo"))
        });
    let registry = home.unwrap_or_default().join("registry").join("src");
    let entries = fs::read_dir(registry).into_iter().flatten();
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect()
}

/// The licence and notice files of a package, read.
fn files(sources: &[PathBuf], package: &str) -> Vec<String> {
    let directory = package.replace(' ', "-");
    let mut found = Vec::new();
    for source in sources {
        let entries = fs::read_dir(source.join(&directory)).into_iter().flatten();
        let mut paths: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect();
        paths.sort();
        let licences = paths.iter().filter(|path| is_licence(path));
        found.extend(
            licences
                .filter_map(|path| fs::read(path).ok())
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        );
    }
    found
}

fn is_licence(path: &Path) -> bool {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    let starts = ["license", "licence", "copying", "notice", "copyright"];
    path.is_file() && starts.iter().any(|start| name.starts_with(start))
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn third_parties_exclude_workspace_members_and_macros() {
        let tree = "own v0.1.0 (/home/me/own)\tApache-2.0\t\nserde v1.0.1\tMIT OR \
            Apache-2.0\thttps://x/serde\nderive v2.0.0 (proc-macro)\tMIT\thttps://x\n\nserde \
            v1.0.1\tMIT OR Apache-2.0\thttps://x/serde\n";
        let packages = packages(tree);
        assert_eq!(packages.len(), 1);
        assert_eq!(
            packages["serde 1.0.1"],
            "MIT OR Apache-2.0, https://x/serde"
        );
    }

    #[test]
    fn licence_is_known_by_its_file_s_name() {
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../LICENSE");
        assert!(is_licence(&own));
        assert!(!is_licence(&own.with_file_name("Cargo.toml")));
    }
}
