//! Delivers mapped Capillary events from a Fluvio topic to Adobe Experience Platform.

mod aep;
mod answer;
mod args;
mod arrival;
mod broker;
mod check;
mod clock;
mod config;
mod connect;
mod dead_letter;
mod delivery;
mod error;
#[cfg(test)]
mod fuzz;
mod glue;
mod histogram;
mod http;
mod http_date;
mod ims;
mod ledger;
mod log;
mod map;
mod observe;
mod obstacle;
mod outcome;
mod position;
mod progress;
mod replay;
mod run;
mod secret;
mod signal;
mod text;
mod unsettled;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use args::Command;
use capillary_xdm::Params;
use config::Config;

/// Wrong arguments or configuration.
const WRONG: u8 = 2;

fn main() -> ExitCode {
    let command = match args::parse(std::env::args_os().skip(1)) {
        Ok(command) => command,
        Err(error) => return wrong(&error.to_string()),
    };
    match command {
        Command::Help => {
            print!("{}", args::HELP);
            ExitCode::SUCCESS
        }
        Command::Version => {
            println!("capillary-aep-sink {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        Command::Check {
            config,
            secrets,
            options,
            json,
        } => check_all(&config, secrets.as_deref(), options, json),
        Command::Map {
            config,
            secrets,
            explain,
        } => map_events(config.as_deref(), secrets.as_deref(), explain),
        Command::Schema => {
            print!("{}", config::schema());
            ExitCode::SUCCESS
        }
        Command::Replay {
            config,
            secrets,
            options,
            json,
        } => match config::load(&config, secrets.as_deref()) {
            Ok(config) => replay_letters(config, options, json),
            Err(error) => wrong(&error.to_string()),
        },
        Command::Run { config, secrets } => match config::load(&config, secrets.as_deref()) {
            Ok(config) => start(config),
            Err(error) => wrong(&error.to_string()),
        },
    }
}

fn start(config: Config) -> ExitCode {
    log::start(config.platform.observability.log);
    match runtime() {
        Ok(runtime) => run::report(runtime.block_on(run::run(config))),
        Err(error) => {
            tracing::error!("the runtime cannot be started: {error}");
            ExitCode::FAILURE
        }
    }
}

/// One thread is enough for several times the platform's ceiling, and handing requests from thread
/// to thread costs more than they do. Fluvio's sockets have threads of their own.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}

fn replay_letters(config: Config, options: replay::Options, json: bool) -> ExitCode {
    log::start(config.platform.observability.log);
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!("the runtime cannot be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    let report = match runtime.block_on(replay::run(config, options)) {
        Ok(report) => report,
        Err(error) => return run::report(Err(error)),
    };
    match serde_json::to_string(&report) {
        Ok(line) if json => println!("{line}"),
        _ => print!("{report}"),
    }
    if report.is_success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn check_all(
    config: &Path,
    secrets: Option<&Path>,
    options: check::Options,
    json: bool,
) -> ExitCode {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("the runtime cannot be started: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let report = runtime.block_on(check::run(config, secrets, options));
    match report.to_json() {
        Ok(line) if json => println!("{line}"),
        _ => print!("{report}"),
    }
    ExitCode::from(report.exit_code())
}

fn map_events(config: Option<&Path>, secrets: Option<&Path>, explain: bool) -> ExitCode {
    let (params, pairs) = match config {
        None => (Params::default(), BTreeMap::new()),
        Some(config) => match config::load_transform(config, secrets) {
            Ok(transform) => (transform.params, transform.with),
            Err(error) => return wrong(&error.to_string()),
        },
    };
    let form = if explain {
        map::Form::Explanation(pairs)
    } else {
        map::Form::Answer
    };
    match map::run(
        params,
        form,
        std::io::stdin().lock(),
        std::io::stdout().lock(),
    ) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("mapping stopped: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn wrong(message: &str) -> ExitCode {
    complain(message);
    ExitCode::from(WRONG)
}

#[expect(
    clippy::print_stderr,
    reason = "said before there is a log, to whoever started the program"
)]
fn complain(message: &str) {
    eprintln!("capillary-aep-sink: {message}");
}
