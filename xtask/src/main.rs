//! The project's commands, in one list: `cargo xtask help`.
//!
//! Written on the standard library alone, so that the first command of a newcomer starts at once.

mod bench;
mod build;
mod build_times;
mod ci;
mod command;
mod dist;
mod fuzz;
mod licences;
mod modules;
mod page;

use std::process::ExitCode;

use command::Failed;

const HELP: &str = "\
Commands:
  cargo xtask demo [--events N] [--json]   the main job, end to end, on this machine
  cargo xtask soak [--minutes N] [--seed S] [--json]   random faults for as long as asked, and the account
  cargo xtask simulator [--port P] …       a simulated Experience Platform, and the section of connector.yaml that points to it
  cargo xtask test [FILTER…]               every test, after building the SmartModule
  cargo xtask smartmodule                  build the SmartModule's wasm and print its path
  cargo xtask smartmodule-events           the same for capillary-xdm-events
  cargo xtask bench [--quick] [--part NAME…]   what it costs, against reference points; parts: parts (micro-benchmarks),
                                           smartmodule, idle, cost, one-by-one, pace, partitions, outage; figures in
                                           target/bench.json
  cargo xtask fuzz [--seconds N]           every fuzz target for N seconds (60), and how much was tried
  cargo xtask dist [--target TRIPLE]       the release archive: static Linux binary, SmartModules, samples, licences
  cargo xtask page [--screenshots DIR]     the connector's status page in a real browser (Chromium)
  cargo xtask build-times [NAME…]          how long a fresh clone takes: demo, test, ci, edit (the second test)
  cargo xtask modules                      circles between source files, crowded folders, mixed styles of modules
  cargo xtask ci                           what CI runs: modules, test, page, fmt, clippy, docs, deny
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let result = match command.as_str() {
        "demo" => play("demo", &rest),
        "soak" => play("soak", &rest),
        "simulator" => play("aep-simulator", &rest),
        "test" => ci::test(&rest),
        "smartmodule" => build::smartmodule().map(|path| println!("{}", path.display())),
        "bench" => bench::bench(&rest),
        "smartmodule-events" => build::events().map(|path| println!("{}", path.display())),
        "fuzz" => fuzz::run(&rest),
        "dist" => dist::run_dist(&rest),
        "page" => page::check(&rest),
        "modules" => modules::check(),
        "ci" => ci::all(),
        "build-times" => build_times::measure(&rest),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        unknown => Err(Failed::new(format!(
            "unknown command '{unknown}'\n\n{HELP}"
        ))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => failed.report(),
    }
}

/// Builds a program and what it starts, then becomes it.
fn play(program: &str, arguments: &[String]) -> Result<(), Failed> {
    let products = build::products(&[program, build::CONNECTOR])?;
    command::run(products.command(program).args(arguments))
}
