use std::fs;
use std::path::PathBuf;

use super::problems;
use super::tokens::tokens;

/// A package of these files, in a folder of its own.
fn package(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let root = crate::build::target_directory()
        .join("tmp")
        .join("xtask-modules")
        .join(name);
    let _ = fs::remove_dir_all(&root);
    for (path, text) in files.iter().chain(&[("Cargo.toml", "")]) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

fn problems_of(name: &str, files: &[(&str, &str)]) -> Vec<String> {
    problems(&package(name, files))
}

#[test]
fn circle_of_use_lines_is_reported_with_its_ties() {
    let problems = problems_of(
        "use-lines",
        &[
            ("src/lib.rs", "mod a;\nmod b;\nmod c;\n"),
            (
                "src/a.rs",
                "use crate::{b::{One, two as other}, c::Leaf};\npub struct A;\n",
            ),
            (
                "src/b.rs",
                "use super::a::A;\npub struct One;\npub fn two() {}\n",
            ),
            ("src/c.rs", "pub struct Leaf;\n"),
        ],
    );
    let expected =
        "circle of 2 files:\n  src/a.rs -> src/b.rs: One, two\n  src/b.rs -> src/a.rs: A";
    assert_eq!(problems, [expected]);
}

#[test]
fn circle_of_paths_in_code_is_reported() {
    let problems = problems_of(
        "paths",
        &[
            ("src/main.rs", "mod a;\nmod b;\nfn main() { a::run() }\n"),
            (
                "src/a.rs",
                "use crate::b;\npub fn run() { b::inner::go() }\n",
            ),
            ("src/b/mod.rs", "pub mod inner;\n"),
            ("src/b/inner.rs", "pub fn go() { super::super::a::run() }\n"),
        ],
    );
    let ties = "src/a.rs -> src/b/inner.rs: go\n  src/b/inner.rs -> src/a.rs: run";
    assert_eq!(problems, [format!("circle of 2 files:\n  {ties}")]);
}

#[test]
fn reexported_names_lead_to_the_file_that_defines_them() {
    let files = |extra: &'static str| {
        [
            ("src/lib.rs", "pub mod folder;\n"),
            ("src/folder/mod.rs", extra),
            (
                "src/folder/one.rs",
                "use super::Two;\npub struct One(Two);\n",
            ),
            ("src/folder/two.rs", "pub struct Two;\n"),
        ]
    };
    let reexports = "mod one;\nmod two;\npub use one::One;\npub(crate) use two::*;\n";
    assert_eq!(
        problems_of("reexports", &files(reexports)),
        Vec::<String>::new()
    );
    let both = "mod one;\npub use one::One;\npub struct Two;\npub fn new() -> One { todo!() }\n";
    let ties = "src/folder/mod.rs -> src/folder/one.rs: One\n  \
                src/folder/one.rs -> src/folder/mod.rs: Two";
    let problems = problems_of("own-use", &files(both));
    assert_eq!(problems, [format!("circle of 2 files:\n  {ties}")]);
}

#[test]
fn tests_comments_and_strings_are_no_use() {
    let a = "//! crate::b::B\n/* a /* nested */ crate::b::B */\n\
             pub const A: &str = \"crate::b::B\"; const Q: char = '\"';\n\
             const R: &str = r#\"\" crate::b::B\"#;\n#[cfg(test)]\nuse crate::b::B;\n\
             #[cfg(test)]\n#[derive(Debug)]\nstruct T { b: crate::b::B }\n\
             struct S<'a> { #[cfg(test)] one: crate::b::B, two: &'a str }\n\
             #[cfg(test)]\nmod tests { use crate::b::B; fn t() { {} } }\n";
    let problems = problems_of(
        "tests",
        &[
            ("src/lib.rs", "mod a;\nmod b;\n"),
            ("src/a.rs", a),
            (
                "src/b/mod.rs",
                "use crate::a::A;\npub struct B;\n#[cfg(test)]\nmod tests;\n",
            ),
            ("src/b/tests.rs", "use super::B;\n"),
        ],
    );
    assert_eq!(problems, Vec::<String>::new());
}

#[test]
fn paths_in_attributes_are_uses() {
    let problems = problems_of(
        "attributes",
        &[
            ("src/lib.rs", "mod a;\nmod b;\n"),
            (
                "src/a.rs",
                "use crate::b;\n#[serde(with = \"b::one\", len = b::TWO)]\npub struct A;\n",
            ),
            (
                "src/b.rs",
                "pub fn one(a: super::a::A) {}\npub const TWO: u8 = 2;\n",
            ),
        ],
    );
    let ties = "src/a.rs -> src/b.rs: TWO, one\n  src/b.rs -> src/a.rs: A";
    assert_eq!(problems, [format!("circle of 2 files:\n  {ties}")]);
}

#[test]
fn code_after_a_test_item_is_read() {
    let a = "#[cfg(test)]\nfn t() {}\npub struct A(crate::b::B);\n\
             #[cfg(not(test))]\nuse super::b::C;\n";
    let problems = problems_of(
        "after",
        &[
            ("src/lib.rs", "mod a;\nmod b;\n"),
            ("src/a.rs", a),
            (
                "src/b.rs",
                "pub struct B(Box<super::a::A>);\npub struct C;\n",
            ),
        ],
    );
    let ties = "src/a.rs -> src/b.rs: B, C\n  src/b.rs -> src/a.rs: A";
    assert_eq!(problems, [format!("circle of 2 files:\n  {ties}")]);
}

#[test]
fn folders_hold_few_files_and_modules_one_style() {
    let mut files = vec![("src/lib.rs", ""), ("src/a.rs", ""), ("src/a/b.rs", "")];
    let names: Vec<String> = (0..11).map(|at| format!("src/f{at}.rs")).collect();
    files.extend(names.iter().map(|name| (name.as_str(), "")));
    let problems = problems_of("folders", &files);
    let expected = [
        "src: 13 files, at most 12",
        "src/a.rs is beside src/a/: move it to src/a/mod.rs",
    ];
    assert_eq!(problems, expected);
}

#[test]
fn tokens_are_words_and_punctuation() {
    let source = "fn f<'a>(x: &'a str) -> char { b\"\\\"\"; '\\'' ; 'x' ; a::B } // end";
    let expected = "fn f < > ( x : & str ) - > char { ; ; ; a :: B }";
    assert_eq!(tokens(source).join(" "), expected);
}
