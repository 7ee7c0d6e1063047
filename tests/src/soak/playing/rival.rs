//! A second process with the same consumer id: one of the two must notice and end with 3, and
//! nothing may be lost.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::side::{Outcome, Side};
use crate::cluster::TopicOptions;
use crate::harness::Connector;
use crate::scenario::{Options, ScenarioError};
use crate::simulator::{FaultScript, Latency, RandomFaults};
use crate::soak::feed::EVERY;

/// Records produced four times a second.
const PORTION: usize = 3;
/// The stored offsets are read back every 30 s, and it takes two sightings of an offset that is not
/// one's own: on a loaded machine the two go in step for a while, or a reading fails.
const NOTICED: Duration = Duration::from_secs(600);
/// How long what remains may take to settle everything.
const GOES_ON: Duration = Duration::from_secs(300);
/// How long a process that is ending may take.
const ENDED: Duration = Duration::from_secs(60);
/// What an exit with 3 means: another process commits for the same consumer id.
const ANOTHER_WRITER: i32 = 3;

pub(crate) fn options() -> Options {
    Options {
        topic: TopicOptions::new("soak-rival").partitions(3),
        platform: crate::soak::stage::platform(),
        // Two processes may end with an older statement; that is what the message of the exit is
        // about.
        profiles: false,
        ..Options::default()
    }
}

pub(crate) async fn play(mut side: Side) -> Result<Outcome, ScenarioError> {
    // Answers take their time, so that the two do not go in step.
    side.scenario.simulator.add_faults(FaultScript {
        steps: Vec::new(),
        random: Some(RandomFaults {
            seed: 1,
            chances: Vec::new(),
            latency_ms: Latency::try_from((20, 400)).ok(),
        }),
    });
    let mut running = vec![side.connector()?];
    side.produce(PORTION * 4).await?;
    running.push(side.connector()?);
    let deadline = Instant::now() + NOTICED;
    while running.len() == 2 && Instant::now() < deadline {
        side.produce(PORTION).await?;
        sleep(EVERY).await;
        reap(&mut side, &mut running).await?;
    }
    if running.len() == 2 {
        side.find(format!(
            "neither process noticed the other within {} s",
            NOTICED.as_secs()
        ));
        if let Some(connector) = running.pop() {
            side.stop(connector).await?;
        }
    }
    side.produce(PORTION * 4).await?;
    // The other one may have noticed as well; then somebody starts one again.
    let goes_on = Instant::now() + GOES_ON;
    let mut connector = loop {
        let mut connector = match running.pop() {
            Some(connector) => connector,
            None => side.connector()?,
        };
        if side.scenario.settled(&mut connector, GOES_ON).await.is_ok() {
            break connector;
        }
        if connector.is_running()? || Instant::now() > goes_on {
            side.find("what remained did not go on".to_owned());
            break connector;
        }
        side.ends_with(ANOTHER_WRITER, connector, ENDED).await?;
    };
    if connector.is_running()? {
        side.stop(connector).await?;
    } else {
        side.ends_with(ANOTHER_WRITER, connector, ENDED).await?;
    }
    side.judge().await
}

/// Takes those that ended out.
async fn reap(side: &mut Side, running: &mut Vec<Connector>) -> Result<(), ScenarioError> {
    for mut connector in std::mem::take(running) {
        if connector.is_running()? {
            running.push(connector);
        } else {
            side.ends_with(ANOTHER_WRITER, connector, ENDED).await?;
        }
    }
    Ok(())
}
