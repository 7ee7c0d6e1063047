//! The checks: tests, and the gates of CI.

use std::num::NonZeroUsize;
use std::process::Command;

use crate::build::{self, cargo, target_directory};
use crate::command::{Failed, exists, run};
use crate::{modules, page};

/// The release of cargo-deny the gates were written for.
const DENY_VERSION: &str = "0.20.2";

/// Builds the client for containers into the suites.
const DOCKER: [&str; 2] = ["--features", "conformance/docker"];

/// Every test. Uses nextest where it is installed, plain `cargo test` elsewhere.
pub(crate) fn test(filter: &[String]) -> Result<(), Failed> {
    let products = build::products(&[build::CONNECTOR])?;
    let nextest = exists("cargo-nextest", "--version");
    let mut tests = cargo();
    if nextest {
        tests.args(["nextest", "run", "--workspace", "--no-fail-fast"]);
    } else {
        tests.args(["test", "--workspace", "--no-fail-fast"]);
    }
    if std::env::var("FLUVIO_TEST_CLUSTER").is_ok_and(|cluster| cluster.starts_with("docker")) {
        tests.args(DOCKER);
    }
    let runner_threads = if nextest {
        "NEXTEST_TEST_THREADS"
    } else {
        "RUST_TEST_THREADS"
    };
    if std::env::var_os(runner_threads).is_none() {
        // End-to-end tests mostly wait: for a timeout, a lease, a restart.
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        tests.env(runner_threads, (2 * cores).to_string());
    }
    products.point_to(&mut tests);
    tests.env("CAPILLARY_XDM_EVENTS_WASM", build::events()?);
    run(tests.args(filter))?;
    if nextest && filter.is_empty() {
        // nextest does not run the examples in the documentation.
        run(cargo().args(["test", "--workspace", "--doc"]))?;
    }
    Ok(())
}

/// What CI runs.
pub(crate) fn all() -> Result<(), Failed> {
    modules::check()?;
    test(&[])?;
    page::gate()?;
    run(cargo().args(["fmt", "--all", "--check"]))?;
    run(cargo()
        .args(["clippy", "--workspace", "--all-targets"])
        // The client for containers adds packages and changes no feature of the others.
        .args(DOCKER)
        .args(["--", "--deny", "warnings"]))?;
    run(cargo()
        .args([
            "doc",
            "--workspace",
            "--no-deps",
            "--document-private-items",
        ])
        .env("RUSTDOCFLAGS", "--deny warnings"))?;
    deny()
}

/// Licences, bans, sources and advisories of the dependencies.
fn deny() -> Result<(), Failed> {
    let tools = target_directory().join("tools");
    let program = tools
        .join("bin")
        .join(format!("cargo-deny{}", std::env::consts::EXE_SUFFIX));
    if !program.exists() {
        // Not optimised: it runs for seconds, and optimising it takes minutes.
        run(cargo()
            .args([
                "install",
                "cargo-deny",
                "--version",
                DENY_VERSION,
                "--locked",
                "--debug",
                "--root",
            ])
            .arg(&tools))?;
    }
    let check = |what: &[&str]| {
        let mut command = Command::new(&program);
        command
            .current_dir(build::root())
            .args(["--all-features", "check"])
            .args(what);
        command
    };
    run(&mut check(&["bans", "licenses", "sources"]))?;
    if advisories_reachable() {
        run(&mut check(&["advisories"]))
    } else {
        println!(
            "xtask: the advisory database (github.com) cannot be reached from here; advisories \
            were NOT checked"
        );
        Ok(())
    }
}

/// The advisory database is a git repository; a machine without that network can still check
/// everything else.
fn advisories_reachable() -> bool {
    Command::new("git")
        .args([
            "ls-remote",
            "--heads",
            "https://github.com/RustSec/advisory-db",
            "main",
        ])
        .env("GIT_TERMINAL_PROMPT", "0")
        .output()
        .is_ok_and(|output| output.status.success())
}
