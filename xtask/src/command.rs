//! Running other programs, and saying plainly which one failed.

use std::process::{Command, ExitCode};

/// A command that did not succeed.
#[derive(Debug)]
pub(crate) struct Failed {
    message: String,
    /// The exit code to pass on, when the failed program had one.
    code: u8,
}

impl Failed {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: 1,
        }
    }

    /// Says what failed, and gives the exit code.
    #[expect(clippy::print_stderr, reason = "a program for people")]
    pub(crate) fn report(&self) -> ExitCode {
        eprintln!("xtask: {}", self.message);
        ExitCode::from(self.code)
    }
}

/// Runs a command to its end, its output going where ours goes.
pub(crate) fn run(command: &mut Command) -> Result<(), Failed> {
    let status = command
        .status()
        .map_err(|error| Failed::new(format!("cannot start {}: {error}", name(command))))?;
    if status.success() {
        return Ok(());
    }
    Err(Failed {
        message: format!("{} failed ({status})", name(command)),
        code: status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .unwrap_or(1),
    })
}

/// What a command prints; its own complaints go where ours go.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>, Failed> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| Failed::new(format!("cannot start {name}: {error}")))?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(Failed::new(format!("{name} failed ({})", output.status)))
    }
}

/// Whether a program can be started at all.
pub(crate) fn exists(program: &str, argument: &str) -> bool {
    Command::new(program)
        .arg(argument)
        .output()
        .is_ok_and(|output| output.status.success())
}

fn name(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(
        command
            .get_args()
            .map(|word| word.to_string_lossy().into_owned()),
    );
    words.join(" ")
}
