//! The shape of the sources: no circles between files, small folders, one style of modules.
//!
//! A file uses another one when it names something that is defined there: in a `use`, or by a path
//! in code. Handing a name on (`mod`, `pub use`) is not a use, and tests do not count.

mod crates;
mod edges;
mod folders;
mod source;
#[cfg(test)]
mod tests;
mod tokens;

use std::path::Path;

use crate::build::root;
use crate::command::Failed;
use crates::Crate;
use edges::Edges;

/// Prints what is wrong with the shape of the sources; fails if anything is.
pub(crate) fn check() -> Result<(), Failed> {
    let problems = problems(&root());
    for problem in &problems {
        println!("{problem}");
    }
    match problems.len() {
        0 => Ok(()),
        count => Err(Failed::new(format!("modules: {count} problems"))),
    }
}

/// Everything that is wrong below a root, one text each.
fn problems(root: &Path) -> Vec<String> {
    let folders = folders::sources(root);
    let mut edges = Edges::default();
    for file in folders.values().flatten().filter(|file| is_crate(file)) {
        Crate::read(file).add_edges(&mut edges);
    }
    let circle = |circle| {
        let ties = edges.ties(&circle, root).join("\n  ");
        format!("circle of {} files:\n  {ties}", circle.len())
    };
    let mut problems: Vec<String> = edges.circles().into_iter().map(circle).collect();
    problems.extend(folders::problems(root, &folders));
    problems
}

/// Whether a file is the root of a crate: `src/lib.rs`, `src/main.rs`, `src/bin/*`.
fn is_crate(file: &Path) -> bool {
    let words: Vec<_> = file
        .iter()
        .rev()
        .map(|word| word.to_string_lossy())
        .collect();
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).take(4).collect();
    let package = |up| {
        let directory: Option<&Path> = file.ancestors().nth(up);
        directory.is_some_and(|directory| directory.join("Cargo.toml").is_file())
    };
    match words.as_slice() {
        ["lib.rs" | "main.rs", "src", ..] => package(2),
        [_, "bin", "src", ..] => package(3),
        ["main.rs", _, "bin", "src"] => package(4),
        _ => false,
    }
}
