//! Records that always fail, each in its own way, while other faults go on: each must be found and
//! dead-lettered within the documented patience, and all others delivered.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::side::{Outcome, Side};
use crate::cluster::TopicOptions;
use crate::harness::Connector;
use crate::scenario::{Options, ScenarioError};
use crate::simulator::Fault;
use crate::soak::script::status;
use crate::soak::stage::Stage;

/// Records produced once a second.
const PORTION: usize = 4;
const EVERY: Duration = Duration::from_secs(1);
/// The documented patience is 11 minutes; outages of the cluster, in which nobody produces, come on
/// top.
const PATIENCE: Duration = Duration::from_secs(20 * 60);
/// Looking for the dead letters.
const LOOK: usize = 5;

pub(crate) fn options() -> Options {
    Options {
        topic: TopicOptions::new("soak-poison").partitions(2),
        platform: crate::soak::stage::platform(),
        ..Options::default()
    }
}

/// How a record fails, whatever it is sent with.
fn faults() -> Vec<Fault> {
    vec![
        Fault::status(status(503)),
        Fault::status(status(500)),
        Fault::status(status(413)),
        Fault::Html {
            status: status(200),
            accept: false,
        },
        Fault::ResetBeforeBody,
        Fault::Hang { accept: false },
    ]
}

/// `main`: while its records are held back by a fault of the cluster, so are these.
pub(crate) async fn play(mut side: Side, main: Arc<Stage>) -> Result<Outcome, ScenarioError> {
    let mut connector = side.connector()?;
    let faults = faults();
    let doomed = faults.len();
    side.feed.doom(faults);
    let began = Instant::now();
    for round in 0.. {
        {
            let _cluster_is_well = main.feed.lock().await;
            side.produce(PORTION).await?;
        }
        sleep(EVERY).await;
        connector = revived(&mut side, connector).await?;
        if round % LOOK == 0 {
            // No dead-letter topic yet: no dead letters.
            let written = side.scenario.dead_letters().await.unwrap_or_default().len();
            if written >= doomed {
                break;
            }
            if began.elapsed() > PATIENCE {
                side.find(format!(
                    "{} of {doomed} records that always fail are not dead-lettered after {} s",
                    doomed - written,
                    began.elapsed().as_secs()
                ));
                break;
            }
        }
    }
    side.settled(&mut connector).await;
    side.stop(connector).await?;
    side.judge().await
}

/// A connector that ended on its own is a finding, and started again.
async fn revived(side: &mut Side, mut connector: Connector) -> Result<Connector, ScenarioError> {
    if connector.is_running()? {
        return Ok(connector);
    }
    let exit = connector.wait(EVERY).await?;
    side.ended(exit, 0)?;
    side.find("the connector ended on its own".to_owned());
    side.connector()
}
