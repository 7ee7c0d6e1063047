//! A simulated Experience Platform to point a connector's configuration at.

use std::fmt;
use std::io::Write;
use std::process::ExitCode;

use conformance::simulator::{FaultScript, Simulator, SimulatorConfig};

const USAGE: &str = "\
usage: aep-simulator [--port P] [--client-id ID] [--client-secret SECRET]
                     [--organization-id ID@AdobeOrg] [--faults FILE.json]

Serves Adobe's token server and streaming ingestion on 127.0.0.1 until Ctrl-C.
The secret may be given as AEP_SIMULATOR_CLIENT_SECRET instead, which keeps it out of the process list.";

/// Why it does not run; always the caller's to mend.
#[derive(Debug)]
struct Refusal(String);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the command line asks for; `None` for `--help`.
fn arguments(
    mut words: impl Iterator<Item = String>,
) -> Result<Option<(SimulatorConfig, FaultScript)>, Refusal> {
    let mut config = SimulatorConfig::default();
    let mut faults = FaultScript::default();
    if let Ok(secret) = std::env::var("AEP_SIMULATOR_CLIENT_SECRET") {
        config.credential.client_secret = secret;
    }
    while let Some(word) = words.next() {
        if word == "--help" || word == "-h" {
            return Ok(None);
        }
        // `--name=value` as well as `--name value`.
        let (name, inline) = match word.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (word, None),
        };
        let mut value = || {
            inline
                .clone()
                .or_else(|| words.next())
                .ok_or_else(|| Refusal(format!("{name} needs a value\n\n{USAGE}")))
        };
        match name.as_str() {
            "--port" => {
                let text = value()?;
                config.port = text
                    .parse()
                    .map_err(|_| Refusal(format!("--port: {text:?} is not a port")))?;
            }
            "--client-id" => config.credential.client_id = value()?,
            "--client-secret" => config.credential.client_secret = value()?,
            "--organization-id" => config.organization_id = value()?,
            "--faults" => faults = script(&value()?)?,
            _ => return Err(Refusal(format!("unknown argument {name}\n\n{USAGE}"))),
        }
    }
    Ok(Some((config, faults)))
}

fn script(path: &str) -> Result<FaultScript, Refusal> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Refusal(format!("--faults {path}: {error}")))?;
    serde_json::from_str(&text).map_err(|error| Refusal(format!("--faults {path}: {error}")))
}

async fn run(config: SimulatorConfig, faults: FaultScript) -> Result<(), Refusal> {
    let simulator = Simulator::start(config).await.map_err(|error| {
        let source = std::error::Error::source(&error)
            .map(|source| format!(": {source}"))
            .unwrap_or_default();
        Refusal(format!("{error}{source}"))
    })?;
    simulator.add_faults(faults);
    let mut text = format!("token server      {}\n", simulator.token_url());
    for inlet in &simulator.config().inlets {
        text += &format!("inlet {:<12}{}\n", inlet.name, simulator.inlet_url(inlet));
        text += &format!("      {:<12}{}\n", "(batches)", simulator.batch_url(inlet));
    }
    text += &format!("what was seen     {}/simulator\n\n", simulator.base_url());
    text += &format!(
        "Paste this into connector.yaml:\n\n{}\n",
        simulator.experience_platform_section()
    );
    text += &format!(
        "Or begin with its empty organization:\n\n{}\n\n  capillary-aep-sink provision --config \
        connector.yaml --platform-url {}\n\n",
        simulator.beginning(),
        simulator.base_url()
    );
    print(&text)?;
    tokio::signal::ctrl_c()
        .await
        .map_err(|error| Refusal(format!("cannot wait for Ctrl-C: {error}")))?;
    let counters = serde_json::to_string_pretty(&simulator.counters())
        .map_err(|error| Refusal(format!("cannot show the counters: {error}")))?;
    print(&format!("\n{counters}\n"))
}

fn print(text: &str) -> Result<(), Refusal> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Refusal(format!("cannot write to the standard output: {error}")))
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match arguments(std::env::args().skip(1)) {
        Ok(Some((config, faults))) => run(config, faults).await,
        Ok(None) => print(&format!("{USAGE}\n")),
        Err(refusal) => Err(refusal),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(refusal) => {
            let _unheard = writeln!(std::io::stderr(), "aep-simulator: {refusal}");
            ExitCode::from(2)
        }
    }
}
