//! Finds the programs under test, and builds them when nobody said where they are.
//!
//! `cargo xtask` builds once and names them by environment variables. A plain `cargo test` has no
//! such help, so the first test that needs a program builds it: a stale binary would make the suite
//! lie.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Names the connector's binary.
const CONNECTOR: &str = "CAPILLARY_AEP_SINK";
/// Names the SmartModule's wasm.
const SMARTMODULE: &str = "CAPILLARY_XDM_WASM";
/// Names the wasm of the SmartModule that gives bare events.
const EVENTS: &str = "CAPILLARY_XDM_EVENTS_WASM";

/// A program under test is not to be had.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct ProgramError(String);

/// The target the broker's engine loads.
const WASM: &str = "wasm32-unknown-unknown";

/// The connector's binary.
///
/// # Errors
/// When it cannot be built.
pub fn connector_program() -> Result<PathBuf, ProgramError> {
    static PROGRAM: OnceLock<Result<PathBuf, ProgramError>> = OnceLock::new();
    PROGRAM
        .get_or_init(|| {
            named(CONNECTOR).unwrap_or_else(|| {
                cargo(&["build", "--workspace", "--bins"])?;
                Ok(target()?.join("debug").join(format!(
                    "capillary-aep-sink{}",
                    std::env::consts::EXE_SUFFIX
                )))
            })
        })
        .clone()
}

/// The bytes of the SmartModule.
///
/// # Errors
/// When it cannot be built or read.
pub fn smartmodule_wasm() -> Result<Vec<u8>, ProgramError> {
    static PROGRAM: OnceLock<Result<PathBuf, ProgramError>> = OnceLock::new();
    wasm(&PROGRAM, SMARTMODULE, "smartmodule", "capillary_xdm")
}

/// The bytes of the SmartModule that gives bare events.
///
/// # Errors
/// When it cannot be built or read.
pub fn events_wasm() -> Result<Vec<u8>, ProgramError> {
    static PROGRAM: OnceLock<Result<PathBuf, ProgramError>> = OnceLock::new();
    wasm(
        &PROGRAM,
        EVENTS,
        "smartmodule-events",
        "capillary_xdm_events",
    )
}

fn wasm(
    known: &OnceLock<Result<PathBuf, ProgramError>>,
    variable: &str,
    command: &str,
    name: &str,
) -> Result<Vec<u8>, ProgramError> {
    let path = known
        .get_or_init(|| {
            named(variable).unwrap_or_else(|| {
                cargo(&["xtask", command])?;
                Ok(target()?.join(format!("{WASM}/release-lto/{name}.wasm")))
            })
        })
        .clone()?;
    std::fs::read(&path).map_err(|error| {
        ProgramError(format!(
            "cannot read the SmartModule {}: {error}; `cargo xtask {command}` builds it",
            path.display()
        ))
    })
}

/// The bytes of a reference point: one of the modules in `tests/modules`.
///
/// # Errors
/// When it cannot be built or read.
pub fn reference_wasm(name: &str) -> Result<Vec<u8>, ProgramError> {
    let path = match named(&format!("CAPILLARY_{}_WASM", name.to_ascii_uppercase())) {
        Some(named) => named?,
        None => {
            let package = format!("reference-{name}");
            let build = [
                "build",
                "--package",
                &package,
                "--target",
                WASM,
                "--profile",
                "release-lto",
            ];
            cargo(&build)?;
            target()?.join(format!("{WASM}/release-lto/reference_{name}.wasm"))
        }
    };
    std::fs::read(&path)
        .map_err(|error| ProgramError(format!("cannot read {}: {error}", path.display())))
}

/// The path an environment variable names, which must exist.
fn named(variable: &str) -> Option<Result<PathBuf, ProgramError>> {
    let path = PathBuf::from(std::env::var_os(variable)?);
    Some(if path.is_file() {
        Ok(path)
    } else {
        Err(ProgramError(format!(
            "{variable} names {}, which is not a file",
            path.display()
        )))
    })
}

fn cargo(arguments: &[&str]) -> Result<(), ProgramError> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(program)
        .current_dir(workspace())
        .args(arguments)
        .status()
        .map_err(|error| ProgramError(format!("cannot start cargo: {error}")))?;
    if status.success() {
        Ok(())
    } else {
        Err(ProgramError(format!(
            "cargo {} failed ({status})",
            arguments.join(" ")
        )))
    }
}

fn workspace() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

/// The target directory this very program was built into.
fn target() -> Result<PathBuf, ProgramError> {
    std::env::current_exe()
        .ok()
        .and_then(|own| {
            own.ancestors()
                .find(|directory| directory.join("CACHEDIR.TAG").is_file())
                .map(Path::to_owned)
        })
        .ok_or_else(|| {
            ProgramError("this program does not stand in a cargo target directory".to_owned())
        })
}
