//! The SmartModule as the broker gets it: where its wasm lies and how it is read.

use std::path::{Path, PathBuf};

/// Overrides where the wasm is looked for.
pub const WASM_VARIABLE: &str = "CAPILLARY_XDM_WASM";

/// Where `cargo xtask smartmodule` puts it, below the target directory.
const BUILT: &str = "wasm32-unknown-unknown/release-lto/capillary_xdm.wasm";

/// Why there is no wasm to run: the user has not built it yet, or named the wrong file.
#[derive(Debug, thiserror::Error)]
#[error("no SmartModule at {}: `cargo xtask smartmodule` builds it, or {WASM_VARIABLE} names it ({source})", path.display())]
pub struct MissingWasm {
    path: PathBuf,
    source: std::io::Error,
}

/// The file [`smartmodule_wasm`] reads.
pub fn wasm_path() -> PathBuf {
    if let Some(named) = std::env::var_os(WASM_VARIABLE) {
        return PathBuf::from(named);
    }
    // A test binary lies below the target directory, wherever cargo was told to put that.
    let beside_this_program = std::env::current_exe().ok().and_then(|program| {
        program
            .ancestors()
            .map(|folder| folder.join(BUILT))
            .find(|built| built.is_file())
    });
    beside_this_program.unwrap_or_else(|| {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .with_file_name("target")
            .join(BUILT)
    })
}

/// The wasm of the SmartModule, from `CAPILLARY_XDM_WASM` or from the target directory.
pub fn smartmodule_wasm() -> Result<Vec<u8>, MissingWasm> {
    read(wasm_path())
}

fn read(path: PathBuf) -> Result<Vec<u8>, MissingWasm> {
    std::fs::read(&path).map_err(|source| MissingWasm { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_wasm_is_one_line_that_says_what_builds_it() {
        let message = read(PathBuf::from("/nowhere/capillary_xdm.wasm"))
            .unwrap_err()
            .to_string();
        assert!(message.contains("/nowhere/capillary_xdm.wasm"), "{message}");
        assert!(message.contains("`cargo xtask smartmodule` builds it"), "{message}");
        assert_eq!(message.lines().count(), 1);
    }
}
