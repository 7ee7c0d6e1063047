//! The command line. `--config PATH [--secrets PATH]` is what cdk passes to a connector.

use std::ffi::OsString;
use std::path::PathBuf;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Delivers mapped Capillary events from a Fluvio topic to Adobe Experience Platform.

Usage:
  capillary-aep-sink --config PATH [--secrets PATH]
      Runs until SIGTERM or SIGINT. Secrets come from the file (lines NAME=VALUE) or, without it, from the environment.
      The cluster is the one of the current Fluvio profile.
  capillary-aep-sink map [--config PATH [--secrets PATH]]
      Maps raw events, one JSON object a line, from standard input to answers on standard output, with the parameters
      of the configuration's transform or the defaults. Nothing is sent.

Options:
  --config PATH    The configuration, YAML
  --secrets PATH   Values of its secrets
  --help           This text
  --version        The version

Exit codes: 0 stopped or done; 1 failed; 2 wrong arguments or configuration.
";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Run {
        config: PathBuf,
        secrets: Option<PathBuf>,
    },
    Map {
        config: Option<PathBuf>,
        secrets: Option<PathBuf>,
    },
    Help,
    Version,
}

/// Wrong arguments: exit code 2.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ArgsError {
    // Stock connectors ignore what they do not know; here a mistyped option must not change what runs.
    #[error("unknown argument `{0}`; `--help` lists what there is")]
    Unknown(String),
    #[error("`{0}` needs a path after it")]
    NoValue(&'static str),
    #[error("`{0}` is given twice")]
    Twice(&'static str),
    #[error("`--config PATH` is required; `--help` says more")]
    NoConfig,
    #[error("`--secrets` is of no use without `--config`")]
    SecretsAlone,
}

/// Reads the arguments after the program's name.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, ArgsError> {
    let mut arguments = arguments.into_iter();
    let (mut config, mut secrets) = (None, None);
    let mut map = false;
    while let Some(argument) = arguments.next() {
        let (name, inline) = split(&argument);
        match (name.as_str(), inline) {
            ("--config", inline) => option("--config", &mut config, inline, &mut arguments)?,
            ("--secrets", inline) => option("--secrets", &mut secrets, inline, &mut arguments)?,
            ("--help" | "-h", None) => return Ok(Command::Help),
            ("--version" | "-V", None) => return Ok(Command::Version),
            ("map", None) if !map => map = true,
            _ => return Err(ArgsError::Unknown(argument.to_string_lossy().into_owned())),
        }
    }
    match (map, config, secrets) {
        (true, None, Some(_)) => Err(ArgsError::SecretsAlone),
        (true, config, secrets) => Ok(Command::Map { config, secrets }),
        (false, Some(config), secrets) => Ok(Command::Run { config, secrets }),
        (false, None, _) => Err(ArgsError::NoConfig),
    }
}

/// Splits `--name=value`. Only a value that is text can be inline; any path can follow as an argument of its own.
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
        assert_eq!(read("--config /a/c.yaml --secrets s.txt").as_ref(), Ok(&run));
        assert_eq!(read("--secrets=s.txt --config=/a/c.yaml"), Ok(run));
    }

    #[test]
    fn map_works_without_a_configuration() {
        assert_eq!(
            read("map"),
            Ok(Command::Map {
                config: None,
                secrets: None
            })
        );
        assert_eq!(
            read("map --config c"),
            Ok(Command::Map {
                config: Some("c".into()),
                secrets: None
            })
        );
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
        ] {
            let error = read(line).unwrap_err().to_string();
            assert!(error.contains(message), "{line}: {error}");
        }
    }
}
