//! Who writes: a mark of this process beside its offsets.
//!
//! Offsets alone cannot tell two processes apart that keep up with the topic: both store the very
//! same numbers. So each process stores a number of its own, drawn at its start, as the offset of
//! the consumer `<id>-writer`, and looks from time to time whether it is still there. A process
//! that starts overwrites it; the one before finds another's number and ends. One whose mark stands
//! can be patient with foreign offsets: the other one is about to end.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::sleep;
use tracing::{debug, error};

use super::error::BrokerError;
use super::offsets::StoredOffsets;
use super::reader::Shared;
use super::session::Session;
use crate::error::Fault;
use crate::telemetry::{Component, Condition};

/// Between two looks at marks that stand.
const ROUND: Duration = Duration::from_secs(30);
/// Between two attempts to set a mark.
const SOON: Duration = Duration::from_secs(2);
/// A second look decides: the first may have met an instance that was just being replaced.
const LOOKS: u32 = 2;
/// Numbers a person can tell apart in a list of consumers.
const NUMBERS: std::ops::Range<i64> = 1_000_000_000..1_000_000_000_000;

/// Whether the mark of this process stands in every partition it reads.
#[derive(Debug, Default)]
pub(super) struct Mark(AtomicBool);

/// What a look at one partition's mark calls for.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Stands,
    /// It is not there (yet, or any more).
    Set,
    /// Another process put its own in its place.
    Taken,
}

/// The marks found and set, by partition.
#[derive(Debug)]
struct Marks {
    own: i64,
    /// What stood there before this process began. A broker that lost its newest writes shows it
    /// again.
    before: HashMap<u32, Option<i64>>,
}

impl Mark {
    /// Whether it stands.
    pub(super) fn stands(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// The consumer under whose name the mark is stored.
    fn consumer(consumer: &str) -> String {
        format!("{consumer}-writer")
    }
}

impl Marks {
    fn step(&mut self, partition: u32, found: Option<i64>) -> Step {
        let before = *self.before.entry(partition).or_insert(found);
        match found {
            Some(found) if found == self.own => Step::Stands,
            Some(found) if before != Some(found) => Step::Taken,
            _ => Step::Set,
        }
    }
}

/// Sets the mark and watches over it. Ends only when another process took over.
pub(super) async fn keep(shared: Arc<Shared>) -> BrokerError {
    let consumer = Mark::consumer(&shared.consumer);
    let offsets = StoredOffsets::new(
        Arc::clone(&shared.directory),
        shared.topic.clone(),
        consumer.clone(),
    );
    let mut marks = Marks {
        own: fastrand::i64(NUMBERS),
        before: HashMap::new(),
    };
    let mut looks = 0;
    loop {
        let looked = look(&shared, &offsets, &consumer, &mut marks).await;
        shared
            .mark
            .0
            .store(matches!(looked, Ok(Looked::Stands)), Ordering::Relaxed);
        let pause = match looked {
            Ok(Looked::Stands) => {
                looks = 0;
                ROUND
            }
            Ok(Looked::Nothing) => SOON,
            Ok(Looked::Taken { partition }) => {
                looks += 1;
                let taken = BrokerError::TakenOver {
                    consumer: shared.consumer.clone(),
                    partition,
                };
                error!(look = looks, "{taken}");
                shared.conditions.put(
                    Component::Writer,
                    Condition {
                        remedy: "stop the other process, or give each its own meta.consumer.id and its own partitions"
                            .to_owned(),
                        ..Condition::of(Fault::User, &taken)
                    },
                );
                if looks >= LOOKS {
                    return taken;
                }
                ROUND
            }
            // Reading and committing tell of a broker in trouble. Without a mark the offsets
            // themselves are judged.
            Err(error) => {
                debug!(%error, "the writer's mark cannot be kept at the moment");
                SOON
            }
        };
        sleep(pause).await;
    }
}

enum Looked {
    /// No partition is read yet.
    Nothing,
    Stands,
    Taken {
        partition: u32,
    },
}

async fn look(
    shared: &Shared,
    offsets: &StoredOffsets,
    consumer: &str,
    marks: &mut Marks,
) -> Result<Looked, BrokerError> {
    let partitions = shared.journal.partitions();
    if partitions.is_empty() {
        return Ok(Looked::Nothing);
    }
    let found = offsets.read().await?;
    for partition in partitions {
        match marks.step(partition, found.get(&partition).copied()) {
            Step::Stands => {}
            Step::Taken => return Ok(Looked::Taken { partition }),
            Step::Set => {
                let mut session =
                    Session::open(&shared.directory, &shared.topic, partition, consumer).await?;
                session.store(marks.own).await?;
            }
        }
    }
    Ok(Looked::Stands)
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    fn marks() -> Marks {
        Marks {
            own: 7,
            before: HashMap::new(),
        }
    }

    #[test]
    fn a_process_that_starts_takes_over_from_the_one_before() {
        let (mut older, mut newer) = (marks(), marks());
        newer.own = 9;
        assert_eq!(older.step(0, None), Step::Set);
        assert_eq!(older.step(0, Some(7)), Step::Stands);
        assert_eq!(newer.step(0, Some(7)), Step::Set);
        assert_eq!(newer.step(0, Some(9)), Step::Stands);
        assert_eq!(older.step(0, Some(9)), Step::Taken);
    }

    #[test]
    fn a_broker_that_lost_its_newest_writes_is_not_another_process() {
        let mut marks = marks();
        assert_eq!(marks.step(0, Some(3)), Step::Set);
        assert_eq!(marks.step(0, Some(7)), Step::Stands);
        assert_eq!(
            marks.step(0, Some(3)),
            Step::Set,
            "taken back to the run before"
        );
        assert_eq!(marks.step(0, None), Step::Set, "taken back to nothing");
    }

    #[test]
    fn partitions_are_told_apart() {
        let mut marks = marks();
        assert_eq!(marks.step(0, Some(3)), Step::Set);
        assert_eq!(marks.step(1, Some(4)), Step::Set);
        assert_eq!(marks.step(1, Some(3)), Step::Taken);
    }
}
