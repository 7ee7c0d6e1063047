//! The steps at the Fluvio cluster.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::customer_partitions::{self, CustomerPartitions};
use super::report::{Finding, Report, Status};
use crate::answer::Answer;
use crate::broker::{
    ANSWER_TIMEOUT, BrokerError, ConsumerLag, DeadLetterTopicState, Inspector, LogTail,
};
use crate::config::Config;

const CLUSTER: &str = "cluster";
const TOPIC: &str = "topic";
const OFFSETS: &str = "offsets";
const SMARTMODULE: &str = "smartmodule";
const ANSWERS: &str = "answers";
const LETTERS: &str = "dead letters";

/// Records looked at in each partition: enough to meet customers more than once, few enough to be
/// read at once.
const SAMPLE: i64 = 1_000;

/// The latest answer of each kind among the sampled records, by its event name.
pub(super) type SampledAnswers = BTreeMap<String, Bytes>;

/// Asks the cluster everything a run would ask it.
pub(super) async fn steps(config: &Config, report: &mut Report) -> SampledAnswers {
    let inspector = match Inspector::connect(config).await {
        Ok(inspector) => inspector,
        Err(error) => {
            let finding = failed(CLUSTER, &error);
            report.add(match error {
                BrokerError::Connect { .. } => finding.advise(
                    "see that the cluster runs (`fluvio cluster status`) and that the profile \
                    names it (`fluvio profile list`)",
                ),
                _ => finding,
            });
            for step in [
                TOPIC,
                OFFSETS,
                SMARTMODULE,
                ANSWERS,
                customer_partitions::STEP,
                LETTERS,
            ] {
                report.add(Finding::skipped(step, "no cluster to ask"));
            }
            return SampledAnswers::new();
        }
    };
    report.add(Finding::ok(CLUSTER, inspector.cluster()));
    let tails = topic(&inspector, config, report).await;
    let loaded = smartmodule(&inspector, config, report).await;
    let sampled = match &tails {
        Some(tails) => {
            report.add(answers(&inspector, config, tails, loaded).await);
            customers(&inspector, tails, report)
        }
        None => {
            report.add(Finding::skipped(ANSWERS, "no topic to read"));
            report.add(Finding::skipped(
                customer_partitions::STEP,
                "no topic to read",
            ));
            SampledAnswers::new()
        }
    };
    report.add(dead_letters(&inspector, config).await);
    sampled
}

/// The topic, its partitions and what this consumer stored; gives the end of every partition.
async fn topic(
    inspector: &Inspector,
    config: &Config,
    report: &mut Report,
) -> Option<Vec<LogTail>> {
    let (all, wanted) = match inspector.partitions().await {
        Ok(found) => found,
        Err(error) => {
            report.add(failed(TOPIC, &error));
            report.add(Finding::skipped(OFFSETS, "no topic they could be of"));
            return None;
        }
    };
    let mut tails = Vec::new();
    for partition in &all {
        match inspector.tail(*partition, SAMPLE).await {
            Ok(tail) => tails.push(tail),
            Err(error) => {
                report.add(failed(TOPIC, &error));
                report.add(Finding::skipped(OFFSETS, "the topic cannot be read"));
                return None;
            }
        }
    }
    let count = |count: usize| match count {
        1 => "1 partition".to_owned(),
        several => format!("{several} partitions"),
    };
    let of = if wanted.len() == all.len() {
        count(all.len())
    } else {
        let others: Vec<_> = all
            .iter()
            .filter(|partition| !wanted.contains(partition))
            .map(u32::to_string)
            .collect();
        format!(
            "{} of {} (other instances have to read {})",
            wanted.len(),
            count(all.len()),
            others.join(", ")
        )
    };
    report.add(Finding::ok(
        TOPIC,
        format!("{}: {of}, readable", config.topic),
    ));
    report.add(match inspector.lags(&wanted).await {
        Ok(lags) => offsets(&lags, &config.consumer.id),
        Err(error) => failed(OFFSETS, &error),
    });
    Some(tails)
}

/// What the stored offsets say about the next start.
fn offsets(lags: &[ConsumerLag], consumer: &str) -> Finding {
    let behind: i64 = lags.iter().map(|lag| lag.behind).sum();
    let evicted: i64 = lags.iter().map(|lag| lag.evicted).sum();
    let begun = lags.iter().filter(|lag| lag.stored.is_some()).count();
    let found = format!(
        "consumer {consumer}: {begun} of {} partitions begun, {behind} records to read",
        lags.len()
    );
    if evicted == 0 {
        return Finding::ok(OFFSETS, found);
    }
    let found =
        format!("{found}; {evicted} records were removed by retention before they were read");
    Finding::new(OFFSETS, Status::Warning, found)
        .advise("they are lost to this consumer; give the topic a longer retention")
}

/// Whether the module is loaded, once, in the version of this binary.
async fn smartmodule(inspector: &Inspector, config: &Config, report: &mut Report) -> bool {
    const OWN: &str = env!("CARGO_PKG_VERSION");
    let uses = &config.transform.uses;
    let finding = match inspector.smartmodule().await {
        Ok(Some(version)) if version == OWN => {
            Finding::ok(SMARTMODULE, format!("{uses} is loaded, version {version}"))
        }
        Ok(Some(version)) => {
            let found =
                format!("{uses} is loaded in version {version}, and this connector is {OWN}");
            Finding::new(SMARTMODULE, Status::Wrong, found).advise(format!(
                "load the SmartModule of version {OWN} and name it in `transforms`: records the \
                broker cannot answer are mapped here, and both mappings must be one"
            ))
        }
        Ok(None) => Finding::ok(
            SMARTMODULE,
            format!(
                "{uses} is loaded without package data, so its version shows in its answers only"
            ),
        ),
        Err(error) => {
            report.add(failed(SMARTMODULE, &error));
            return false;
        }
    };
    report.add(finding);
    true
}

/// Reads the end of one partition through the module and compares.
async fn answers(
    inspector: &Inspector,
    config: &Config,
    tails: &[LogTail],
    loaded: bool,
) -> Finding {
    if !loaded {
        return Finding::skipped(ANSWERS, "no SmartModule to ask");
    }
    let Some(tail) = tails
        .iter()
        .max_by_key(|tail| tail.len())
        .filter(|tail| tail.len() > 0)
    else {
        return Finding::skipped(ANSWERS, "the topic is empty: nothing to answer yet")
            .advise("check again once there are records");
    };
    let uses = &config.transform.uses;
    match inspector.compare(tail).await {
        Ok(Some(comparison)) if comparison.different == 0 => Finding::ok(
            ANSWERS,
            format!(
                "{uses} gave {} answers, the same as this binary's",
                comparison.compared
            ),
        ),
        Ok(Some(comparison)) => {
            let found = format!(
                "{uses} gave {} answers, {} of them not those of this binary",
                comparison.compared, comparison.different
            );
            Finding::new(ANSWERS, Status::Wrong, found)
                .advise("load the capillary_xdm.wasm that belongs to this binary")
        }
        Ok(None) => {
            let found = format!(
                "{uses} gave no answer to the last records of partition {} for {} s: they may \
                exceed max-bytes, or the SPU is overloaded",
                tail.partition,
                ANSWER_TIMEOUT.as_secs()
            );
            Finding::new(ANSWERS, Status::Warning, found).advise(
                "check again while the SPU is less busy; if it stays so, raise \
                meta.consumer.max-bytes; until then the connector maps such records itself, more \
                slowly",
            )
        }
        Err(error) => failed(ANSWERS, &error),
    }
}

/// Where customers' records lie; collects one answer of each kind.
fn customers(inspector: &Inspector, tails: &[LogTail], report: &mut Report) -> SampledAnswers {
    let mut customer_partitions = CustomerPartitions::default();
    let mut sampled = SampledAnswers::new();
    for tail in tails {
        let answers = match inspector.answers(tail) {
            Ok(answers) => answers,
            Err(error) => {
                report.add(failed(customer_partitions::STEP, &error));
                return sampled;
            }
        };
        for answer in answers {
            customer_partitions.add(tail.partition, &answer);
            if let Ok(Answer::Mapped(mapped)) = Answer::read(&answer) {
                sampled.insert(mapped.name.to_string(), answer);
            }
        }
    }
    report.add(customer_partitions.finding(tails.len()));
    sampled
}

/// Whether dead letters can be kept. Nothing is written: a dead letter would stay there.
async fn dead_letters(inspector: &Inspector, config: &Config) -> Finding {
    let topic = &config.platform.dead_letter.topic;
    match inspector.dead_letters().await {
        Ok(DeadLetterTopicState::Served {
            replicas, source, ..
        }) if replicas < config.platform.dead_letter.replicas.unwrap_or(source) => Finding::new(
            LETTERS,
            Status::Warning,
            format!(
                "topic {topic} keeps {replicas} copies of a record, the source topic {source}; a \
                dead letter is the last copy of its record"
            ),
        )
        .advise(format!(
            "create {topic} anew with `--replication {source}` once what it holds was replayed, or \
            set `experience-platform.dead-letter.replicas` to what you want"
        )),
        Ok(DeadLetterTopicState::Served { address, .. }) => Finding::ok(
            LETTERS,
            format!("topic {topic} is there, served by {address} (nothing was written)"),
        ),
        Ok(DeadLetterTopicState::Creatable) => Finding::ok(
            LETTERS,
            format!(
                "topic {topic} is not there yet; the cluster would create it (asked without \
                creating it)"
            ),
        ),
        Err(error) => failed(LETTERS, &error).advise(format!(
            "a record that cannot be delivered stops the stream until {topic} can be written to"
        )),
    }
}

fn failed(step: &'static str, error: &BrokerError) -> Finding {
    let finding = Finding::new(step, Status::of(error.fault()), error.to_string());
    match error {
        BrokerError::Connect { .. } => finding.advise(
            "see that it runs (`fluvio cluster spu list`) and that its public address can be \
            reached from this machine",
        ),
        BrokerError::Request { .. } => finding.advise(
            "try again; if it stays, look at the \
            broker's log",
        ),
        BrokerError::PartitionMissing { .. } => finding.advise("change `meta.consumer.partition`"),
        BrokerError::NotListed { .. } | BrokerError::NoLeader { .. } => finding.advise(
            "see that every SPU runs: `fluvio cluster spu list`, `fluvio partition \
                list`",
        ),
        _ => finding,
    }
}
