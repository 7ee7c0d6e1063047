//! The command line. `--config PATH [--secrets PATH]` is what cdk passes to a connector.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use capillary_aep_sink::check;
use capillary_aep_sink::replay::{Options, Since};

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Delivers mapped Capillary events from a Fluvio topic to Adobe Experience Platform.

Usage:
  capillary-aep-sink --config PATH [--secrets PATH]
      Runs until SIGTERM or SIGINT. Secrets come from the file (lines NAME=VALUE) or, without it, from the environment.
      The cluster is the one of the current Fluvio profile.
  capillary-aep-sink check --config PATH [--secrets PATH] [--offline] [--send-samples] [--json]
      Tries everything a run needs and says what to do about what fails: configuration, secrets, cluster, topic, stored
      offsets, SmartModule, dead-letter topic, token, inlets. Commits nothing, creates nothing, sends no record.
  capillary-aep-sink map [--explain] [--config PATH [--secrets PATH]]
      Maps raw events, one JSON object a line, from standard input to answers on standard output, with the parameters
      of the configuration's transform or the defaults. Nothing is sent. With --explain the output is for people: which
      field of the event went where, what was left out and why, or why the event is skipped or rejected.
  capillary-aep-sink schema
      Prints the JSON Schema of the configuration, for editors.
  capillary-aep-sink replay --config PATH [--secrets PATH] [FILTERS] [--dry-run] [--profiles] [--again] [--json]
      Sends dead letters again, up to the end of the dead-letter topic as it is now: refused events as they are, rejected
      records as they are mapped today. What fails again stays in the topic, and the exit code is 1. A second run goes
      on where the first ended. Filters pass over letters; progress is then kept only up to the first of those.

Options of check:
  --offline        Only what needs neither the cluster nor the platform
  --send-samples   Sends one event of each kind found in the topic with syncValidation. Those that pass are ingested, as
                   copies of what the connector delivers; nothing is sent to the profiles inlet
  --json           The result as one line of JSON

Filters and options of replay:
  --reason R       Only letters with this reason; may be repeated
  --event KIND     Only events of this kind, such as pointsIssued; may be repeated
  --since TIME     Only letters written since: 2026-01-31T08:00:00Z, or 12h for the last twelve hours
  --dry-run        Shows what would be sent; sends and stores nothing
  --profiles       Profile statements as well. They may overwrite newer ones
  --again          From the beginning of the topic, whatever was replayed before
  --json           The result as one line of JSON

Options:
  --config PATH    The configuration, YAML
  --secrets PATH   Values of its secrets
  --help           This text
  --version        The version

Exit codes: 0 stopped or done; 1 failed; 2 somebody must change arguments, configuration or cluster; 3 another process commits
for the same consumer id.
";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Run {
        config: PathBuf,
        secrets: Option<PathBuf>,
    },
    Check {
        config: PathBuf,
        secrets: Option<PathBuf>,
        options: check::Options,
        json: bool,
    },
    Map {
        config: Option<PathBuf>,
        secrets: Option<PathBuf>,
        /// For people: which field went where.
        explain: bool,
    },
    Schema,
    Replay {
        config: PathBuf,
        secrets: Option<PathBuf>,
        options: Options,
        json: bool,
    },
    Help,
    Version,
}

/// Wrong arguments: exit code 2.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ArgsError {
    // Stock connectors ignore what they do not know; here a mistyped option must not change what
    // runs.
    #[error("unknown argument `{0}`; `--help` lists what there is")]
    Unknown(String),
    #[error("`{0}` needs a path after it")]
    NoValue(&'static str),
    #[error("`{0}` needs a value after it")]
    NoText(&'static str),
    #[error(
        "`--since {0}` is neither a time such as 2026-01-31T08:00:00Z nor a duration such as 12h"
    )]
    Since(String),
    #[error("`{0}` is given twice")]
    Twice(&'static str),
    #[error("`--config PATH` is required; `--help` says more")]
    NoConfig,
    #[error("`--secrets` is of no use without `--config`")]
    SecretsAlone,
}

/// What the word before the options asks for, and the options of its own.
enum Verb {
    Run,
    Check { options: check::Options, json: bool },
    Map { explain: bool },
    Schema,
    Replay { options: Options, json: bool },
}

impl Verb {
    fn of(word: &str) -> Option<Self> {
        Some(match word {
            "check" => Self::Check {
                options: check::Options::default(),
                json: false,
            },
            "map" => Self::Map { explain: false },
            "schema" => Self::Schema,
            "replay" => Self::Replay {
                options: Options::default(),
                json: false,
            },
            _ => return None,
        })
    }

    /// Reads one option of its own; `false` when there is none of this name.
    fn take(
        &mut self,
        name: &str,
        inline: Option<OsString>,
        rest: &mut impl Iterator<Item = OsString>,
    ) -> Result<bool, ArgsError> {
        let plain = inline.is_none();
        Ok(match self {
            Self::Check { json, .. } | Self::Replay { json, .. } if name == "--json" && plain => {
                !std::mem::replace(json, true)
            }
            Self::Map { explain } if name == "--explain" && plain => {
                !std::mem::replace(explain, true)
            }
            Self::Check { options, .. } => plain && flag(options, name),
            Self::Replay { options, .. } => filter(options, name, inline, rest)?,
            Self::Run | Self::Map { .. } | Self::Schema => false,
        })
    }
}

/// Reads the arguments after the program's name.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, ArgsError> {
    let mut arguments = arguments.into_iter();
    let (mut config, mut secrets) = (None, None);
    let mut verb = Verb::Run;
    while let Some(argument) = arguments.next() {
        let (name, inline) = split(&argument);
        match (name.as_str(), inline) {
            ("--config", inline) => option("--config", &mut config, inline, &mut arguments)?,
            ("--secrets", inline) => option("--secrets", &mut secrets, inline, &mut arguments)?,
            ("--help" | "-h", None) => return Ok(Command::Help),
            ("--version" | "-V", None) => return Ok(Command::Version),
            (_, inline) => match Verb::of(&name)
                .filter(|_| inline.is_none() && matches!(verb, Verb::Run))
            {
                Some(word) => verb = word,
                None if verb.take(&name, inline, &mut arguments)? => {}
                None => return Err(ArgsError::Unknown(argument.to_string_lossy().into_owned())),
            },
        }
    }
    match (verb, config) {
        (Verb::Map { .. }, None) if secrets.is_some() => Err(ArgsError::SecretsAlone),
        (Verb::Map { explain }, config) => Ok(Command::Map {
            config,
            secrets,
            explain,
        }),
        (Verb::Schema, config) => match config.or(secrets) {
            None => Ok(Command::Schema),
            Some(path) => Err(ArgsError::Unknown(path.display().to_string())),
        },
        (_, None) => Err(ArgsError::NoConfig),
        (Verb::Run, Some(config)) => Ok(Command::Run { config, secrets }),
        (Verb::Check { options, json }, Some(config)) => Ok(Command::Check {
            config,
            secrets,
            options,
            json,
        }),
        (Verb::Replay { options, json }, Some(config)) => Ok(Command::Replay {
            config,
            secrets,
            options,
            json,
        }),
    }
}

/// Reads one option of `check`; `false` when there is none of this name.
fn flag(options: &mut check::Options, name: &str) -> bool {
    match name {
        "--offline" => options.offline = true,
        "--send-samples" => options.send_samples = true,
        _ => return false,
    }
    true
}

/// Reads one option of `replay`; `false` when there is none of this name.
fn filter(
    options: &mut Options,
    name: &str,
    inline: Option<OsString>,
    rest: &mut impl Iterator<Item = OsString>,
) -> Result<bool, ArgsError> {
    let text =
        |name: &'static str, inline: Option<OsString>, rest: &mut dyn Iterator<Item = OsString>| {
            inline
                .or_else(|| rest.next())
                .and_then(|value| value.into_string().ok())
                .filter(|value| !value.is_empty() && !value.starts_with("--"))
                .ok_or(ArgsError::NoText(name))
        };
    match (name, inline) {
        ("--reason", inline) => options.reasons.push(text("--reason", inline, rest)?),
        ("--event", inline) => options.events.push(text("--event", inline, rest)?),
        ("--since", inline) => {
            let value = text("--since", inline, rest)?;
            let since = since(&value).ok_or(ArgsError::Since(value))?;
            if options.since.replace(since).is_some() {
                return Err(ArgsError::Twice("--since"));
            }
        }
        ("--dry-run", None) => options.dry_run = true,
        ("--profiles", None) => options.profiles = true,
        ("--again", None) => options.again = true,
        _ => return Ok(false),
    }
    Ok(true)
}

fn since(text: &str) -> Option<Since> {
    if let Ok(ago) = humantime::parse_duration(text) {
        return Some(Since::Ago(ago));
    }
    let time = humantime::parse_rfc3339_weak(text).ok()?;
    let elapsed = time.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(elapsed.as_millis()).ok().map(Since::At)
}

/// Splits `--name=value`. Only a value that is text can be inline; any path can follow as an
/// argument of its own.
fn split(argument: &OsString) -> (String, Option<OsString>) {
    let text = argument.to_string_lossy();
    match (
        text.starts_with("--"),
        argument.to_str().and_then(|text| text.split_once('=')),
    ) {
        (true, Some((name, value))) => (name.to_owned(), Some(value.into())),
        _ => (text.into_owned(), None),
    }
}

fn option(
    name: &'static str,
    place: &mut Option<PathBuf>,
    inline: Option<OsString>,
    rest: &mut impl Iterator<Item = OsString>,
) -> Result<(), ArgsError> {
    let value = inline
        .or_else(|| rest.next())
        .filter(|value| !value.is_empty() && !value.to_string_lossy().starts_with("--"));
    let value = value.ok_or(ArgsError::NoValue(name))?;
    match place.replace(value.into()) {
        None => Ok(()),
        Some(_) => Err(ArgsError::Twice(name)),
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Command, ArgsError> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn the_forms_cdk_uses_are_understood() {
        let config = PathBuf::from("/a/c.yaml");
        assert_eq!(
            read("--config /a/c.yaml"),
            Ok(Command::Run {
                config: config.clone(),
                secrets: None
            })
        );
        let run = Command::Run {
            config,
            secrets: Some("s.txt".into()),
        };
        assert_eq!(
            read("--config /a/c.yaml --secrets s.txt").as_ref(),
            Ok(&run)
        );
        assert_eq!(read("--secrets=s.txt --config=/a/c.yaml"), Ok(run));
    }

    #[test]
    fn map_works_without_a_configuration() {
        assert_eq!(
            read("map"),
            Ok(Command::Map {
                config: None,
                secrets: None,
                explain: false
            })
        );
        assert_eq!(
            read("map --explain --config c"),
            Ok(Command::Map {
                config: Some("c".into()),
                secrets: None,
                explain: true
            })
        );
    }

    #[test]
    fn schema_needs_nothing() {
        assert_eq!(read("schema"), Ok(Command::Schema));
    }

    #[test]
    fn replay_takes_filters_more_than_once() {
        let line = "replay --config c --reason refused --reason=too_large --event pointsIssued --since 12h --dry-run --profiles --again --json";
        let options = Options {
            reasons: vec!["refused".to_owned(), "too_large".to_owned()],
            events: vec!["pointsIssued".to_owned()],
            since: Some(Since::Ago(std::time::Duration::from_secs(12 * 3600))),
            dry_run: true,
            profiles: true,
            again: true,
        };
        assert_eq!(
            read(line),
            Ok(Command::Replay {
                config: "c".into(),
                secrets: None,
                options,
                json: true
            })
        );
        assert_eq!(since("1970-01-01T00:00:02Z"), Some(Since::At(2_000)));
    }

    #[test]
    fn check_takes_its_own_options_only() {
        let options = check::Options {
            offline: true,
            send_samples: true,
        };
        let check = |options, json| Command::Check {
            config: "c".into(),
            secrets: None,
            options,
            json,
        };
        assert_eq!(
            read("check --config c"),
            Ok(check(check::Options::default(), false))
        );
        assert_eq!(
            read("check --offline --send-samples --json --config c"),
            Ok(check(options, true))
        );
        for line in [
            "check --config c --dry-run",
            "check --config c --offline=1",
            "check map --config c",
            "--config c --offline",
        ] {
            assert!(matches!(read(line), Err(ArgsError::Unknown(_))), "{line}");
        }
        assert_eq!(read("check"), Err(ArgsError::NoConfig));
        for option in ["check", "--offline", "--send-samples"] {
            assert!(HELP.contains(option), "{option}");
        }
    }

    #[test]
    fn every_option_of_replay_is_in_the_help() {
        for option in [
            "replay",
            "--reason",
            "--event",
            "--since",
            "--dry-run",
            "--profiles",
            "--again",
            "--json",
        ] {
            assert!(HELP.contains(option), "{option}");
        }
    }

    #[test]
    fn help_and_version_need_nothing_else() {
        assert_eq!(read("--help"), Ok(Command::Help));
        assert_eq!(read("--config c --version"), Ok(Command::Version));
    }

    #[test]
    fn wrong_arguments_are_named() {
        for (line, message) in [
            ("", "--config PATH"),
            ("--secrets s", "--config PATH"),
            ("--confg c", "`--confg`"),
            ("--config c extra", "`extra`"),
            ("--config c --dry-run=1", "`--dry-run=1`"),
            ("--config", "`--config` needs a path"),
            ("--config --secrets s", "`--config` needs a path"),
            ("--config= ", "`--config` needs a path"),
            ("--config c --config d", "twice"),
            ("map --secrets s", "without `--config`"),
            ("map map", "`map`"),
            ("replay", "--config PATH"),
            ("replay map --config c", "`map`"),
            ("--config c --reason r", "`--reason`"),
            ("map --json", "`--json`"),
            ("map --explain --explain", "`--explain`"),
            ("--config c --explain", "`--explain`"),
            ("schema --config c", "`c`"),
            ("schema map", "`map`"),
            ("replay --config c --reason", "`--reason` needs a value"),
            (
                "replay --config c --event --again",
                "`--event` needs a value",
            ),
            ("replay --config c --since yesterday", "yesterday"),
            ("replay --config c --since 1h --since 2h", "twice"),
        ] {
            let error = read(line).unwrap_err().to_string();
            assert!(error.contains(message), "{line}: {error}");
        }
    }
}
