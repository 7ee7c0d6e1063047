//! The measurements: everything is built as it is shipped, and what the programs found goes into
//! one table and one file.

use std::process::Stdio;

use crate::build::{self, target_directory};
use crate::command::{Failed, run};

/// Measures the parts, the SmartModule and the connector; without `--part`: all of it.
pub(crate) fn bench(arguments: &[String]) -> Result<(), Failed> {
    let products = build::optimised_products()?;
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let chosen = arguments.iter().any(|argument| argument == "--part");
    let asked = |part: &str| !chosen || has_part(arguments, part);
    if asked(PARTS) {
        println!("measuring: the parts by themselves, natively");
        let mut command = products.command("bench-parts");
        // Otherwise it takes itself for tested, and does not measure.
        command.arg(if quick { "--test" } else { "--bench" });
        run(&mut command)?;
    }
    let connector_arguments = connector_arguments(arguments);
    let connector = connector_arguments
        .iter()
        .any(|argument| argument == "--part");
    if chosen && !connector && !asked(SMARTMODULE) {
        return Ok(());
    }
    let mut table = products.command("bench-connector");
    table.args(connector_arguments);
    if asked(SMARTMODULE) {
        let path = target_directory().join("bench-smartmodule.json");
        let mut command = products.command("bench-smartmodule");
        if quick {
            command.arg("--quick");
        }
        // Its figures are told in the one table.
        command.stdout(Stdio::null()).arg("--json").arg(&path);
        println!("measuring: the SmartModule in the broker's own engine");
        run(&mut command)?;
        table.arg("--smartmodule").arg(path);
    }
    if !chosen {
        for part in CONNECTOR {
            table.args(["--part", part]);
        }
    }
    let path = target_directory().join("bench.json");
    run(table.arg("--json").arg(&path))?;
    println!("\nfigures: {}", path.display());
    Ok(())
}

/// The connector's parts: all of them.
const CONNECTOR: [&str; 6] = ["idle", "cost", "one-by-one", "pace", "partitions", "outage"];

/// The parts that are other programs.
const SMARTMODULE: &str = "smartmodule";
const PARTS: &str = "parts";

fn has_part(arguments: &[String], name: &str) -> bool {
    arguments
        .windows(2)
        .any(|pair| pair[0] == "--part" && pair[1] == name)
}

/// Everything but the parts that are other programs.
fn connector_arguments(arguments: &[String]) -> Vec<String> {
    let mut rest = arguments.to_vec();
    while let Some(at) = rest
        .windows(2)
        .position(|pair| pair[0] == "--part" && [SMARTMODULE, PARTS].contains(&pair[1].as_str()))
    {
        rest.drain(at..at + 2);
    }
    rest
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_other_programs_are_not_passed_on_to_the_connectors() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let arguments = words("--part smartmodule --quick --part cost --part parts");
        assert_eq!(
            connector_arguments(&arguments),
            words("--quick --part cost")
        );
        assert!(has_part(&arguments, SMARTMODULE));
    }
}
