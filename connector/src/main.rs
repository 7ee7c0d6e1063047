//! Delivers mapped Capillary events from a Fluvio topic to Adobe Experience Platform.

mod cli;
mod provision;

use std::io::Write as _;
use std::process::ExitCode;

use capillary_aep_sink::config::Config;
use capillary_aep_sink::provision::Ending;
use capillary_aep_sink::{app, check, config, diagnose, explain, replay};
use cli::{CheckArgs, Command, ConfigArgs, DiagnoseArgs, MapArgs, ReplayArgs};
use provision::{ProvisionArgs, Terminal};

/// Wrong arguments or configuration.
const WRONG: u8 = 2;

fn main() -> ExitCode {
    match cli::parse() {
        Command::Run(files) => with_config(&files, start),
        Command::Check(arguments) => check_all(&arguments),
        Command::Map(arguments) => map_events(&arguments),
        Command::Schema => {
            print!("{}", config::schema());
            ExitCode::SUCCESS
        }
        Command::Replay(arguments) => with_config(&arguments.files, |config| {
            replay_dead_letters(config, &arguments)
        }),
        Command::Diagnose(arguments) => with_config(&arguments.files, |config| {
            diagnose_batches(config, &arguments)
        }),
        Command::Provision(arguments) => provision_platform(&arguments),
        Command::Completions { shell } => {
            match std::io::stdout().write_all(&cli::completions(shell)) {
                Ok(()) => ExitCode::SUCCESS,
                Err(_) => ExitCode::FAILURE,
            }
        }
    }
}

fn with_config(files: &ConfigArgs, go_on: impl FnOnce(Config) -> ExitCode) -> ExitCode {
    match config::load(&files.config, files.secrets.as_deref()) {
        Ok(config) => go_on(config),
        Err(error) => wrong(&error.to_string()),
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

fn replay_dead_letters(config: Config, arguments: &ReplayArgs) -> ExitCode {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(failed) => return failed,
    };
    let report = match runtime.block_on(replay::run(config, arguments.options())) {
        Ok(report) => report,
        Err(failed) => return failed,
    };
    match serde_json::to_string(&report) {
        Ok(line) if arguments.json => println!("{line}"),
        _ => print!("{report}"),
    }
    if report.is_success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn diagnose_batches(config: Config, arguments: &DiagnoseArgs) -> ExitCode {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(failed) => return failed,
    };
    let report = match runtime.block_on(diagnose::run(config, arguments.since)) {
        Ok(report) => report,
        Err(failed) => return failed,
    };
    match serde_json::to_string(&report) {
        Ok(line) if arguments.json => println!("{line}"),
        _ => print!("{report}"),
    }
    if report.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn check_all(arguments: &CheckArgs) -> ExitCode {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(failed) => return failed,
    };
    let files = &arguments.files;
    let report = runtime.block_on(check::run(
        &files.config,
        files.secrets.as_deref(),
        arguments.options(),
    ));
    match report.to_json() {
        Ok(line) if arguments.json => println!("{line}"),
        _ => print!("{report}"),
    }
    ExitCode::from(report.exit_code())
}

fn provision_platform(arguments: &ProvisionArgs) -> ExitCode {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(failed) => return failed,
    };
    let ending = runtime.block_on(capillary_aep_sink::provision::run(
        &arguments.config,
        arguments.secrets.as_deref(),
        &arguments.options(),
        &mut Terminal,
    ));
    match ending {
        Ending::Done => ExitCode::SUCCESS,
        Ending::Failed => ExitCode::FAILURE,
        Ending::Refused => ExitCode::from(WRONG),
    }
}

fn map_events(arguments: &MapArgs) -> ExitCode {
    let files = &arguments.files;
    let transform = match &files.config {
        None => None,
        Some(config) => match config::load_transform(config, files.secrets.as_deref()) {
            Ok(transform) => Some(transform),
            Err(error) => return wrong(&error.to_string()),
        },
    };
    let form = if arguments.explain {
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
