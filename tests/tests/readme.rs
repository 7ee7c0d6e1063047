//! Keeps the documents true where they name things of the code.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use capillary_xdm::Params;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
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
fn tests_named_by_the_delivery_page_exist() {
    let mut files = Vec::new();
    for directory in ["tests", "connector", "smartmodule"] {
        rust_files(&root().join(directory), &mut files);
    }
    let code: String = files
        .iter()
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect();
    let page = read("docs/delivery.md");
    let promises: Vec<&str> = page
        .split('`')
        .skip(1)
        .step_by(2)
        // Nothing else on that page is this long a name.
        .filter(|name| name.matches('_').count() >= 3 && !name.starts_with("capillary_aep_"))
        .collect();
    assert!(promises.len() >= 50, "{promises:?}");
    for promise in promises {
        assert!(
            code.contains(&format!("fn {promise}()")),
            "the documentation names `{promise}`, which is no test"
        );
    }
}

#[test]
fn parameters_are_those_of_the_smartmodule_package() {
    let document = read("docs/configuration.md");
    let table = document
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

/// Links of every document lead to files of the repository, and to headings that are there.
#[test]
fn links_of_the_documents_lead_somewhere() {
    let mut documents = vec![
        root().join("README.md"),
        root().join("CONTRIBUTING.md"),
        root().join("SECURITY.md"),
    ];
    for entry in std::fs::read_dir(root().join("docs")).unwrap() {
        documents.push(entry.unwrap().path());
    }
    let anchor = |heading: &str| -> String {
        heading
            .trim_start_matches('#')
            .trim()
            .to_lowercase()
            .chars()
            .filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter))
            .map(|letter| if letter == ' ' { '-' } else { letter })
            .collect()
    };
    let mut links = 0;
    for document in documents
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
    {
        let text = std::fs::read_to_string(document).unwrap();
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            if link.contains("://") {
                continue;
            }
            let (file, heading) = link
                .split_once('#')
                .map_or((link, None), |(file, heading)| (file, Some(heading)));
            let target = if file.is_empty() {
                document.clone()
            } else {
                document.parent().unwrap().join(file)
            };
            assert!(target.exists(), "{}: {link}", document.display());
            if let Some(heading) = heading {
                let text = std::fs::read_to_string(&target).unwrap();
                let found = text
                    .lines()
                    .any(|line| line.starts_with('#') && anchor(line) == heading);
                assert!(found, "{}: {link}", document.display());
            }
            links += 1;
        }
    }
    assert!(links > 20, "only {links} links were found");
}

/// The exit codes the README and the operators' page list are those of the help text and of the
/// code.
#[test]
fn exit_codes_are_the_same_wherever_they_are_listed() {
    let help = read("connector/src/cli.rs");
    let help = help
        .split("Exit codes: ")
        .nth(1)
        .unwrap()
        .split('.')
        .next()
        .unwrap()
        .to_owned();
    let told: BTreeSet<String> = help
        .split(';')
        .filter_map(|code| code.split_whitespace().next().map(ToOwned::to_owned))
        .collect();
    let table = |text: &str| -> BTreeSet<String> {
        let rows = text
            .split("| exit code |")
            .nth(1)
            .unwrap()
            .split("\n\n")
            .next()
            .unwrap();
        rows.lines()
            .filter_map(|line| line.strip_prefix("| ")?.split(' ').next())
            .filter(|cell| cell.chars().all(|letter| letter.is_ascii_digit()))
            .map(ToOwned::to_owned)
            .collect()
    };
    assert_eq!(table(&read("README.md")), told);
    assert_eq!(table(&read("docs/troubleshooting.md")), told);
    let mut code = BTreeSet::from(["0".to_owned(), "1".to_owned()]);
    let mut files = Vec::new();
    rust_files(&root().join("connector"), &mut files);
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        for opening in [
            "ExitCode::from(",
            "const EXIT_USER: u8 = ",
            "const EXIT_ANOTHER_LOG: u8 = ",
            "const EXIT_OTHER: u8 = ",
            "const WRONG: u8 = ",
        ] {
            let digits = text.split(opening).skip(1).map(|rest| {
                rest.chars()
                    .take_while(char::is_ascii_digit)
                    .collect::<String>()
            });
            code.extend(digits.filter(|digits| !digits.is_empty()));
        }
    }
    assert_eq!(code, told);
}
