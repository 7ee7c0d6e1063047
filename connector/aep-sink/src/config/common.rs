//! The part every Fluvio connector has: `apiVersion`, `meta`, `transforms`.
//!
//! What stock connectors accept is accepted; what they ignore (unknown keys), or cannot do safely
//! here, is refused.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use capillary_xdm::Params;
use serde_json::Value;

use super::check;
use super::decode::decode;
use super::model::{Consumer, Partitions, Start, Transform};
use super::problem::Problems;
use super::raw::{RawConsumer, RawMeta, RawOffset, RawTopic, RawTransform};
use super::scalar::{Partition, StartAt};
use super::schema;
use super::tree::Path;

/// Forms of the file, the default first.
pub(super) const API_VERSIONS: [&str; 3] = ["0.0.0", "0.1.0", "0.2.0"];
/// Answers count uncompressed, and a compressed batch of 200 kB may answer with megabytes. A
/// response stands in memory two to three times while it is taken in, and every connection keeps a
/// buffer of the size of the largest one.
const DEFAULT_MAX_BYTES: NonZeroU32 = NonZeroU32::new(2 << 20).unwrap();
/// The protocol's type for it is a signed 32-bit number.
const MAX_MAX_BYTES: u64 = i32::MAX as u64;

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
    let path = Path::of("apiVersion");
    match version.unwrap_or(API_VERSIONS[0]) {
        "0.0.0" if templated => problems.add(
            &path,
            "secrets need apiVersion 0.1.0 or 0.2.0: with 0.0.0, or none, stock connectors ignore meta.secrets",
        ),
        known if API_VERSIONS.contains(&known) => {}
        // No guess which one was meant: the oldest would be the nearest to many.
        _ => problems.expected(&path, "0.0.0, 0.1.0 or 0.2.0"),
    }
}

/// Validates `meta`.
pub(super) fn meta(
    raw: Option<RawMeta>,
    api_version: Option<&str>,
    problems: &mut Problems<'_>,
) -> Option<Meta> {
    let root = Path::of("meta");
    let raw = problems.require(
        &root,
        raw,
        "the section that names the connector and its topic",
    )?;
    let path = root.key("version");
    problems.require(&path, raw.version, "the connector's version, such as 0.1.0");
    let path = root.key("type");
    if let Some(kind) = problems.require(&path, raw.kind, "capillary-aep-sink")
        && kind.ends_with("-source")
    {
        problems.expected(
            &path,
            "capillary-aep-sink: a type that ends in -source is a source",
        );
    }
    if raw.producer.is_some() {
        problems.add(
            &root.key("producer"),
            "belongs to sources; this is a sink, remove the key",
        );
    }
    for (index, secret) in raw.secrets.iter().flatten().enumerate() {
        problems.require(
            &root.key("secrets").index(index).key("name"),
            secret.name.as_ref(),
            "the secret's name",
        );
    }
    let path = root.key("name");
    let name = problems.require(&path, raw.name, "a name for this connector");
    let name = name.and_then(|name| check::text(&path, name, problems));
    let topic = topic(raw.topic, api_version, problems);
    let consumer = consumer(raw.consumer, problems);
    Some(Meta {
        name: name?,
        topic: topic?,
        consumer: consumer?,
    })
}

/// `meta.topic`: a name, or an object from apiVersion 0.2.0 on.
fn topic(
    raw: Option<Value>,
    api_version: Option<&str>,
    problems: &mut Problems<'_>,
) -> Option<String> {
    let path = Path::of("meta.topic");
    if api_version != Some("0.2.0") {
        let raw = problems.require(&path, raw, "the name of the topic to read")?;
        let Value::String(name) = raw else {
            problems.expected(
                &path,
                "the name of the topic to read (an object needs apiVersion 0.2.0)",
            );
            return None;
        };
        return check::topic_name(&path, name, problems);
    }
    let raw = problems.require(
        &path,
        raw,
        "an object with meta.name, the name of the topic to read",
    )?;
    if !raw.is_object() {
        problems.expected(
            &path,
            "an object, as apiVersion 0.2.0 has it: {meta: {name: …}}",
        );
        return None;
    }
    let topic: RawTopic = decode(raw, &path, problems);
    let path = path.key("meta").key("name");
    let name = problems.require(
        &path,
        topic.meta.and_then(|meta| meta.name),
        "the name of the topic to read",
    )?;
    check::topic_name(&path, name, problems)
}

fn consumer(raw: Option<RawConsumer>, problems: &mut Problems<'_>) -> Option<Consumer> {
    let root = Path::of("meta.consumer");
    let raw = problems.require(&root, raw, "the section with the consumer's id")?;
    let path = root.key("id");
    let id = problems.require(
        &path,
        raw.id,
        "the id under which the cluster stores the offsets",
    );
    let id = id.and_then(|id| check::text(&path, id, problems));
    let path = root.key("partition");
    let partitions = match raw.partition {
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
    };
    // The stock spelling with an underscore, if that is the one used, so that messages point at it.
    let snake = root.key("max_bytes");
    let path = if problems.tree().get(&snake).is_some() {
        snake
    } else {
        root.key("max-bytes")
    };
    let max_bytes = check::size(&path, raw.max_bytes, MAX_MAX_BYTES, problems);
    let start = offset(raw.offset, problems);
    Some(Consumer {
        id: id?,
        partitions,
        max_bytes: check::non_zero_u32(max_bytes).unwrap_or(DEFAULT_MAX_BYTES),
        start,
    })
}

fn offset(raw: Option<RawOffset>, problems: &mut Problems<'_>) -> Start {
    let root = Path::of("meta.consumer.offset");
    let Some(raw) = raw else {
        return Start::Beginning;
    };
    let path = root.key("strategy");
    // Stock connectors require the key wherever `offset` is.
    match problems.require(&path, raw.strategy, "manual").as_deref() {
        None | Some("manual") => {}
        Some("auto") => problems.expected(
            &path,
            "manual: `auto` commits what was read, so a record that is not delivered yet would be lost at a restart",
        ),
        Some("none") => problems.expected(
            &path,
            "manual: with `none` nothing is committed, and every restart would read the topic again",
        ),
        Some(_) => problems.expected_one_of(&path, &["manual"]),
    }
    if raw.flush_period.is_some() {
        problems.add(
            &root.key("flush-period"),
            "has no meaning here: offsets are committed when records are delivered, at most once a second; remove the key",
        );
    }
    raw.start.map_or(Start::Beginning, |StartAt(start)| start)
}

/// Validates `transforms`: exactly the one step that maps.
pub(super) fn transform(
    raw: Option<Vec<RawTransform>>,
    problems: &mut Problems<'_>,
) -> Option<Transform> {
    const ONE: &str = "exactly one step, `uses: capillary-aep/capillary-xdm@…`";
    let root = Path::of("transforms");
    let mut steps = problems.require(&root, raw, ONE)?;
    if steps.len() > 1 {
        problems.add(
            &root,
            format!(
                "found {} steps, expected {ONE}: what another step drops or changes would look like loss, or be \
                 bypassed when a gap is read again",
                steps.len()
            ),
        );
        return None;
    }
    let Some(step) = steps.pop() else {
        problems.expected(&root, ONE);
        return None;
    };
    let root = root.index(0);
    if step.lookback.is_some() {
        problems.add(
            &root.key("lookback"),
            "not possible: offsets are exact only for a step without it; remove the key",
        );
    }
    let path = root.key("uses");
    let uses = problems.require(
        &path,
        step.uses,
        "the SmartModule: group/name@version, group/name or name",
    );
    let uses = uses.filter(|uses| {
        let fits = is_module(uses);
        if !fits {
            problems.expected(&path, "group/name@version, group/name or name");
        }
        fits
    });
    let with = parameters(
        &root.key("with"),
        step.parameters.unwrap_or_default(),
        problems,
    );
    let with = with?;
    let params = Params::from_pairs(with.clone()).map_err(|error| {
        let path = root.key("with").key(&error.name);
        if check::is_open(&path, problems) {
            problems.add(&path, error.message);
        } else {
            problems.expected(&path, "another value");
        }
    });
    Some(Transform {
        uses: uses?,
        with,
        params: params.ok()?,
    })
}

fn is_module(uses: &str) -> bool {
    let (name, version) = uses
        .split_once('@')
        .map_or((uses, None), |(name, version)| (name, Some(version)));
    let plain = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_'))
    };
    let fits = match name.split_once('/') {
        Some((group, name)) => plain(group) && plain(name),
        // A version without a group cannot be resolved.
        None => plain(name) && version.is_none(),
    };
    fits && version.is_none_or(|version| {
        !version.is_empty()
            && version
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || ".-+".contains(letter))
    })
}

/// Values of `with` as the SmartModule gets them: text, and maps and lists as JSON text.
fn parameters(
    root: &Path,
    raw: BTreeMap<String, Value>,
    problems: &mut Problems<'_>,
) -> Option<BTreeMap<String, String>> {
    let known = schema::keys_below(root);
    let mut with = BTreeMap::new();
    for (name, value) in raw {
        let path = root.key(&name);
        if !known.contains(&name.as_str()) {
            problems.unknown(&path, &known);
            continue;
        }
        match value {
            Value::String(text) => {
                with.insert(name, text);
            }
            Value::Object(_) | Value::Array(_) => {
                with.insert(name, value.to_string());
            }
            Value::Number(_) | Value::Bool(_) => {
                problems.expected(
                    &path,
                    "text, a list or a map; put the value in quotes, as every Fluvio connector wants it",
                );
            }
            Value::Null => problems.expected(&path, "text, a list or a map"),
        }
    }
    if problems.mentions_below(root) {
        return None;
    }
    Some(with)
}
