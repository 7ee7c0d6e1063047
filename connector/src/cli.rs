//! The command line. Without a subcommand it is that of a connector as `cdk` starts it:
//! `--config PATH --secrets PATH`.

use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use capillary_aep_sink::check;
use capillary_aep_sink::replay::{self, Since};
use clap::builder::NonEmptyStringValueParser;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;

use crate::provision::ProvisionArgs;

/// As wide as the sources are.
const WIDTH: usize = 100;

const EXIT_CODES: &str = "\
Exit codes: 0 stopped or done; 1 failed; 2 somebody must change arguments, configuration or \
cluster; 3 another process commits for the same consumer id.";

/// Delivers mapped Capillary events from a Fluvio topic to Adobe Experience Platform.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = EXIT_CODES,
    term_width = WIDTH,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    override_usage = "capillary-aep-sink [run] --config <PATH> [--secrets <PATH>]\n       \
                      capillary-aep-sink <COMMAND> [OPTIONS]"
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Without a subcommand: what `run` takes.
    #[command(flatten)]
    run: OptionalConfigArgs,
}

/// What to do.
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Command {
    /// Runs until SIGTERM or SIGINT; the default without a subcommand.
    ///
    /// The cluster is the one of the current Fluvio profile.
    Run(ConfigArgs),
    /// Tries everything a run needs and says what to do about what fails.
    ///
    /// That is configuration, secrets, cluster, topic, stored offsets, SmartModule, dead-letter
    /// topic, token and inlets. Commits nothing, creates nothing, sends no record.
    Check(CheckArgs),
    /// Maps raw events from standard input to answers on standard output.
    ///
    /// One JSON object a line, mapped with the parameters of the configuration's transform or the
    /// defaults. Nothing is sent.
    Map(MapArgs),
    /// Prints the JSON Schema of the configuration, for editors.
    Schema,
    /// Sends dead letters again, up to the end of the dead-letter topic as it is now.
    ///
    /// Refused events are sent as they are, rejected records as they are mapped today. What fails
    /// again stays in the topic, and the exit code is 1. A second run goes on where the first
    /// ended. Filters pass over dead letters; progress is then kept only up to the first of those.
    Replay(ReplayArgs),
    /// Tells what Experience Platform dropped after it acknowledged it.
    ///
    /// Failed batches of the configured datasets, counted by field, reason and kind of event,
    /// without any value. Asks Experience Platform alone and changes nothing. The exit code is 1
    /// when something failed.
    Diagnose(DiagnoseArgs),
    /// Sets Experience Platform up for the connector, and completes the configuration.
    ///
    /// A configuration with the credential, the organization and the topic is enough to begin.
    /// Without --apply it shows what is there and what would be made. Everything is looked up by
    /// name before it is made; a run that broke off is gone on with by the next.
    Provision(ProvisionArgs),
    /// Prints a script that completes this command line in a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// The configuration and its secrets.
#[derive(Debug, PartialEq, Eq, Args)]
pub(crate) struct ConfigArgs {
    /// The configuration, YAML.
    #[arg(long, value_name = "PATH")]
    pub(crate) config: PathBuf,
    /// Values of its secrets, lines NAME=VALUE; without it, they come from the environment.
    #[arg(long, value_name = "PATH")]
    pub(crate) secrets: Option<PathBuf>,
}

/// The same where there may be no configuration.
#[derive(Debug, PartialEq, Eq, Args)]
pub(crate) struct OptionalConfigArgs {
    /// The configuration, YAML.
    #[arg(long, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,
    /// Values of its secrets, lines NAME=VALUE; without it, they come from the environment.
    #[arg(long, value_name = "PATH", requires = "config")]
    pub(crate) secrets: Option<PathBuf>,
}

/// What `check` takes.
#[derive(Debug, PartialEq, Eq, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) files: ConfigArgs,
    /// Only what needs neither the cluster nor the platform.
    #[arg(long)]
    offline: bool,
    /// Sends one event of each kind found in the topic with syncValidation. Those that pass are
    /// ingested, as copies of what the connector delivers; nothing is sent to the profiles inlet.
    #[arg(long)]
    send_samples: bool,
    /// The result as one line of JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl CheckArgs {
    /// What is checked.
    pub(crate) fn options(&self) -> check::Options {
        check::Options {
            offline: self.offline,
            send_samples: self.send_samples,
        }
    }
}

/// What `map` takes.
#[derive(Debug, PartialEq, Eq, Args)]
pub(crate) struct MapArgs {
    #[command(flatten)]
    pub(crate) files: OptionalConfigArgs,
    /// Output for people: which field of the event went where, what was left out and why, or why
    /// the event is skipped or rejected.
    #[arg(long)]
    pub(crate) explain: bool,
}

/// What `replay` takes.
#[derive(Debug, PartialEq, Eq, Args)]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    pub(crate) files: ConfigArgs,
    /// Only dead letters with this reason; may be repeated.
    #[arg(long = "reason", value_name = "REASON", value_parser = NonEmptyStringValueParser::new())]
    reasons: Vec<String>,
    /// Only events of this kind, such as pointsIssued; may be repeated.
    #[arg(long = "event", value_name = "KIND", value_parser = NonEmptyStringValueParser::new())]
    events: Vec<String>,
    /// Only dead letters written since: 2026-01-31T08:00:00Z, or 12h for the last twelve hours.
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Since>,
    /// Shows what would be sent; sends and stores nothing.
    #[arg(long)]
    dry_run: bool,
    /// Profile statements as well. They may overwrite newer ones.
    #[arg(long)]
    profiles: bool,
    /// From the beginning of the topic, whatever was replayed before.
    #[arg(long)]
    again: bool,
    /// Only dead letters at this offset of the dead-letter topic and after it.
    #[arg(long, value_name = "OFFSET", value_parser = clap::value_parser!(i64).range(0..))]
    from: Option<i64>,
    /// Only dead letters up to this offset, and it.
    #[arg(long, value_name = "OFFSET", value_parser = clap::value_parser!(i64).range(0..))]
    to: Option<i64>,
    /// The result as one line of JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl ReplayArgs {
    /// What is replayed.
    pub(crate) fn options(&self) -> replay::Options {
        replay::Options {
            reasons: self.reasons.clone(),
            events: self.events.clone(),
            since: self.since,
            dry_run: self.dry_run,
            profiles: self.profiles,
            again: self.again,
            from: self.from,
            to: self.to,
        }
    }
}

/// What `diagnose` takes.
#[derive(Debug, PartialEq, Eq, Args)]
pub(crate) struct DiagnoseArgs {
    #[command(flatten)]
    pub(crate) files: ConfigArgs,
    /// Only batches created since: 2026-01-31T08:00:00Z, or 12h for the last twelve hours.
    #[arg(long, value_name = "TIME", value_parser = since, default_value = "1d")]
    pub(crate) since: Since,
    /// The result as one line of JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

fn since(text: &str) -> Result<Since, &'static str> {
    if let Ok(ago) = humantime::parse_duration(text) {
        return Ok(Since::Ago(ago));
    }
    humantime::parse_rfc3339_weak(text)
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .and_then(|elapsed| i64::try_from(elapsed.as_millis()).ok())
        .map(Since::At)
        .ok_or("neither a time such as 2026-01-31T08:00:00Z nor a duration such as 12h")
}

/// Reads the process's arguments. Wrong ones end it with exit code 2, `--help` and `--version`
/// with 0.
pub(crate) fn parse() -> Command {
    command(Cli::parse()).unwrap_or_else(|error| error.exit())
}

fn command(cli: Cli) -> Result<Command, clap::Error> {
    match (cli.command, cli.run) {
        (Some(command), _) => Ok(command),
        (
            None,
            OptionalConfigArgs {
                config: Some(config),
                secrets,
            },
        ) => Ok(Command::Run(ConfigArgs { config, secrets })),
        (None, OptionalConfigArgs { config: None, .. }) => Err(Cli::command().error(
            ErrorKind::MissingRequiredArgument,
            "`--config <PATH>` or a command is required",
        )),
    }
}

/// The script that completes the command line in this shell.
pub(crate) fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(
        shell,
        &mut Cli::command(),
        "capillary-aep-sink",
        &mut script,
    );
    script
}

// === tests ===

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::time::Duration;

    use super::*;

    fn parsed(arguments: Vec<OsString>) -> Result<Command, clap::Error> {
        let name = OsString::from("capillary-aep-sink");
        Cli::try_parse_from(std::iter::once(name).chain(arguments)).and_then(command)
    }

    fn read(line: &str) -> Result<Command, clap::Error> {
        parsed(line.split_whitespace().map(OsString::from).collect())
    }

    /// What is printed instead of doing anything.
    fn printed(line: &str) -> (i32, String) {
        let error = read(line).unwrap_err();
        (error.exit_code(), error.to_string())
    }

    fn files(config: &str) -> ConfigArgs {
        ConfigArgs {
            config: config.into(),
            secrets: None,
        }
    }

    #[test]
    fn definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn run_is_what_cdk_asks_for() {
        let run = |secrets: Option<&str>| {
            Command::Run(ConfigArgs {
                secrets: secrets.map(PathBuf::from),
                ..files("/a/c.yaml")
            })
        };
        for (line, secrets) in [
            ("--config /a/c.yaml", None),
            ("--config /a/c.yaml --secrets s.txt", Some("s.txt")),
            ("--secrets=s.txt --config=/a/c.yaml", Some("s.txt")),
            ("run --config /a/c.yaml --secrets s.txt", Some("s.txt")),
        ] {
            assert_eq!(read(line).unwrap(), run(secrets), "{line}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn paths_need_not_be_text() {
        use std::os::unix::ffi::OsStringExt as _;
        let path = OsString::from_vec(b"/a/\xff.yaml".to_vec());
        let run = parsed(vec!["--config".into(), path.clone()]).unwrap();
        let expected = ConfigArgs {
            config: path.into(),
            secrets: None,
        };
        assert_eq!(run, Command::Run(expected));
    }

    #[test]
    fn map_works_without_a_configuration() {
        let map = |config: Option<&str>, explain| {
            Command::Map(MapArgs {
                files: OptionalConfigArgs {
                    config: config.map(PathBuf::from),
                    secrets: None,
                },
                explain,
            })
        };
        assert_eq!(read("map").unwrap(), map(None, false));
        let explained = read("map --explain --config c").unwrap();
        assert_eq!(explained, map(Some("c"), true));
    }

    #[test]
    fn schema_needs_nothing() {
        assert_eq!(read("schema").unwrap(), Command::Schema);
    }

    #[test]
    fn completions_know_the_subcommands() {
        let Command::Completions { shell } = read("completions bash").unwrap() else {
            panic!("no completions");
        };
        let script = String::from_utf8(completions(shell)).unwrap();
        for part in ["replay", "--send-samples", "completions"] {
            assert!(script.contains(part), "{part}");
        }
        assert_eq!(printed("completions tcsh").0, 2);
    }

    #[test]
    fn replay_takes_filters_more_than_once() {
        let line = "replay --config c --reason refused --reason=too_large --event pointsIssued \
                    --since 12h --dry-run --profiles --again --from 3 --to 9 --json";
        let Command::Replay(arguments) = read(line).unwrap() else {
            panic!("no replay");
        };
        let options = replay::Options {
            reasons: vec!["refused".to_owned(), "too_large".to_owned()],
            events: vec!["pointsIssued".to_owned()],
            since: Some(Since::Ago(Duration::from_secs(12 * 3600))),
            dry_run: true,
            profiles: true,
            again: true,
            from: Some(3),
            to: Some(9),
        };
        assert_eq!(arguments.options(), options);
        assert_eq!((arguments.files, arguments.json), (files("c"), true));
        assert_eq!(since("1970-01-01T00:00:02Z"), Ok(Since::At(2_000)));
    }

    #[test]
    fn check_takes_its_own_options_only() {
        let check = |line| match read(line) {
            Ok(Command::Check(arguments)) => (arguments.options(), arguments.json),
            other => panic!("{line}: {other:?}"),
        };
        let all = check::Options {
            offline: true,
            send_samples: true,
        };
        assert_eq!(
            check("check --config c"),
            (check::Options::default(), false)
        );
        assert_eq!(
            check("check --offline --send-samples --json --config c"),
            (all, true)
        );
        for line in [
            "check --config c --dry-run",
            "check --config c --offline=1",
            "check map --config c",
            "--config c --offline",
        ] {
            assert_eq!(printed(line).0, 2, "{line}");
        }
    }

    #[test]
    fn help_names_every_subcommand_and_the_exit_codes() {
        let (code, help) = printed("--help");
        assert_eq!(code, 0);
        for part in [
            "run",
            "check",
            "map",
            "schema",
            "replay",
            "diagnose",
            "provision",
            "completions",
            "--config",
            "--secrets",
            "--version",
            "Exit codes: 0 ",
            "2 somebody must change arguments",
        ] {
            assert!(help.contains(part), "{part}: {help}");
        }
        assert!(help.lines().all(|line| line.len() <= WIDTH), "{help}");
    }

    #[test]
    fn help_of_a_subcommand_names_its_options_only() {
        for (line, own, foreign) in [
            ("run --help", ["--config", "--secrets"], "--json"),
            ("check --help", ["--offline", "--send-samples"], "--reason"),
            ("map --help", ["--explain", "--config"], "--json"),
            ("replay --help", ["--reason", "--since"], "--offline"),
            ("diagnose --help", ["--since", "--json"], "--reason"),
            ("provision --help", ["--apply", "--destroy"], "--offline"),
        ] {
            let (code, help) = printed(line);
            assert_eq!(code, 0, "{line}");
            assert!(own.iter().all(|option| help.contains(option)), "{help}");
            assert!(!help.contains(foreign), "{help}");
            assert!(help.lines().all(|line| line.len() <= WIDTH), "{help}");
        }
    }

    #[test]
    fn version_names_the_program() {
        let version = format!("capillary-aep-sink {}\n", env!("CARGO_PKG_VERSION"));
        assert_eq!(printed("--version"), (0, version.clone()));
        assert_eq!(printed("--config c --version"), (0, version));
    }

    #[test]
    fn wrong_arguments_are_named() {
        for (line, part) in [
            ("", "--config <PATH>"),
            ("--secrets s", "--config <PATH>"),
            ("--confg c", "--confg"),
            ("--config c extra", "extra"),
            ("--config c --dry-run=1", "--dry-run"),
            ("--config", "--config <PATH>"),
            ("--config --secrets s", "--config <PATH>"),
            ("--config=", "--config <PATH>"),
            ("--config c --config d", "multiple times"),
            ("run", "--config <PATH>"),
            ("map --secrets s", "--config <PATH>"),
            ("map map", "map"),
            ("check", "--config <PATH>"),
            ("replay", "--config <PATH>"),
            ("replay map --config c", "map"),
            ("provision", "--config <PATH>"),
            ("provision --config c --apply --destroy", "--destroy"),
            ("provision --config c --print", "--apply"),
            ("--config c --reason r", "--reason"),
            ("map --json", "--json"),
            ("map --explain --explain", "--explain"),
            ("--config c --explain", "--explain"),
            ("schema --config c", "--config"),
            ("schema map", "map"),
            ("replay --config c --reason", "--reason <REASON>"),
            ("replay --config c --reason=", "--reason <REASON>"),
            ("replay --config c --event --again", "--event <KIND>"),
            ("replay --config c --since yesterday", "such as 12h"),
            ("replay --config c --since 1h --since 2h", "multiple times"),
        ] {
            let (code, message) = printed(line);
            assert_eq!(code, 2, "{line}: {message}");
            assert!(message.contains(part), "{line}: {message}");
        }
    }
}
