//! What `provision` takes, and the terminal it talks to.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use capillary_aep_sink::provision::{Desk, Mode, Options, settle};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;

/// What `provision` takes.
#[derive(Debug, PartialEq, Eq, Args)]
pub(crate) struct ProvisionArgs {
    /// The configuration, YAML.
    #[arg(long, value_name = "PATH")]
    pub(crate) config: PathBuf,
    /// Values of its secrets, lines NAME=VALUE; without it, they come from the environment.
    #[arg(long, value_name = "PATH")]
    pub(crate) secrets: Option<PathBuf>,
    /// Makes what is not there, and writes what it found and made into the configuration.
    #[arg(long, conflicts_with_all = ["check", "destroy"])]
    apply: bool,
    /// Fails when something is missing, or the configuration says something else.
    #[arg(long, conflicts_with = "destroy")]
    check: bool,
    /// Takes back what the state file says provisioning made.
    #[arg(long)]
    destroy: bool,
    /// Agrees beforehand to what stays for good, or to what is taken back.
    #[arg(long)]
    yes: bool,
    /// The sandbox; by default that of the configuration, or else the organization's default.
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    sandbox: Option<String>,
    /// What every name begins with.
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "Capillary Loyalty",
        value_parser = NonEmptyStringValueParser::new()
    )]
    prefix: String,
    /// Without the organization's own fields.
    #[arg(long)]
    no_tenant: bool,
    /// Events only.
    #[arg(long)]
    no_profiles: bool,
    /// The secrets of an administrator's credential, under the names that the configuration has.
    #[arg(long, value_name = "PATH")]
    admin_secrets: Option<PathBuf>,
    /// What was made is kept there; by default beside the configuration, in
    /// CONFIG.provisioned.json.
    #[arg(long, value_name = "PATH")]
    state: Option<PathBuf>,
    /// With --apply: shows the configuration instead of writing it.
    #[arg(long, requires = "apply")]
    print: bool,
    /// How long new flows get before they are used; Adobe asks for five minutes.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    wait: Option<Duration>,
    /// Where the services of Experience Platform are.
    #[arg(long, value_name = "URL", default_value = "https://platform.adobe.io")]
    platform_url: String,
}

impl ProvisionArgs {
    /// What is provisioned.
    pub(crate) fn options(&self) -> Options {
        Options {
            mode: match (self.apply, self.check, self.destroy) {
                (true, ..) => Mode::Apply,
                (_, true, _) => Mode::Check,
                (.., true) => Mode::Destroy,
                _ => Mode::Plan,
            },
            platform_url: self.platform_url.clone(),
            sandbox: self.sandbox.clone(),
            prefix: self.prefix.clone(),
            tenant: !self.no_tenant,
            profiles: !self.no_profiles,
            admin_secrets: self.admin_secrets.clone(),
            state: self.state.clone(),
            print: self.print,
            yes: self.yes,
            wait: self.wait.unwrap_or(settle::USUAL),
        }
    }
}

/// Standard output, and somebody who answers, where there is a terminal.
pub(crate) struct Terminal;

impl Desk for Terminal {
    fn say(&mut self, line: &str) {
        let mut out = std::io::stdout().lock();
        // Nobody reads it any more; what is under way is finished all the same.
        let _unread = writeln!(out, "{line}").and_then(|()| out.flush());
    }

    fn agrees(&mut self, question: &str) -> bool {
        if !std::io::stdin().is_terminal() {
            self.say(question);
            return false;
        }
        self.say(&format!("{question} (yes or no)"));
        let mut answer = String::new();
        let read = std::io::stdin().lock().read_line(&mut answer);
        read.is_ok() && answer.trim().eq_ignore_ascii_case("yes")
    }
}
