//! The measurements: everything is built as it is shipped, and what each program found goes into one file.

use std::path::{Path, PathBuf};

use crate::build::{self, target_directory};
use crate::command::{Failed, run};

/// Measures the SmartModule and the connector. Without a part: both, whole.
pub(crate) fn bench(arguments: &[String]) -> Result<(), Failed> {
    let products = build::optimised_products()?;
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let chosen = arguments.iter().any(|argument| argument == "--part");
    let connector_only = chosen && !has_part(arguments, SMARTMODULE);
    let smartmodule_only = chosen && connector_parts(arguments).is_empty();
    let figures = |name: &str| target_directory().join(format!("bench-{name}.json"));
    let mut found = Vec::new();
    if !connector_only {
        let path = figures("smartmodule");
        let mut command = products.command("bench-smartmodule");
        if quick {
            command.arg("--quick");
        }
        println!("\nthe SmartModule in the broker's own engine");
        run(command.arg("--json").arg(&path))?;
        found.push(("smartmodule", path));
    }
    if !smartmodule_only {
        let path = figures("connector");
        println!("\nthe connector, against a simulated platform");
        run(products
            .command("bench-connector")
            .args(connector_arguments(arguments))
            .arg("--json")
            .arg(&path))?;
        found.push(("connector", path));
    }
    join(&found, &target_directory().join("bench.json"))
}

/// The part that is another program.
const SMARTMODULE: &str = "smartmodule";

fn has_part(arguments: &[String], name: &str) -> bool {
    arguments.windows(2).any(|pair| pair[0] == "--part" && pair[1] == name)
}

/// The parts of the connector that are asked for.
fn connector_parts(arguments: &[String]) -> Vec<&String> {
    let parts = arguments.windows(2).filter(|pair| pair[0] == "--part");
    parts.map(|pair| &pair[1]).filter(|part| *part != SMARTMODULE).collect()
}

/// Everything but the part that is another program.
fn connector_arguments(arguments: &[String]) -> Vec<String> {
    let mut rest = arguments.to_vec();
    while let Some(at) = rest
        .windows(2)
        .position(|pair| pair[0] == "--part" && pair[1] == SMARTMODULE)
    {
        rest.drain(at..at + 2);
    }
    rest
}

/// Puts JSON files together as the members of one object.
fn join(files: &[(&str, PathBuf)], into: &Path) -> Result<(), Failed> {
    let failed = |path: &Path, error: std::io::Error| Failed::new(format!("{}: {error}", path.display()));
    let mut members = Vec::new();
    for (name, path) in files {
        let text = std::fs::read_to_string(path).map_err(|error| failed(path, error))?;
        members.push(format!("\"{name}\": {}", text.trim()));
    }
    let text = format!("{{\n{}\n}}\n", members.join(",\n"));
    std::fs::write(into, text).map_err(|error| failed(into, error))?;
    println!("\nfigures: {}", into.display());
    Ok(())
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smartmodules_part_is_not_passed_on_to_the_connectors_program() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let arguments = words("--part smartmodule --quick --part cost");
        assert_eq!(connector_arguments(&arguments), words("--quick --part cost"));
        assert_eq!(connector_parts(&arguments), ["cost"]);
        assert!(has_part(&arguments, SMARTMODULE));
    }
}
