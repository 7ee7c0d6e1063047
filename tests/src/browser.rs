//! A real browser without a window: Chromium, started for one page at a time.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::timeout;

/// How long one start may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// Milliseconds of the page's own time: some polls. The browser lets it pass as fast as answers
/// come.
const PAGE_TIME: u32 = 9_000;
/// What people see without scrolling, and little enough for a picture in the documentation.
const SIZE: &str = "1000,1060";

/// What the reader's system asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `prefers-color-scheme: light`
    Light,
    /// `prefers-color-scheme: dark`
    Dark,
}

/// The browser cannot be used, or it complains about the page.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    /// It cannot be started, or its files cannot be made.
    #[error("the browser cannot be used: {0}")]
    Io(#[from] io::Error),
    /// It did not end.
    #[error("the browser did not end within {PATIENCE:?}")]
    Stuck,
    /// It ended with an error.
    #[error("the browser ended with {0}")]
    Failed(String),
    /// A script failed, or something was not allowed.
    #[error("the browser complains about the page:\n{0}")]
    Complaint(String),
}

/// A browser with a profile of its own, which ends with it.
#[derive(Debug)]
pub struct Browser {
    program: PathBuf,
    profile: TempDir,
}

impl Browser {
    /// # Errors
    /// When no directory for its profile can be made.
    pub fn new(program: &Path) -> Result<Self, BrowserError> {
        Ok(Self {
            program: program.to_owned(),
            profile: tempfile::tempdir()?,
        })
    }

    /// The page after its scripts have run for some seconds, as HTML. A script error, or anything
    /// that the page's own security policy refused, is an error.
    ///
    /// # Errors
    /// When the browser fails or complains.
    pub async fn page(&self, url: &str) -> Result<String, BrowserError> {
        let output = self.run(&["--dump-dom".to_owned(), url.to_owned()]).await?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// A picture of the page.
    ///
    /// # Errors
    /// When the browser fails or complains.
    pub async fn screenshot(
        &self,
        url: &str,
        scheme: Scheme,
        file: &Path,
    ) -> Result<(), BrowserError> {
        let scheme = match scheme {
            Scheme::Dark => 0,
            Scheme::Light => 1,
        };
        let arguments = [
            format!("--blink-settings=preferredColorScheme={scheme}"),
            format!("--window-size={SIZE}"),
            format!("--screenshot={}", file.display()),
            url.to_owned(),
        ];
        self.run(&arguments).await?;
        // The browser says nothing when it cannot write.
        std::fs::metadata(file)?;
        Ok(())
    }

    async fn run(&self, arguments: &[String]) -> Result<Output, BrowserError> {
        let mut command = Command::new(&self.program);
        command
            .args([
                "--headless=new",
                "--disable-gpu",
                "--hide-scrollbars",
                "--no-first-run",
            ])
            .args(["--enable-logging=stderr", "--v=0"])
            .arg(format!("--virtual-time-budget={PAGE_TIME}"))
            .arg(format!("--user-data-dir={}", self.profile.path().display()));
        if std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) {
            // It refuses to run as root with its sandbox. The page is our own.
            command.arg("--no-sandbox");
        }
        command
            .args(arguments)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = timeout(PATIENCE, command.output())
            .await
            .map_err(|_| BrowserError::Stuck)??;
        let log = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            return Err(BrowserError::Failed(format!("{}:\n{log}", output.status)));
        }
        let complaints: Vec<&str> = log
            .lines()
            .filter(|line| line.contains("CONSOLE"))
            .collect();
        if complaints.is_empty() {
            Ok(output)
        } else {
            Err(BrowserError::Complaint(complaints.join("\n")))
        }
    }
}
