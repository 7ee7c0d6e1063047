//! `experience-platform.landed`.

use serde_json::Value;

use super::rules;
use crate::config::decode::decode;
use crate::config::defaults;
use crate::config::keys::LandedKeys;
use crate::config::model::{DeadLetterTopic, Landed};
use crate::config::problem::Problems;
use crate::config::yaml::path::KeyPath;

/// `Some(None)` when it is off. `name` is `meta.name`, if that is valid; the journal is kept as
/// often as dead letters are.
pub(super) fn landed(
    keys: Option<Value>,
    name: Option<&str>,
    replicas: Option<u32>,
    problems: &mut Problems<'_>,
) -> Option<Option<Landed>> {
    let root = KeyPath::of("experience-platform.landed");
    let keys = match keys {
        None => LandedKeys::default(),
        Some(Value::String(text)) if text == "off" => return Some(None),
        Some(keys @ Value::Object(_)) => decode(keys, &root, problems),
        Some(_) => {
            problems.expected(&root, "`off`, or an object such as {interval: 5m}");
            return None;
        }
    };
    let path = root.key("interval");
    let interval = rules::period(&path, keys.interval, defaults::LANDED_INTERVAL, problems);
    if interval < defaults::LANDED_INTERVAL_LEAST {
        problems.expected(&path, "a duration of at least 1s");
        return None;
    }
    let within = rules::period(
        &root.key("within"),
        keys.within,
        defaults::LANDED_WITHIN,
        problems,
    );
    let retention = rules::period(
        &root.key("retention"),
        keys.retention,
        defaults::LANDED_RETENTION,
        problems,
    );
    let path = root.key("topic");
    let topic = match (keys.topic, name) {
        (Some(topic), _) => rules::topic_name(&path, topic, problems)?,
        // It is shorter than the default name of the dead-letter topic, which is checked.
        (None, Some(name)) => format!("{name}-landing"),
        // What is wrong with the name is reported there.
        (None, None) => return None,
    };
    Some(Some(Landed {
        interval,
        within,
        journal: DeadLetterTopic {
            topic,
            retention,
            replicas,
            accept: Vec::new(),
        },
    }))
}
