//! The connector's status page, looked at with a real browser.

use std::path::Path;
use std::process::Command;

use crate::build::{self, target_directory};
use crate::command::{Failed, exists, run};

/// Names of Chromium and its relatives; the page is checked with the first one there is.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// `cargo xtask page`: checks the page; without a browser that is an error. Pictures go to
/// `--screenshots`.
pub(crate) fn check(arguments: &[String]) -> Result<(), Failed> {
    let browser = browser()
        .ok_or_else(|| Failed::new("no Chromium is installed, and it could not be installed"))?;
    let screenshots = match arguments {
        [] => target_directory().join("page").into_os_string(),
        [option, directory] if option == "--screenshots" => directory.into(),
        _ => return Err(Failed::new("page takes nothing but --screenshots DIR")),
    };
    let products = build::products(&["check-page", build::CONNECTOR])?;
    run(products
        .command("check-page")
        .args(["--browser", browser])
        .arg("--screenshots")
        .arg(screenshots))
}

/// The same as a gate of CI. A machine without a browser can still check everything else, and is
/// told so.
pub(crate) fn gate() -> Result<(), Failed> {
    if browser().is_none() {
        println!(
            "xtask: there is no Chromium here and it cannot be installed; the status page was NOT \
            checked"
        );
        return Ok(());
    }
    check(&[])
}

/// A browser; on Debian as root, it is installed if it is missing.
fn browser() -> Option<&'static str> {
    let installed = || {
        BROWSERS
            .into_iter()
            .find(|browser| exists(browser, "--version"))
    };
    installed().or_else(|| {
        if !is_root() || !Path::new("/etc/debian_version").exists() {
            return None;
        }
        let apt = |arguments: &[&str]| {
            run(Command::new("apt-get")
                .env("DEBIAN_FRONTEND", "noninteractive")
                .args(arguments))
        };
        let install = ["install", "--yes", "--no-install-recommends", "chromium"];
        if apt(&install).is_err() {
            // The lists may be missing, as in a container's image, or old.
            apt(&["update"]).and_then(|()| apt(&install)).ok()?;
        }
        installed()
    })
}

fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
