//! The examples of the documentation do what they say.
//!
//! A fenced block that begins with ```` ```sh tested ```` is run by `sh` at the top of the
//! repository, with the connector in the PATH. It must succeed; when a block ```` ```text output
//! ```` follows, each of its lines must be printed, in this order (`…` stands for anything within a
//! line).
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::path::{Path, PathBuf};
use std::process::Command;

use conformance::harness::connector_program;

/// An example and what it prints.
#[derive(Debug)]
struct Example {
    place: String,
    script: String,
    output: Option<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn documents() -> Vec<PathBuf> {
    let of = |directory: PathBuf| {
        std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().path())
    };
    let mut found: Vec<_> = of(root())
        .chain(of(root().join("docs")))
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    found.sort();
    found
}

/// The fenced blocks of a document: line, first line after the fence's marks, content.
fn blocks(text: &str) -> Vec<(usize, String, String)> {
    let mut blocks: Vec<(usize, String, String)> = Vec::new();
    let mut open: Option<(String, String)> = None;
    for (number, line) in text.lines().enumerate() {
        let bare = line.trim_start();
        match &mut open {
            Some((fence, content)) if bare.starts_with(fence.as_str()) => {
                blocks.last_mut().unwrap().2 = std::mem::take(content);
                open = None;
            }
            Some((_, content)) => {
                content.push_str(line);
                content.push('\n');
            }
            None if bare.starts_with("```") => {
                let info = bare.trim_start_matches('`');
                blocks.push((number + 1, info.to_owned(), String::new()));
                open = Some(("`".repeat(bare.len() - info.len()), String::new()));
            }
            None => {}
        }
    }
    blocks
}

fn examples() -> Vec<Example> {
    let mut examples = Vec::new();
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        let blocks = blocks(&text);
        for (index, (line, info, script)) in blocks.iter().enumerate() {
            if info == "sh tested" {
                let output = blocks
                    .get(index + 1)
                    .filter(|(_, info, _)| info == "text output");
                examples.push(Example {
                    place: format!(
                        "{}:{line}",
                        document.strip_prefix(root()).unwrap().display()
                    ),
                    script: script.clone(),
                    output: output.map(|(_, _, content)| content.clone()),
                });
            }
        }
    }
    examples
}

/// Whether a line is what the document says, where `…` stands for anything.
fn fits(said: &str, line: &str) -> bool {
    let mut rest = line;
    let mut pieces = said.split('…');
    let Some(first) = pieces.next() else {
        return false;
    };
    let Some(after) = rest.strip_prefix(first) else {
        return false;
    };
    rest = after;
    let pieces: Vec<&str> = pieces.collect();
    for piece in &pieces {
        let Some(at) = rest.find(piece) else {
            return false;
        };
        rest = &rest[at + piece.len()..];
    }
    rest.is_empty()
        || pieces
            .last()
            .is_some_and(|last| last.is_empty() || line.ends_with(last))
}

#[test]
fn examples_called_tested_work_and_print_what_they_say() {
    let program = connector_program().unwrap();
    let directory = program.parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let examples = examples();
    assert!(
        examples.len() >= 5,
        "only {} examples were found",
        examples.len()
    );
    for example in examples {
        let ran = Command::new("sh")
            .args(["-eu", "-c", &example.script])
            .current_dir(root())
            .env("PATH", format!("{}:{path}", directory.display()))
            .output()
            .unwrap();
        let printed = format!(
            "{}{}",
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr)
        );
        assert!(
            ran.status.success(),
            "{}: {}\n{printed}",
            example.place,
            ran.status
        );
        let mut lines = printed.lines().map(str::trim_end);
        for said in example.output.iter().flat_map(|output| output.lines()) {
            assert!(
                lines.any(|line| fits(said.trim_end(), line)),
                "{}: {said:?} is not printed, or not in this order:\n{printed}",
                example.place
            );
        }
    }
}

#[test]
fn line_fits_only_what_it_says() {
    assert!(fits("a …b", "a 12b") && fits("…", "") && fits("a…", "abc") && fits("a", "a"));
    assert!(
        !fits("a …b", "a 12c") && !fits("a", "ab") && !fits("a…b", "xab") && !fits("a…b", "abc")
    );
}
