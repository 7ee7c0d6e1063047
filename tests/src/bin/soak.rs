//! Random faults for as long as asked, and the account afterwards.
#![expect(clippy::print_stderr, reason = "a program for people")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use conformance::progress::Progress;
use conformance::soak::Soak;

const HELP: &str = "\
Random faults while records flow, on the cluster of FLUVIO_TEST_CLUSTER; ends with the account.

  --minutes N   how long faults are played (default 2; a fraction is possible)
  --seed S      decides records and faults (default: a random one, printed)
  --spus N      SPUs of the cluster (default 3)
  --logs DIR    where the connectors' logs go (default: a directory in the system's temporary one)
  --json        end with one line of JSON
";

/// Records produced four times a second: modest, so that hours fit into memory.
const PORTION: usize = 6;

struct Arguments {
    soak: Soak,
    json: bool,
}

fn arguments() -> Result<Arguments, String> {
    let (mut minutes, mut seed, mut spus) = (2.0_f64, fastrand::u64(..1_000_000), 3);
    let (mut logs, mut json) = (None, false);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().unwrap_or_default();
        match word.as_str() {
            "--minutes" => {
                let text = value();
                minutes = text
                    .parse()
                    .ok()
                    .filter(|minutes| (0.0..=100_000.0).contains(minutes))
                    .ok_or_else(|| format!("--minutes needs a number, not '{text}'"))?;
            }
            "--seed" => {
                let text = value();
                seed = text
                    .parse()
                    .map_err(|_| format!("--seed needs a whole number, not '{text}'"))?;
            }
            "--spus" => {
                let text = value();
                spus = text
                    .parse()
                    .ok()
                    .filter(|spus| (1..=9).contains(spus))
                    .ok_or_else(|| format!("--spus needs a number from 1 to 9, not '{text}'"))?;
            }
            "--logs" => logs = Some(PathBuf::from(value())),
            "--json" => json = true,
            other => return Err(format!("unknown argument '{other}'\n\n{HELP}")),
        }
    }
    let logs = logs.unwrap_or_else(|| {
        std::env::temp_dir().join(format!("soak-{seed}-{}", std::process::id()))
    });
    let lasts = Duration::from_secs_f64(minutes * 60.0);
    let soak = Soak {
        lasts,
        seed,
        spus,
        portion: PORTION,
        logs,
    };
    Ok(Arguments { soak, json })
}

#[tokio::main]
async fn main() -> ExitCode {
    if std::env::args().any(|word| word == "--help") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let Arguments { soak, json } = match arguments() {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("soak: {message}");
            return ExitCode::from(2);
        }
    };
    let (seed, logs) = (soak.seed, soak.logs.clone());
    println!("seed {seed}, logs in {}", logs.display());
    let (started, lasts) = (Instant::now(), soak.lasts.as_secs_f64());
    let mut progress = Progress::new();
    let played = soak
        .play(|line| progress.show(started.elapsed().as_secs_f64() / lasts, &line))
        .await;
    progress.end();
    match played {
        Ok(report) => {
            print!("{report}");
            if json {
                println!("{}", report.json());
            }
            if report.is_clean() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            eprintln!(
                "soak: {error}\nsoak: seed {seed}, logs in {}",
                logs.display()
            );
            ExitCode::FAILURE
        }
    }
}
