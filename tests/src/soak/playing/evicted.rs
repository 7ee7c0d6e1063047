//! Retention removes records that were not read yet: exactly those must be told, and all others
//! delivered.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::side::{Outcome, Side};
use crate::cluster::TopicOptions;
use crate::scenario::{Options, ScenarioError};
use crate::simulator::{Fault, Step, Target};
use crate::soak::script::status;

/// Delivered before.
const BEFORE: usize = 20;
/// Produced while the connector does not read; far more than the topic keeps.
const MEANWHILE: usize = 120;
/// A real broker looks every ten seconds.
const CLEANED: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(250);

pub(crate) fn options() -> Options {
    let mut topic = TopicOptions::new("soak-evicted");
    topic.segment_size = Some(16 << 10);
    topic.max_partition_size = Some(32 << 10);
    Options {
        topic,
        // Little is read ahead, so that much can be lost while the connector is held up.
        platform: format!(
            "  buffer: {{max-bytes: 24MiB, max-offsets: 10}}\n{}",
            crate::soak::stage::platform()
        ),
        max_bytes: "10kB".to_owned(),
        profiles: false,
        ..Options::default()
    }
}

/// `is_running`: the connector runs and cannot deliver; otherwise it is stopped.
pub(crate) async fn play(mut side: Side, is_running: bool) -> Result<Outcome, ScenarioError> {
    let mut connector = side.connector()?;
    side.produce_one_by_one(BEFORE).await?;
    side.settled(&mut connector).await;
    let running = if is_running {
        let down = Fault::status(status(503));
        side.scenario
            .simulator
            .add_fault(Step::new(Target::Inlets, down).forever());
        Some(connector)
    } else {
        side.stop(connector).await?;
        None
    };
    side.produce_one_by_one(MEANWHILE).await?;
    evict(&mut side).await?;
    side.scenario.simulator.clear_faults();
    let mut connector = match running {
        Some(connector) => connector,
        None => side.connector()?,
    };
    side.settled(&mut connector).await;
    side.stop(connector).await?;
    let (verdict, mut findings) = side.judge().await?;
    if verdict.evicted == 0 {
        findings.push("evicted: retention removed records, and none was told".to_owned());
    }
    Ok((verdict, findings))
}

/// Waits until half of what was produced meanwhile is gone.
async fn evict(side: &mut Side) -> Result<(), ScenarioError> {
    let gone = i64::try_from(BEFORE + MEANWHILE / 2).unwrap_or(i64::MAX);
    let scenario = &side.scenario;
    if let Some(mock) = scenario.cluster.mock() {
        mock.evict(&scenario.topic, 0, gone)
            .map_err(|error| ScenarioError::Waited(format!("cannot evict: {error}")))?;
        return Ok(());
    }
    let deadline = Instant::now() + CLEANED;
    while scenario.cluster.log_start(&scenario.topic, 0).await? < gone {
        if Instant::now() > deadline {
            side.find("the broker did not remove what is beyond the topic's size".to_owned());
            return Ok(());
        }
        sleep(LOOK).await;
    }
    Ok(())
}
