//! Keeps the README true where it names things of the code.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use capillary_xdm::Params;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// Everything in backticks below a heading, up to the next heading of the same level.
fn code_below(readme: &str, heading: &str) -> Vec<String> {
    let section = readme.split(heading).nth(1).unwrap().split("\n## ").next().unwrap();
    section.split('`').skip(1).step_by(2).map(ToOwned::to_owned).collect()
}

fn rust_files(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn every_test_the_delivery_section_names_exists() {
    let mut files = Vec::new();
    for directory in ["tests/tests", "connector/src", "smartmodule"] {
        rust_files(&root().join(directory), &mut files);
    }
    let code: String = files
        .iter()
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect();
    let readme = read("README.md");
    let promises: Vec<_> = code_below(&readme, "## Delivery semantics")
        .into_iter()
        // Nothing else in that section is this long a name.
        .filter(|name| name.matches('_').count() >= 4)
        .collect();
    assert!(promises.len() >= 10, "{promises:?}");
    for promise in promises {
        assert!(
            code.contains(&format!("fn {promise}()")),
            "the README names `{promise}`, which is no test"
        );
    }
}

#[test]
fn the_parameters_are_those_of_the_smartmodule_package_and_each_is_known() {
    let readme = read("README.md");
    let table = readme
        .split("| parameter | default | meaning |")
        .nth(1)
        .unwrap()
        .split("\n\n")
        .next()
        .unwrap();
    let documented: BTreeSet<&str> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let manifest = read("smartmodule/SmartModule.toml");
    let packaged: BTreeSet<&str> = manifest
        .split("[[params]]")
        .skip(1)
        .filter_map(|param| param.split("name = \"").nth(1)?.split('"').next())
        .collect();
    assert_eq!(documented, packaged);
    for name in documented {
        // An empty value is wrong for every parameter or right, but never "unknown".
        if let Err(error) = Params::from_pairs([(name.to_owned(), String::new())]) {
            assert!(!error.to_string().contains("unknown"), "{error}");
        }
    }
    let unknown = Params::from_pairs([("tennant".to_owned(), "x".to_owned())]).unwrap_err();
    assert!(unknown.to_string().contains("unknown"), "{unknown}");
}

#[test]
fn every_file_the_readme_links_to_exists() {
    let readme = read("README.md");
    for link in readme.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        assert!(root().join(link).exists(), "{link}");
    }
}
