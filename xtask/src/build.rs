//! Building what the demo and the tests start: the wasm, the connector, the simulator.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{Failed, run};

/// The target the broker's engine loads.
const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// The built programs.
#[derive(Debug)]
pub(crate) struct Products {
    directory: PathBuf,
    wasm: PathBuf,
}

impl Products {
    /// A command for one of the project's programs, told where the others are.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.program(program));
        self.point_to(&mut command);
        command
    }

    /// Tells a command where the built programs are, so that it neither builds nor guesses.
    pub(crate) fn point_to(&self, command: &mut Command) {
        command
            .env("CAPILLARY_XDM_WASM", &self.wasm)
            .env("CAPILLARY_AEP_SINK", self.program(CONNECTOR));
    }

    fn program(&self, program: &str) -> PathBuf {
        self.directory
            .join(format!("{program}{}", std::env::consts::EXE_SUFFIX))
    }
}

/// The connector's binary.
pub(crate) const CONNECTOR: &str = "capillary-aep-sink";

/// Builds the wasm and some programs, in the profile the tests use.
pub(crate) fn products(programs: &[&str]) -> Result<Products, Failed> {
    let wasm = smartmodule()?;
    let mut command = cargo();
    // The whole workspace's features, as the tests have them: those of a selection of packages
    // would differ, and compile everything twice.
    command.args(["build", "--workspace"]);
    for program in programs {
        command.args(["--bin", program]);
    }
    run(&mut command)?;
    Ok(Products {
        directory: target_directory().join("debug"),
        wasm,
    })
}

/// What is measured besides the wasm, and what measures.
const OPTIMISED: [&str; 4] = [
    CONNECTOR,
    "bench-connector",
    "bench-parts",
    "bench-smartmodule",
];

/// Builds the wasm, and the connector and the programs that measure it as they are shipped.
pub(crate) fn optimised_products() -> Result<Products, Failed> {
    let wasm = smartmodule()?;
    // One selection of packages for all: the connector alone would have other features, and compile
    // most of it twice. Of the other programs each takes minutes to optimise.
    let mut command = cargo();
    command.args([
        "build",
        "--release",
        "--package",
        CONNECTOR,
        "--package",
        "bench",
    ]);
    for program in OPTIMISED {
        command.args(["--bin", program]);
    }
    run(&mut command)?;
    Ok(Products {
        directory: target_directory().join("release"),
        wasm,
    })
}

/// Builds the SmartModule the connector works with, and gives the path of its wasm.
pub(crate) fn smartmodule() -> Result<PathBuf, Failed> {
    module("capillary-xdm")
}

/// Builds the SmartModule that gives bare events, and gives the path of its wasm.
pub(crate) fn events() -> Result<PathBuf, Failed> {
    module("capillary-xdm-events")
}

fn module(package: &str) -> Result<PathBuf, Failed> {
    install_target(WASM_TARGET)?;
    run(cargo().args([
        "build",
        "--package",
        package,
        "--lib",
        "--target",
        WASM_TARGET,
        "--profile",
        "release-lto",
    ]))?;
    Ok(target_directory()
        .join(WASM_TARGET)
        .join("release-lto")
        .join(format!("{}.wasm", package.replace('-', "_"))))
}

/// Adds a target to the toolchain if it is missing: a newcomer's machine has only Rust.
pub(crate) fn install_target(target: &str) -> Result<(), Failed> {
    let libraries = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", target])
        .output()
        .map_err(|error| Failed::new(format!("cannot start rustc: {error}")))?;
    let libraries = String::from_utf8_lossy(&libraries.stdout).trim().to_owned();
    if !libraries.is_empty() && Path::new(&libraries).is_dir() {
        return Ok(());
    }
    run(Command::new("rustup").args(["target", "add", target])).map_err(|_| {
        Failed::new(format!(
            "the Rust target {target} is missing and rustup could not add it; install it the way \
            this Rust was installed"
        ))
    })
}

/// The cargo that runs us, so that one toolchain builds everything.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Where the workspace's `Cargo.toml` is.
pub(crate) fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_owned()
}

/// The one target directory of the workspace.
pub(crate) fn target_directory() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("target"), |directory| root().join(directory))
}
