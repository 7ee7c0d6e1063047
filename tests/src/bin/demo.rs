//! The main job end to end on one machine: raw Capillary events through a Fluvio topic, the
//! SmartModule and the connector, into a simulated Experience Platform, with every record accounted
//! for.
//!
//! Everything but the doubles is real: the protocol, the wasm in the broker's engine, the
//! connector's binary.
#![expect(clippy::print_stderr, reason = "a program for people")]

use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use conformance::cluster::TopicOptions;
use conformance::oracle::Verdict;
use conformance::progress::Progress;
use conformance::scenario::{Options, Scenario, ScenarioError};
use conformance::workload::{CORE_KINDS, Mix, RawEvent, Workload};
use serde::Serialize;

/// Customers of the made-up programme.
const CUSTOMERS: u64 = 25;
const PARTITIONS: u32 = 3;
/// Events produced in one go, so that the progress moves.
const PORTION: usize = 100;

const HELP: &str = "\
The main job, end to end, on this machine.

  --events N   raw events to produce (default 1000)
  --json       end with one line of JSON
";

struct Arguments {
    events: usize,
    json: bool,
}

fn arguments() -> Result<Arguments, String> {
    let mut parsed = Arguments {
        events: 1000,
        json: false,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--events" => {
                let number = words.next().unwrap_or_default();
                parsed.events = number
                    .parse()
                    .ok()
                    .filter(|events| *events > 0)
                    .ok_or_else(|| format!("--events needs a number above 0, not '{number}'"))?;
            }
            "--json" => parsed.json = true,
            other => return Err(format!("unknown argument '{other}'\n\n{HELP}")),
        }
    }
    Ok(parsed)
}

#[tokio::main]
async fn main() -> ExitCode {
    if std::env::args().any(|word| word == "--help") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let arguments = match arguments() {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("demo: {message}");
            return ExitCode::from(2);
        }
    };
    match play(&arguments).await {
        Ok(verdict) => {
            show(&verdict);
            if arguments.json {
                match serde_json::to_string(&Summary::from(&verdict)) {
                    Ok(line) => println!("{line}"),
                    Err(error) => eprintln!("demo: the summary cannot be written: {error}"),
                }
            }
            if verdict.is_clean() {
                ExitCode::SUCCESS
            } else {
                eprintln!("demo: the account does not balance:\n{verdict}");
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Plays the demo and judges it.
async fn play(arguments: &Arguments) -> Result<Verdict, ScenarioError> {
    println!(
        "Starting a Fluvio cluster, loading the SmartModule, starting a simulated Experience \
        Platform …"
    );
    let scenario = Scenario::start(Options {
        topic: TopicOptions::new("capillary-events").partitions(PARTITIONS),
        ..Options::default()
    })
    .await?;
    let started = Instant::now();
    let mut connector = scenario.connector()?;
    println!(
        "Producing {} raw events of {} kinds for {CUSTOMERS} customers to topic '{}' ({PARTITIONS} \
        partitions); some unwanted, some broken.",
        arguments.events,
        CORE_KINDS.len(),
        scenario.topic
    );
    let events = workload(arguments.events)?;
    let mut progress = Progress::new();
    let mut produced = 0;
    for portion in events.chunks(PORTION) {
        scenario.produce(portion).await?;
        produced += portion.len();
        tell(&mut progress, produced, arguments.events, &scenario);
    }
    let within = Duration::from_secs(60)
        + Duration::from_millis(10) * u32::try_from(produced).unwrap_or(u32::MAX);
    scenario.settled(&mut connector, within).await?;
    tell(&mut progress, produced, arguments.events, &scenario);
    progress.end();
    let elapsed = started.elapsed();
    let exit = connector.stop(Duration::from_secs(30)).await?;
    if !exit.status.success() {
        return Err(ScenarioError::Waited(format!(
            "the connector ended with {}; its log:\n{}",
            exit.status, exit.log
        )));
    }
    println!(
        "All settled and committed after {:.1} s; the connector drained and stopped.",
        elapsed.as_secs_f64()
    );
    scenario.verdict().await
}

fn workload(events: usize) -> Result<Vec<RawEvent>, ScenarioError> {
    let now_ms = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| {
            i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
        });
    let mut workload = Workload::new(2026, CUSTOMERS, Mix::default(), now_ms)
        .map_err(|error| ScenarioError::Waited(error.to_string()))?;
    Ok((0..events).map(|_| workload.next_event()).collect())
}

fn tell(progress: &mut Progress, produced: usize, of: usize, scenario: &Scenario) {
    let (events, profiles) = scenario.simulator.look(|seen| {
        (
            seen.store().distinct_events(),
            seen.store().profiles().len(),
        )
    });
    let line = format!(
        "  produced {produced:>6} │ events accepted {events:>6} │ profile statements accepted \
        {profiles:>6}"
    );
    progress.show(produced as f64 / of.max(1) as f64, &line);
}

/// The account, for a person.
fn show(verdict: &Verdict) {
    println!("\nEvery record accounted for:");
    let rows = [
        ("raw events on the topic", verdict.produced, ""),
        (
            "delivered to Experience Platform",
            verdict.events_delivered,
            "as XDM events",
        ),
        (
            "skipped",
            verdict.skipped,
            "kinds nobody asked for; they stay in the topic",
        ),
        (
            "dead-lettered",
            verdict.dead_lettered,
            "broken ones, each with its reason",
        ),
        ("lost", verdict.lost.len(), ""),
    ];
    for (name, count, remark) in rows {
        println!("  {name:<34} {count:>7}   {remark}");
    }
    println!(
        "  {:<34} {:>7}   upserts from those events that state profile facts",
        "profile statements delivered", verdict.profiles_delivered
    );
    println!("  {:<34} {:>7}", "sent more than once", verdict.duplicates);
    for (reason, count) in &verdict.reasons {
        println!(
            "  {:<34} {count:>7}",
            format!("dead letters for '{reason}'")
        );
    }
}

/// The account, for a program. The members keep this order.
#[derive(Serialize)]
struct Summary {
    produced: usize,
    events_delivered: usize,
    profiles_delivered: usize,
    skipped: usize,
    dead_lettered: usize,
    lost: usize,
    duplicates: usize,
}

impl From<&Verdict> for Summary {
    fn from(verdict: &Verdict) -> Self {
        Self {
            produced: verdict.produced,
            events_delivered: verdict.events_delivered,
            profiles_delivered: verdict.profiles_delivered,
            skipped: verdict.skipped,
            dead_lettered: verdict.dead_lettered,
            lost: verdict.lost.len(),
            duplicates: verdict.duplicates,
        }
    }
}
