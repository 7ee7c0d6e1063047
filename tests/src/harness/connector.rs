//! The connector as a process: started as cdk starts it, stopped by signals, its log kept.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::programs::{ProgramError, connector_program};

/// A connector could not be driven.
#[derive(Debug, thiserror::Error)]
pub enum ConnectorError {
    /// The binary is not there.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// Its files could not be written, or it could not be started or signalled.
    #[error("cannot {action}: {source}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// It does not say where it can be observed.
    #[error("the connector's log does not say where it can be observed:\n{0}")]
    NotObserved(String),
    /// It did not end within the time given.
    #[error("the connector did not end within {0:?}; its log:\n{1}")]
    StillRunning(Duration, String),
}

fn io(action: &'static str) -> impl FnOnce(std::io::Error) -> ConnectorError {
    move |source| ConnectorError::Io { action, source }
}

/// How a connector ended.
#[derive(Debug)]
pub struct Exit {
    /// Its status.
    pub status: ExitStatus,
    /// All it printed.
    pub log: String,
}

/// A running connector. Killed when dropped.
#[derive(Debug)]
pub struct Connector {
    child: Child,
    log: PathBuf,
    // Holds the configuration, the secrets and the log until the end.
    _directory: TempDir,
}

impl Connector {
    /// Starts the connector with a configuration and secrets, against the cluster of a Fluvio
    /// profile file.
    ///
    /// # Errors
    /// When the binary is missing or cannot be started.
    pub fn start(
        configuration: &str,
        secrets: &str,
        profile: &Path,
    ) -> Result<Self, ConnectorError> {
        Self::start_with(configuration, secrets, profile, &[])
    }

    /// Starts the connector with environment variables besides the usual ones.
    ///
    /// # Errors
    /// When the binary is missing or cannot be started.
    pub fn start_with(
        configuration: &str,
        secrets: &str,
        profile: &Path,
        environment: &[(&str, OsString)],
    ) -> Result<Self, ConnectorError> {
        let directory = tempfile::tempdir().map_err(io("make a directory"))?;
        let config_file = directory.path().join("connector.yaml");
        let secrets_file = directory.path().join("secrets.txt");
        let log = directory.path().join("connector.log");
        std::fs::write(&config_file, configuration).map_err(io("write the configuration"))?;
        std::fs::write(&secrets_file, secrets).map_err(io("write the secrets"))?;
        let output = File::create(&log).map_err(io("make the log"))?;
        let errors = output.try_clone().map_err(io("make the log"))?;
        let child = Command::new(connector_program()?)
            .arg("--config")
            .arg(&config_file)
            .arg("--secrets")
            .arg(&secrets_file)
            .env("FLV_PROFILE_PATH", profile)
            .env("RUST_LOG", "info,capillary_aep_sink=debug")
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .kill_on_drop(true)
            .spawn()
            .map_err(io("start the connector"))?;
        Ok(Self {
            child,
            log,
            _directory: directory,
        })
    }

    /// What it printed so far.
    pub fn log(&self) -> String {
        std::fs::read(&self.log).map_or_else(
            |error| format!("(no log: {error})"),
            |bytes| String::from_utf8_lossy(&bytes).into_owned(),
        )
    }

    /// Its process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Whether it still runs.
    ///
    /// # Errors
    /// When the system will not say.
    pub fn is_running(&mut self) -> Result<bool, ConnectorError> {
        self.child
            .try_wait()
            .map(|status| status.is_none())
            .map_err(io("ask for the connector's status"))
    }

    /// Sends a signal by its name, such as `TERM`.
    ///
    /// # Errors
    /// When the process is gone.
    pub async fn signal(&self, name: &str) -> Result<(), ConnectorError> {
        let gone = || ConnectorError::Io {
            action: "signal the connector",
            source: std::io::ErrorKind::NotFound.into(),
        };
        let id = self.child.id().ok_or_else(gone)?;
        let status = Command::new("kill")
            .args([format!("-{name}"), id.to_string()])
            .status()
            .await
            .map_err(io("signal the connector"))?;
        if status.success() {
            Ok(())
        } else {
            Err(gone())
        }
    }

    /// Kills it without a warning, as a crash would.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn kill(mut self) -> Result<String, ConnectorError> {
        self.child.kill().await.map_err(io("kill the connector"))?;
        Ok(self.log())
    }

    /// Asks it to stop, and waits for its end.
    ///
    /// # Errors
    /// When it does not end in time.
    pub async fn stop(self, within: Duration) -> Result<Exit, ConnectorError> {
        self.signal("TERM").await?;
        self.wait(within).await
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it does not end in time.
    pub async fn wait(mut self, within: Duration) -> Result<Exit, ConnectorError> {
        match timeout(within, self.child.wait()).await {
            Ok(status) => Ok(Exit {
                status: status.map_err(io("wait for the connector"))?,
                log: self.log(),
            }),
            Err(_) => Err(ConnectorError::StillRunning(within, self.log())),
        }
    }
}
