//! A topic is deleted and created anew while the stored offsets stay: the connector must end with
//! 3, clamp nothing, and begin at the beginning once somebody deletes the offset.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::side::{Outcome, Side};
use crate::cluster::TopicOptions;
use crate::scenario::{Options, ScenarioError};

/// Records of the first topic.
const BEFORE: usize = 20;
/// Records of the second one: fewer, so that the stored offset lies beyond its end, or more, so
/// that only its content tells it from the first.
const SHORTER: usize = 5;
const LONGER: usize = 30;
/// Time of grace included.
const ENDED: Duration = Duration::from_secs(120);
/// How long a deleted topic's name may be taken.
const RELEASED: Duration = Duration::from_secs(90);
/// How long a partition of a new topic may take to appear.
const ONLINE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(500);
/// What an exit with 3 means: the log is not the one whose offset is stored.
const ANOTHER_LOG: i32 = 3;

pub(crate) fn options() -> Options {
    Options {
        topic: TopicOptions::new("soak-recreated"),
        platform: crate::soak::stage::platform(),
        ..Options::default()
    }
}

pub(crate) async fn play(mut side: Side, is_longer: bool) -> Result<Outcome, ScenarioError> {
    let mut connector = side.connector()?;
    side.produce(BEFORE).await?;
    side.settled(&mut connector).await;
    side.stop(connector).await?;
    let (mut verdict, mut findings) = (
        side.scenario.verdict_on(side.feed.produced(), &[]).await?,
        std::mem::take(&mut side.findings),
    );
    let stored = side.scenario.stored().await?;
    let cluster = std::sync::Arc::clone(&side.scenario.cluster);
    let (name, topic) = (side.scenario.name.clone(), side.scenario.topic.clone());
    // What names the log goes with the offset.
    let anchor = format!("{name}-log");
    let named = cluster.stored_offset(&anchor, &topic, 0).await?;
    create_anew(&side).await?;
    side.feed.forget();
    side.scenario.simulator.reset();
    side.produce(if is_longer { LONGER } else { SHORTER })
        .await?;
    // A real broker forgets them with the topic; a commit that was on its way brings them back.
    for (consumer, offset) in [(&name, stored.first().copied().flatten()), (&anchor, named)] {
        if let Some(offset) = offset {
            cluster.store_offset(consumer, &topic, 0, offset).await?;
        }
    }
    let connector = side.connector()?;
    side.ends_with(ANOTHER_LOG, connector, ENDED).await?;
    if side.scenario.stored().await? != stored {
        side.find("the stored offset was changed".to_owned());
    }
    if !side.scenario.simulator.accepted_events().is_empty() {
        side.find(
            "something was delivered of a log that is not the one that was committed for"
                .to_owned(),
        );
    }
    cluster.delete_offset(&name, &topic, 0).await?;
    let mut connector = side.connector()?;
    side.settled(&mut connector).await;
    side.stop(connector).await?;
    let (second, more) = side.judge().await?;
    verdict.add(second);
    findings.extend(more);
    Ok((verdict, findings))
}

/// Created while the old topic is still being deleted, a topic loses its partitions to that
/// deletion: waited out, and repeated when it happened all the same.
async fn create_anew(side: &Side) -> Result<(), ScenarioError> {
    let (cluster, topic) = (&side.scenario.cluster, &side.scenario.topic);
    let deadline = Instant::now() + RELEASED;
    loop {
        cluster.delete_topic(topic).await?;
        while cluster.leader(topic, 0).await.is_ok() && Instant::now() < deadline {
            sleep(LOOK).await;
        }
        while let Err(error) = cluster.create_topic(TopicOptions::new(topic)).await {
            if Instant::now() > deadline {
                return Err(error.into());
            }
            sleep(LOOK).await;
        }
        let online = Instant::now() + ONLINE;
        while Instant::now() < online {
            if cluster.leader(topic, 0).await.is_ok() {
                return Ok(());
            }
            sleep(LOOK).await;
        }
        if Instant::now() > deadline {
            return Err(ScenarioError::Waited(format!(
                "topic {topic} has no partition"
            )));
        }
    }
}
