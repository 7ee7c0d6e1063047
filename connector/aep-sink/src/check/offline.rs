//! The steps that need nothing but files.

use std::path::Path;

use super::inlet_ids;
use super::pace;
use super::report::{Finding, Report, Status};
use crate::config::{self, Config};
use crate::http;

const CONFIGURATION: &str = "configuration";
const SECRETS: &str = "secrets";
const HTTP: &str = "http";
const PARAMETERS: &str = "parameters";

/// Reads the configuration with its secrets, and every file it names. `None` when there is no valid
/// one.
pub(super) fn steps(config: &Path, secrets: Option<&Path>, report: &mut Report) -> Option<Config> {
    let place = match secrets {
        Some(file) => file.display().to_string(),
        None => "the environment".to_owned(),
    };
    let config = match config::load(config, secrets) {
        Ok(valid) => {
            report.add(Finding::ok(
                CONFIGURATION,
                format!("{} is valid", config.display()),
            ));
            report.add(Finding::ok(
                SECRETS,
                format!("every secret of meta.secrets is in {place}"),
            ));
            valid
        }
        Err(error) => {
            let (others, of_secrets) = error.apart_from_secrets(secrets.map(|_| place.as_str()));
            report.add(match others {
                Some(error) => Finding::new(CONFIGURATION, Status::Wrong, error.to_string())
                    .advise("mend these lines; docs/configuration.md has every key"),
                None => Finding::skipped(
                    CONFIGURATION,
                    "cannot be judged as a whole before its secrets are there",
                ),
            });
            report.add(match of_secrets {
                Some(error) => Finding::new(SECRETS, Status::Wrong, error.to_string()).advise(
                    "put each one into the file of `--secrets` as NAME=VALUE, or into the \
                        environment",
                ),
                None => Finding::skipped(
                    SECRETS,
                    "not looked at before the configuration is \
                    valid",
                ),
            });
            return None;
        }
    };
    for doubt in config.transform.params.doubts() {
        let found = format!("`{}`: {}", doubt.name, doubt.message);
        report.add(
            Finding::new(PARAMETERS, Status::Warning, found)
                .advise("change transforms[0].with, or leave it when it is meant"),
        );
    }
    report.add(match http::clients(&config.platform) {
        Ok(_) => Finding::ok(HTTP, "certificates and proxy can be used"),
        Err(error) => Finding::new(HTTP, Status::Wrong, error.to_string()),
    });
    report.add(pace::finding(&config.platform));
    for finding in inlet_ids::findings(&config.platform) {
        report.add(finding);
    }
    Some(config)
}
