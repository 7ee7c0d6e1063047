//! The command line.

use std::ffi::OsString;
use std::path::Path;

use fuzzing::{Target, fuzz};

use crate::args::{Command, parse};

const DICTIONARY: &[&str] = &[
    "--config",
    "--secrets",
    "--config=",
    "--secrets=",
    "map",
    "schema",
    "--explain",
    "check",
    "--offline",
    "--help",
    "-V",
    "\n",
    "=",
    "--",
];

#[test]
fn fuzzed_arguments_are_understood_whole_or_refused() {
    let target = Target {
        name: "args",
        seeds: Vec::new(),
        dictionary: DICTIONARY,
        executions: 4_000,
    };
    // One argument a line; not UTF-8 where the system has such.
    fuzz(target, |input| {
        let arguments: Vec<OsString> = input.split(|byte| *byte == b'\n').map(argument).collect();
        let result = parse(arguments.clone());
        let given = |path: &Path, option: &str| {
            let inline = format!("{option}=");
            let alone = arguments
                .windows(2)
                .any(|two| two[0] == option && two[1] == path.as_os_str());
            alone
                || arguments
                    .iter()
                    .filter_map(|one| one.to_str()?.strip_prefix(&inline))
                    .any(|it| Path::new(it) == path)
        };
        match &result {
            Ok(Command::Run { config, secrets }) => {
                assert!(given(config, "--config"), "{arguments:?}");
                assert!(
                    secrets
                        .as_ref()
                        .is_none_or(|secrets| given(secrets, "--secrets")),
                    "{arguments:?}"
                );
            }
            Ok(Command::Map {
                config, secrets, ..
            }) => {
                assert!(arguments.iter().any(|argument| argument == "map"));
                assert!(
                    config
                        .as_ref()
                        .is_none_or(|config| given(config, "--config")),
                    "{arguments:?}"
                );
                assert!(secrets.is_none() || config.is_some());
            }
            _ => {}
        }
        result.map_or_else(
            |error| format!("{:?}", std::mem::discriminant(&error)),
            |command| format!("{:?}", std::mem::discriminant(&command)),
        )
    });
}

#[cfg(unix)]
fn argument(bytes: &[u8]) -> OsString {
    use std::os::unix::ffi::OsStrExt as _;
    std::ffi::OsStr::from_bytes(bytes).to_owned()
}

#[cfg(not(unix))]
fn argument(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}
