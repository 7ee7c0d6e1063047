//! `transforms`: exactly the one step that maps.

use std::collections::BTreeMap;

use capillary_xdm::Params;
use serde_json::Value;

use super::{rules, time_zone};
use crate::config::keys::TransformKeys;
use crate::config::model::Transform;
use crate::config::problem::Problems;
use crate::config::schema;
use crate::config::yaml::path::KeyPath;

/// Validates `transforms`: exactly the one step that maps.
pub(super) fn transform(
    keys: Option<Vec<TransformKeys>>,
    problems: &mut Problems<'_>,
) -> Option<Transform> {
    const ONE: &str = "exactly one step, `uses: capillary-aep/capillary-xdm@…`";
    let root = KeyPath::of("transforms");
    let mut steps = problems.require(&root, keys, ONE)?;
    if steps.len() > 1 {
        problems.add(
            &root,
            format!(
                "found {} steps, expected {ONE}: what another step drops or changes would look \
                like loss, or be bypassed when a gap is read again",
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
    let mut with = with?;
    if let Some(zone) = with.get_mut("time-zone")
        && let Some(offsets) = time_zone::offsets(zone.trim())
    {
        *zone = offsets;
    }
    let params = Params::from_pairs(with.clone()).map_err(|error| {
        let path = root.key("with").key(&error.name);
        if rules::is_open(&path, problems) {
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
    root: &KeyPath,
    keys: BTreeMap<String, Value>,
    problems: &mut Problems<'_>,
) -> Option<BTreeMap<String, String>> {
    let known = schema::keys_below(root);
    let mut with = BTreeMap::new();
    for (name, value) in keys {
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
                    "text, a list or a map; put the value in quotes, as every Fluvio connector \
                    wants it",
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
