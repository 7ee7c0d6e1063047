//! Looks at the connector's page with a real browser: a connector at work, then one whose inlet is
//! held, in light and dark.
#![expect(clippy::print_stderr, reason = "a program for people")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use conformance::browser::{Browser, Scheme};
use conformance::cluster::{Backend, TopicOptions};
use conformance::harness::Observed;
use conformance::scenario::{Options, Scenario};
use conformance::simulator::{Fault, Selector, Status, Step, Target};
use conformance::workload::{Mix, RawEvent, Workload};

const HELP: &str = "\
The connector's status page in a real browser.

  --browser PATH      Chromium
  --screenshots DIR   where status-light.png and status-dark.png go
";

/// Long enough for a loaded machine; only a failing check waits this long.
const SOON: Duration = Duration::from_secs(90);

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn arguments() -> Result<(PathBuf, PathBuf), String> {
    let (mut browser, mut screenshots) = (None, None);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--browser" => browser = words.next(),
            "--screenshots" => screenshots = words.next(),
            other => return Err(format!("unknown argument '{other}'\n\n{HELP}")),
        }
    }
    match (browser, screenshots) {
        (Some(browser), Some(screenshots)) => Ok((browser.into(), screenshots.into())),
        _ => Err(HELP.to_owned()),
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let (browser, screenshots) = match arguments() {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("check-page: {message}");
            return ExitCode::from(2);
        }
    };
    match check(&browser, &screenshots).await {
        Ok(()) => {
            println!(
                "the page shows what is so, in light and dark; pictures in {}",
                screenshots.display()
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("check-page: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn check(browser: &Path, screenshots: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(screenshots)?;
    let browser = Browser::new(browser)?;
    let scenario = Scenario::start_on(
        &Backend::Mock,
        Options {
            topic: TopicOptions::new("capillary-events").partitions(3),
            platform: "  shutdown-timeout: 1s\n".to_owned(),
            ..Options::default()
        },
    )
    .await?;
    let refused = Fault::Message {
        status: Status::try_from(400)?,
        message: Some("the value of a field does not match its type".to_owned()),
        dialect: None,
        accept: false,
    };
    let refused = Step::new(Target::Inlet("events".to_owned()), refused);
    scenario
        .simulator
        .add_fault(refused.when(Selector::indexes([0])).times(3));
    scenario
        .simulator
        .add_fault(Step::new(Target::Inlets, Fault::status(Status::try_from(503)?)).times(2));
    scenario.produce(&events(1, 300, Mix::default())?).await?;
    let mut connector = scenario.connector()?;
    let observed = connector.observed(SOON).await?;
    scenario.settled(&mut connector, SOON).await?;
    well(&browser, &observed, &scenario).await?;
    browser
        .screenshot(
            &url(&observed),
            Scheme::Light,
            &screenshots.join("status-light.png"),
        )
        .await?;
    held(&browser, &observed, &scenario).await?;
    browser
        .screenshot(
            &url(&observed),
            Scheme::Dark,
            &screenshots.join("status-dark.png"),
        )
        .await?;
    let exit = connector.stop(SOON).await?;
    if exit.status.success() {
        Ok(())
    } else {
        Err(format!("the connector ended with {}:\n{}", exit.status, exit.log).into())
    }
}

fn url(observed: &Observed) -> String {
    format!("http://{}/", observed.address())
}

fn events(seed: u64, count: usize, mix: Mix) -> Result<Vec<RawEvent>, Failure> {
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let mut workload = Workload::new(seed, 40, mix, now)?;
    Ok((0..count).map(|_| workload.next_event()).collect())
}

/// A page must hold all of this.
fn holds(page: &str, what: &str, parts: &[String]) -> Result<(), Failure> {
    for part in parts {
        if !page.contains(part.as_str()) {
            return Err(format!("{what}: the page does not show {part:?}:\n{page}").into());
        }
    }
    Ok(())
}

/// All is well: the numbers of `/status` are on the page, and dead letters are shown by their place.
async fn well(browser: &Browser, observed: &Observed, scenario: &Scenario) -> Result<(), Failure> {
    let status = observed.status().await?;
    let page = browser.page(&url(observed)).await?;
    let dead_letters = status["lastDeadLetters"].as_array().map_or(0, Vec::len);
    let mut wanted = vec![
        format!(">{}</h1>", scenario.name),
        ">ready</span>".to_owned(),
        format!("id=\"delivered\">{}<", status["records"]["delivered"]),
        format!(">{}</b>", status["records"]["deadLettered"]),
        "id=\"lag\">0<".to_owned(),
        format!("id=\"topic\">{}<", scenario.topic),
        "<section id=\"obstacles\" hidden=\"\">".to_owned(),
        ">pointsIssued</td>".to_owned(),
    ];
    for kind in ["not_json", "refused"] {
        wanted.push(format!("<td class=\"bad\">{kind}</td>"));
    }
    holds(&page, "well", &wanted)?;
    let rows = page.matches("<td>delivery</td>").count() + page.matches("<td>mapping</td>").count();
    if dead_letters == 0 || rows != dead_letters {
        return Err(format!("{rows} dead letters are shown instead of {dead_letters}").into());
    }
    for event in scenario.simulator.accepted_events() {
        if let Some(identity) = event
            .identities
            .iter()
            .find(|identity| page.contains(&identity.id))
        {
            return Err(format!("the page shows a customer's id in {}", identity.namespace).into());
        }
    }
    Ok(())
}

/// The inlet is held: the page says so, and what to do.
async fn held(browser: &Browser, observed: &Observed, scenario: &Scenario) -> Result<(), Failure> {
    scenario.simulator.enable_flow("events", false);
    let mix = Mix {
        unwanted_every: 0,
        broken_every: 0,
    };
    scenario.produce(&events(2, 60, mix)?).await?;
    observed
        .ready(SOON, |shown| shown.text.contains("inlet events"))
        .await?;
    let page = browser.page(&url(observed)).await?;
    let wanted = [
        ">not ready</span>",
        "<h3>inlet events</h3>",
        "What to do: check flow-id and that the dataflow is enabled",
        "yours to mend",
        "<td class=\"bad\">held</td>",
    ];
    holds(&page, "held", &wanted.map(str::to_owned))?;
    if page.contains("id=\"obstacles\" hidden") {
        return Err("held: what is in the way is hidden".into());
    }
    Ok(())
}
