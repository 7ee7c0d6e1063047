//! What the connector costs, against reference points of the same run; see `bench`.
#![expect(clippy::print_stderr, reason = "a program for people")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use bench::{self, BenchError, Description, Part, Role, Size};

const HELP: &str = "\
What the connector costs, on the cluster of FLUVIO_TEST_CLUSTER.

  --quick        just enough to see that everything is measured
  --part NAME    only this part, and further ones given so: idle, cost, one-by-one, pace, partitions, outage
  --records N    records of a backlog (default 200000)
  --waiting N    records that wait while the platform is down (default 200000)
  --outage SECS  how long the platform is down (default 60)
  --answer-ms N  how long each answer of the platform takes, instead of the workload's own time
  --smartmodule FILE  tell the figures bench-smartmodule wrote there as well; without a --part nothing else then
  --json FILE    write the figures there as well
";

struct Arguments {
    size: Size,
    parts: Vec<Part>,
    answer_time: Option<Duration>,
    smartmodule: Option<PathBuf>,
    json: Option<PathBuf>,
}

fn arguments(words: &[String]) -> Result<Arguments, String> {
    let mut size = if words.iter().any(|word| word == "--quick") {
        Size::quick()
    } else {
        Size::full()
    };
    let (mut parts, mut smartmodule, mut json) = (Vec::new(), None, None);
    let mut answer_time = None;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || {
            words
                .next()
                .ok_or_else(|| format!("{word} needs a value\n\n{HELP}"))
        };
        let number = |text: &String| {
            text.parse::<u64>()
                .map_err(|_| format!("{word} needs a whole number, not '{text}'"))
        };
        match word.as_str() {
            "--quick" => {}
            "--part" => {
                let name = value()?;
                parts.push(
                    Part::named(name)
                        .ok_or_else(|| format!("no part is called '{name}'\n\n{HELP}"))?,
                );
            }
            "--records" => size.records = number(value()?)?,
            "--waiting" => size.waiting = number(value()?)?,
            "--outage" => size.outage_lasts = Duration::from_secs(number(value()?)?),
            "--answer-ms" => answer_time = Some(Duration::from_millis(number(value()?)?)),
            "--smartmodule" => smartmodule = Some(PathBuf::from(value()?)),
            "--json" => json = Some(PathBuf::from(value()?)),
            other => return Err(format!("unknown argument '{other}'\n\n{HELP}")),
        }
    }
    if parts.is_empty() && smartmodule.is_none() {
        parts = Part::ALL.to_vec();
    }
    Ok(Arguments {
        size,
        parts,
        answer_time,
        smartmodule,
        json,
    })
}

async fn run(arguments: Arguments) -> Result<(), BenchError> {
    let Arguments {
        size,
        parts,
        answer_time,
        smartmodule,
        json,
    } = arguments;
    let mut description = Description::load()?;
    if let Some(answer_time) = answer_time {
        description.answer_time = answer_time;
    }
    let tell = |what: &str| eprintln!("measuring: {what}");
    let report = bench::run(smartmodule.as_deref(), &parts, &size, &description, tell).await?;
    print!("{report}");
    if let Some(path) = json {
        std::fs::write(path, report.json())
            .map_err(|error| BenchError::File("write the figures", error))?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--help") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let role = words.first().and_then(|word| Role::named(word));
    let result = match role {
        Some(role) => bench::play(role).await,
        None => match arguments(&words) {
            Ok(arguments) => run(arguments).await,
            Err(message) => {
                eprintln!("bench-connector: {message}");
                return ExitCode::from(2);
            }
        },
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-connector: {error}");
            ExitCode::FAILURE
        }
    }
}
