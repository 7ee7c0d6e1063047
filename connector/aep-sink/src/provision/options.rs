//! How a set-up is to be, and whom a run talks to.

use std::path::PathBuf;
use std::time::Duration;

/// Where a run says what it does, and asks.
pub trait Desk {
    /// Shows a line.
    fn say(&mut self, line: &str);
    /// Asks whether to go on.
    fn agrees(&mut self, question: &str) -> bool;
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Shows what is there and what would be made.
    Plan,
    /// Makes what is not there.
    Apply,
    /// As a plan; what is missing or differs is a failure.
    Check,
    /// Takes back what the state file says was made.
    Destroy,
}

/// How a set-up is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What to do.
    pub mode: Mode,
    /// Where the services are.
    pub platform_url: String,
    /// The sandbox; without one, that of the configuration, or else the default one.
    pub sandbox: Option<String>,
    /// What every name begins with.
    pub prefix: String,
    /// Whether the tenant's own fields are set up.
    pub tenant: bool,
    /// Whether profiles are.
    pub profiles: bool,
    /// The secrets of an administrator's credential, under the names the configuration has.
    pub admin_secrets: Option<PathBuf>,
    /// The state file; without one, it is beside the configuration.
    pub state: Option<PathBuf>,
    /// Shows the configuration instead of writing it.
    pub print: bool,
    /// What stays for good is agreed to beforehand.
    pub yes: bool,
    /// How long new flows get.
    pub wait: Duration,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All is as it should be, or was shown.
    Done,
    /// Something is missing or differs, or another try may do.
    Failed,
    /// Somebody must change something.
    Refused,
}
