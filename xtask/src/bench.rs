//! The measurements: everything is built as it is shipped, and what the programs found goes into one table and one file.

use std::process::Stdio;

use crate::build::{self, target_directory};
use crate::command::{Failed, run};

/// Measures the SmartModule and the connector. Without a part: both, whole.
pub(crate) fn bench(arguments: &[String]) -> Result<(), Failed> {
    let products = build::optimised_products()?;
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let chosen = arguments.iter().any(|argument| argument == "--part");
    let connector_only = chosen && !has_part(arguments, SMARTMODULE);
    let mut table = products.command("bench-connector");
    table.args(connector_arguments(arguments));
    if !connector_only {
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
        for part in PARTS {
            table.args(["--part", part]);
        }
    }
    let path = target_directory().join("bench.json");
    run(table.arg("--json").arg(&path))?;
    println!("\nfigures: {}", path.display());
    Ok(())
}

/// The connector's parts: all of them.
const PARTS: [&str; 6] = ["idle", "cost", "one-by-one", "pace", "partitions", "outage"];

/// The part that is another program.
const SMARTMODULE: &str = "smartmodule";

fn has_part(arguments: &[String], name: &str) -> bool {
    arguments.windows(2).any(|pair| pair[0] == "--part" && pair[1] == name)
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

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smartmodules_part_is_not_passed_on_to_the_connectors_program() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let arguments = words("--part smartmodule --quick --part cost");
        assert_eq!(connector_arguments(&arguments), words("--quick --part cost"));
        assert!(has_part(&arguments, SMARTMODULE));
    }
}
