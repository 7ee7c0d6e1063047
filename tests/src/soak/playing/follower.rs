//! An SPU with a replica is away: what only the leader has is delivered when the configuration says
//! so, and otherwise waited for by name; nothing is lost when it is back.

use std::time::Duration;

use super::side::{Outcome, Side};
use crate::cluster::TopicOptions;
use crate::harness::Connector;
use crate::scenario::{Options, Scenario, ScenarioError};

const PORTION: usize = 30;
/// How long the connector may take to deliver, or to name what it waits for; less than a producer
/// waits for the follower.
const NOTICED: Duration = Duration::from_secs(25);
/// Topics that are tried until one suits.
const TOPICS: usize = 20;

/// What the connector reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isolation {
    Committed,
    Uncommitted,
}

/// A set-up whose topic has a replica on every SPU, and an SPU that leads neither it nor the stored
/// offsets.
pub(crate) async fn stage(beside: &Scenario) -> Result<(Scenario, usize), ScenarioError> {
    let cluster = &beside.cluster;
    let spus = cluster.spu_count();
    for _ in 0..TOPICS {
        let replicas = u32::try_from(spus).unwrap_or(u32::MAX);
        let options = Options {
            topic: TopicOptions::new("soak-follower").replicas(replicas),
            platform: crate::soak::stage::platform(),
            ..Options::default()
        };
        let scenario = beside.beside(options).await?;
        let needed = [
            cluster.leader(&scenario.topic, 0).await?,
            cluster.offsets_leader().await?,
        ];
        if let Some(follower) = (0..spus).find(|spu| !needed.contains(spu)) {
            return Ok((scenario, follower));
        }
        // The controller spreads leaders over SPUs by what they have: this one stays.
    }
    Err(ScenarioError::Waited(
        "no topic is led by the SPU that keeps the offsets".to_owned(),
    ))
}

pub(crate) async fn play(
    mut side: Side,
    follower: usize,
    isolation: Isolation,
) -> Result<Outcome, ScenarioError> {
    let mut configuration = side.scenario.configuration();
    if isolation == Isolation::Uncommitted {
        configuration =
            configuration.replace("partition: all", "partition: all, isolation: uncommitted");
    }
    let mut connector = side.connector_with(&configuration)?;
    side.produce(PORTION).await?;
    side.settled(&mut connector).await;
    let cluster = std::sync::Arc::clone(&side.scenario.cluster);
    cluster.stop_spu(follower).await?;
    let Side { scenario, feed, .. } = &mut side;
    let scenario = &*scenario;
    // The leader has it at once, and acknowledges it when the follower is back.
    let produced = feed.produce(scenario, PORTION);
    let back = async {
        let noticed = noticed(scenario, &mut connector, isolation).await;
        cluster.start_spu(follower).await?;
        noticed
    };
    let (produced, noticed) = tokio::join!(produced, back);
    produced?;
    if !noticed? {
        side.find(format!(
            "{isolation:?}: neither delivered nor named within {} s",
            NOTICED.as_secs()
        ));
    }
    side.settled(&mut connector).await;
    side.stop(connector).await?;
    side.judge().await
}

/// Whether the connector delivers what only the leader has, or names what it waits for.
async fn noticed(
    scenario: &Scenario,
    connector: &mut Connector,
    isolation: Isolation,
) -> Result<bool, ScenarioError> {
    let noticed = match isolation {
        Isolation::Committed => {
            let observed = connector.observed(NOTICED).await?;
            let named = observed.ready(NOTICED, |shown| {
                shown.status == 503 && shown.text.contains("replication stands still")
            });
            named.await.is_ok()
        }
        Isolation::Uncommitted => {
            let all = 2 * PORTION;
            let delivered = scenario.seen("every event", NOTICED, |seen| {
                seen.store().distinct_events() >= all
            });
            delivered.await.is_ok()
        }
    };
    Ok(noticed)
}
