//! A partition's leader dies and another SPU is elected: the connector must go on there, and
//! nothing may be lost.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::side::{Outcome, Side};
use crate::cluster::TopicOptions;
use crate::scenario::{Options, ScenarioError};

const PORTION: usize = 30;
/// How long replication and an election may take.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(250);

pub(crate) fn options() -> Options {
    Options {
        topic: TopicOptions::new("soak-leader").replicas(2),
        platform: crate::soak::stage::platform(),
        ..Options::default()
    }
}

pub(crate) async fn play(mut side: Side) -> Result<Outcome, ScenarioError> {
    let mut connector = side.connector()?;
    side.produce(PORTION).await?;
    side.settled(&mut connector).await;
    let cluster = std::sync::Arc::clone(&side.scenario.cluster);
    let topic = side.scenario.topic.clone();
    let end = cluster.high_watermark(&topic, 0).await?;
    // The follower may become the leader only when it lags by little, as far as the controller was
    // told.
    let deadline = Instant::now() + PATIENCE;
    while !cluster.is_replicated(&topic, 0, end).await? {
        if Instant::now() > deadline {
            side.find("the follower did not catch up".to_owned());
            break;
        }
        sleep(LOOK).await;
    }
    let old = cluster.leader(&topic, 0).await?;
    cluster.stop_spu(old).await?;
    let deadline = Instant::now() + PATIENCE;
    while cluster.leader(&topic, 0).await? == old {
        if Instant::now() > deadline {
            side.find("no other leader was elected".to_owned());
            break;
        }
        sleep(LOOK).await;
    }
    // Without a follower the new leader makes nothing readable.
    cluster.start_spu(old).await?;
    side.produce(PORTION).await?;
    side.settled(&mut connector).await;
    side.stop(connector).await?;
    side.judge().await
}
