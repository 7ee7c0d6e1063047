//! A second process with the same consumer id, paused owners and killed ones: nobody may end
//! because of another, and nothing may be lost.

use std::time::Duration;

use tokio::time::sleep;

use super::side::{Outcome, Side};
use crate::cluster::TopicOptions;
use crate::scenario::{Options, ScenarioError};
use crate::soak::feed::EVERY;

/// Records produced four times a second.
const PORTION: usize = 3;
/// Portions while both run.
const TOGETHER: usize = 20;
/// Longer than the lease of the scenarios.
const ASLEEP: Duration = Duration::from_secs(3);

pub(crate) fn options() -> Options {
    Options {
        topic: TopicOptions::new("soak-rival").partitions(3),
        platform: crate::soak::stage::platform(),
        // A process that was paused may end what it had sent after its successor began: with an
        // older statement, as the documentation says.
        profiles: false,
        ..Options::default()
    }
}

pub(crate) async fn play(mut side: Side) -> Result<Outcome, ScenarioError> {
    let owner = side.connector()?;
    side.produce(PORTION * 4).await?;
    let mut standby = side.connector()?;
    for _ in 0..TOGETHER {
        side.produce(PORTION).await?;
        sleep(EVERY).await;
    }
    // Its partitions go to the other one; when it wakes up, it gives way.
    owner.signal("STOP").await?;
    side.produce(PORTION * 4).await?;
    sleep(ASLEEP).await;
    owner.signal("CONT").await?;
    side.produce(PORTION * 4).await?;
    side.settled(&mut standby).await;
    side.stop(standby).await?;
    let mut owner = owner;
    side.produce(PORTION * 4).await?;
    side.settled(&mut owner).await;
    // And once more without a word.
    let mut last = side.connector()?;
    side.produce(PORTION * 4).await?;
    owner.kill().await?;
    side.settled(&mut last).await;
    side.stop(last).await?;
    side.judge().await
}
