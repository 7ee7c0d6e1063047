//! Delivers mapped Capillary events from a Fluvio topic to Adobe Experience Platform.

mod args;

use std::path::Path;
use std::process::ExitCode;

use args::Command;
use capillary_aep_sink::config::Config;
use capillary_aep_sink::{app, check, config, explain, replay};

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
    match runtime() {
        Ok(runtime) => runtime.block_on(app::run(config)),
        Err(failed) => failed,
    }
}

/// One thread is enough for several times the platform's ceiling, and handing requests from thread
/// to thread costs more than they do. Fluvio's sockets have threads of their own.
fn runtime() -> Result<tokio::runtime::Runtime, ExitCode> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            complain(&format!("the runtime cannot be started: {error}"));
            ExitCode::FAILURE
        })
}

fn replay_letters(config: Config, options: replay::Options, json: bool) -> ExitCode {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(failed) => return failed,
    };
    let report = match runtime.block_on(replay::run(config, options)) {
        Ok(report) => report,
        Err(failed) => return failed,
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
        Err(failed) => return failed,
    };
    let report = runtime.block_on(check::run(config, secrets, options));
    match report.to_json() {
        Ok(line) if json => println!("{line}"),
        _ => print!("{report}"),
    }
    ExitCode::from(report.exit_code())
}

fn map_events(config: Option<&Path>, secrets: Option<&Path>, explain: bool) -> ExitCode {
    let transform = match config {
        None => None,
        Some(config) => match config::load_transform(config, secrets) {
            Ok(transform) => Some(transform),
            Err(error) => return wrong(&error.to_string()),
        },
    };
    let form = if explain {
        explain::OutputFormat::Explanation
    } else {
        explain::OutputFormat::Answer
    };
    match explain::run(
        transform,
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
