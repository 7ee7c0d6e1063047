//! `apiVersion` and `meta`, which every Fluvio connector has.
//!
//! What stock connectors accept is accepted; what they ignore (unknown keys), or cannot do safely
//! here, is refused.

use std::num::NonZeroU32;

use serde_json::Value;

use super::rules;
use crate::config::decode::decode;
use crate::config::defaults;
use crate::config::keys::{ConsumerKeys, MetaKeys, OffsetKeys, TopicKeys};
use crate::config::model::{Consumer, Isolation, Partitions, Start};
use crate::config::problem::Problems;
use crate::config::yaml::path::KeyPath;
use crate::config::yaml::scalar::{Partition, ShareIndex, StartAt};

/// Names and reading position.
pub(super) struct Meta {
    pub(super) name: String,
    pub(super) topic: String,
    pub(super) consumer: Consumer,
}

/// Checks `apiVersion`. `templated` says whether placeholders or listed secrets are in use.
pub(super) fn check_api_version(
    version: Option<&str>,
    templated: bool,
    problems: &mut Problems<'_>,
) {
    let path = KeyPath::of("apiVersion");
    match version.unwrap_or(defaults::API_VERSIONS[0]) {
        "0.0.0" if templated => problems.add(
            &path,
            "secrets need apiVersion 0.1.0 or 0.2.0: with 0.0.0, or none, stock connectors ignore \
            meta.secrets",
        ),
        known if defaults::API_VERSIONS.contains(&known) => {}
        // No guess which one was meant: the oldest would be the nearest to many.
        _ => problems.expected(&path, "0.0.0, 0.1.0 or 0.2.0"),
    }
}

/// Validates `meta`.
pub(super) fn meta(
    keys: Option<MetaKeys>,
    api_version: Option<&str>,
    problems: &mut Problems<'_>,
) -> Option<Meta> {
    let root = KeyPath::of("meta");
    let keys = problems.require(
        &root,
        keys,
        "the section that names the connector and its topic",
    )?;
    let path = root.key("version");
    problems.require(
        &path,
        keys.version,
        "the connector's version, such as 0.1.0",
    );
    let path = root.key("type");
    if let Some(kind) = problems.require(&path, keys.kind, "capillary-aep-sink")
        && kind.ends_with("-source")
    {
        problems.expected(
            &path,
            "capillary-aep-sink: a type that ends in -source is a source",
        );
    }
    if keys.producer.is_some() {
        problems.add(
            &root.key("producer"),
            "belongs to sources; this is a sink, remove the key",
        );
    }
    for (index, secret) in keys.secrets.iter().flatten().enumerate() {
        problems.require(
            &root.key("secrets").index(index).key("name"),
            secret.name.as_ref(),
            "the secret's name",
        );
    }
    let path = root.key("name");
    let name = problems.require(&path, keys.name, "a name for this connector");
    let name = name.and_then(|name| rules::text(&path, name, problems));
    let topic = topic(keys.topic, api_version, problems);
    let consumer = consumer(keys.consumer, problems);
    Some(Meta {
        name: name?,
        topic: topic?,
        consumer: consumer?,
    })
}

/// `meta.topic`: a name, or an object from apiVersion 0.2.0 on.
fn topic(
    keys: Option<Value>,
    api_version: Option<&str>,
    problems: &mut Problems<'_>,
) -> Option<String> {
    let path = KeyPath::of("meta.topic");
    if api_version != Some("0.2.0") {
        let keys = problems.require(&path, keys, "the name of the topic to read")?;
        let Value::String(name) = keys else {
            problems.expected(
                &path,
                "the name of the topic to read (an object needs apiVersion 0.2.0)",
            );
            return None;
        };
        return rules::topic_name(&path, name, problems);
    }
    let keys = problems.require(
        &path,
        keys,
        "an object with meta.name, the name of the topic to read",
    )?;
    if !keys.is_object() {
        problems.expected(
            &path,
            "an object, as apiVersion 0.2.0 has it: {meta: {name: …}}",
        );
        return None;
    }
    let topic: TopicKeys = decode(keys, &path, problems);
    let path = path.key("meta").key("name");
    let name = problems.require(
        &path,
        topic.meta.and_then(|meta| meta.name),
        "the name of the topic to read",
    )?;
    rules::topic_name(&path, name, problems)
}

fn consumer(keys: Option<ConsumerKeys>, problems: &mut Problems<'_>) -> Option<Consumer> {
    let root = KeyPath::of("meta.consumer");
    let keys = problems.require(&root, keys, "the section with the consumer's id")?;
    let path = root.key("id");
    let id = problems.require(
        &path,
        keys.id,
        "the id under which the cluster stores the offsets",
    );
    let id = id.and_then(|id| rules::text(&path, id, problems));
    let path = root.key("partition");
    let partitions = match keys.partition {
        None | Some(Partition::All) => Partitions::All,
        Some(Partition::Listed(mut listed)) => {
            if listed.is_empty() {
                problems.add(
                    &path,
                    "an empty list reads nothing; expected `all`, a number or a list of numbers",
                );
            }
            listed.sort_unstable();
            if listed.windows(2).any(|pair| pair[0] == pair[1]) {
                problems.add(&path, "a partition is in the list twice");
            }
            Partitions::Only(listed)
        }
        Some(Partition::Share { index, of }) => share(&path, index, of, problems),
    };
    // The stock spelling with an underscore, if that is the one used, so that messages point at it.
    let snake = root.key("max_bytes");
    let path = if problems.tree().get(&snake).is_some() {
        snake
    } else {
        root.key("max-bytes")
    };
    let max_bytes = rules::size(
        &path,
        keys.max_bytes,
        defaults::CONSUMER_MAX_BYTES_LIMIT,
        problems,
    );
    let isolation = rules::choice(
        &root.key("isolation"),
        keys.isolation.as_deref(),
        &defaults::ISOLATIONS,
        problems,
    );
    let start = offset(keys.offset, problems);
    Some(Consumer {
        id: id?,
        partitions,
        max_bytes: rules::non_zero_u32(max_bytes).unwrap_or(defaults::CONSUMER_MAX_BYTES),
        isolation: isolation.unwrap_or(Isolation::Committed),
        start,
    })
}

fn share(path: &KeyPath, index: ShareIndex, of: u32, problems: &mut Problems<'_>) -> Partitions {
    let Some(of) = NonZeroU32::new(of) else {
        problems.expected(path, "`of` to be the number of instances, at least 1");
        return Partitions::All;
    };
    let index = match index {
        ShareIndex::Number(index) => Some(index),
        ShareIndex::Env(name) => {
            let index = std::env::var(&name).ok().and_then(|text| ordinal(&text));
            if index.is_none() {
                problems.add(
                    path,
                    format!(
                        "the environment variable {name} is not there or does not end in a number; \
                        expected one such as `2` or `aep-sink-2`"
                    ),
                );
            }
            index
        }
    };
    match index {
        Some(index) if index < of.get() => Partitions::Share { index, of },
        Some(index) => {
            problems.add(
                path,
                format!(
                    "the index is {index}, but {of} instances count from 0 to {}",
                    of.get() - 1
                ),
            );
            Partitions::All
        }
        None => Partitions::All,
    }
}

/// The number that a text is or ends in after a hyphen, as names of StatefulSet pods do.
fn ordinal(text: &str) -> Option<u32> {
    text.rsplit('-').next()?.parse().ok()
}

fn offset(keys: Option<OffsetKeys>, problems: &mut Problems<'_>) -> Start {
    let root = KeyPath::of("meta.consumer.offset");
    let Some(keys) = keys else {
        return Start::Beginning;
    };
    let path = root.key("strategy");
    // Stock connectors require the key wherever `offset` is.
    match problems.require(&path, keys.strategy, "manual").as_deref() {
        None | Some("manual") => {}
        Some("auto") => problems.expected(
            &path,
            "manual: `auto` commits what was read, so a record that is not delivered yet would be \
            lost at a restart",
        ),
        Some("none") => problems.expected(
            &path,
            "manual: with `none` nothing is committed, and every restart would read the topic \
            again",
        ),
        Some(_) => problems.expected_one_of(&path, &["manual"]),
    }
    if keys.flush_period.is_some() {
        problems.add(
            &root.key("flush-period"),
            "has no meaning here: offsets are committed when records are delivered, at most once a \
            second; remove the key",
        );
    }
    keys.start.map_or(Start::Beginning, |StartAt(start)| start)
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::ordinal;

    #[test]
    fn ordinal_is_a_number_or_ends_the_name_of_a_pod() {
        assert_eq!(ordinal("2"), Some(2));
        assert_eq!(ordinal("aep-sink-10"), Some(10));
        for none in ["", "aep-sink", "aep-sink-", "sink2"] {
            assert_eq!(ordinal(none), None, "{none}");
        }
    }
}
