//! From the tree to the keys as written, collecting every problem on the way.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use super::keys::{ConsumerKeys, MetaKeys, PlatformKeys};
use super::problem::Problems;
use super::yaml::path::{KeyPath, PathSegment};

/// After this many wrong values in one file, the rest can wait for the next attempt.
const MAX_PROBLEMS: usize = 50;

/// Reads a value that stands at `at`. What cannot be read is reported, taken out, and the rest is
/// read again: one run shows every wrong key and type.
pub(super) fn decode<T: DeserializeOwned + Default>(
    mut value: Value,
    at: &KeyPath,
    problems: &mut Problems<'_>,
) -> T {
    for _ in 0..MAX_PROBLEMS {
        match serde_path_to_error::deserialize::<_, T>(&value) {
            Ok(read) => return read,
            Err(error) => {
                let inner = existing(&value, error.path());
                report(&at.join(&inner), &error.inner().to_string(), problems);
                if !remove(&mut value, &inner) {
                    break;
                }
            }
        }
    }
    T::default()
}

/// The path of an error, as far as it exists in the value.
fn existing(value: &Value, path: &serde_path_to_error::Path) -> KeyPath {
    let mut steps = Vec::new();
    let mut current = value;
    for segment in path {
        let (step, child) = match segment {
            Segment::Map { key } | Segment::Enum { variant: key } => {
                (PathSegment::Key(key.clone()), current.get(key))
            }
            Segment::Seq { index } => (PathSegment::Index(*index), current.get(*index)),
            Segment::Unknown => break,
        };
        let Some(child) = child else { break };
        steps.push(step);
        current = child;
    }
    KeyPath(steps)
}

/// Takes out what stands at the path; an element of a list takes the list with it, so that no index
/// shifts.
fn remove(value: &mut Value, path: &KeyPath) -> bool {
    let Some(last) = path
        .0
        .iter()
        .rposition(|step| matches!(step, PathSegment::Key(_)))
    else {
        return false;
    };
    let parent = path.0[..last]
        .iter()
        .try_fold(value, |value, step| match step {
            PathSegment::Key(key) => value.get_mut(key),
            PathSegment::Index(index) => value.get_mut(index),
        });
    match (parent.and_then(Value::as_object_mut), &path.0[last]) {
        (Some(map), PathSegment::Key(key)) => map.remove(key).is_some(),
        _ => false,
    }
}

/// Turns serde's sentence into ours. Serde's own shows the value, which may be a secret, so only
/// what it expected is taken from it: what is behind the last `, expected `. Expectations are
/// texts of this program without these words; a value may hold them.
fn report(path: &KeyPath, message: &str, problems: &mut Problems<'_>) {
    if message.starts_with("unknown field ") {
        let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
        return report_unknown(path, names.get(1..).unwrap_or_default(), problems);
    }
    if let Some(rest) = message.strip_prefix("duplicate field ") {
        return problems.add(
            path,
            format!("the key {rest} is there twice, in two spellings"),
        );
    }
    match message.rsplit_once(", expected ") {
        Some((_, "a string")) => problems.expected(path, "text; put the value in quotes"),
        Some((_, "a sequence")) => problems.expected(path, "a list"),
        Some((_, expected)) if expected.starts_with("struct ") || expected == "a map" => {
            problems.expected(path, "keys and values");
        }
        Some((_, "u64" | "u32" | "i64")) => problems.expected(path, "a whole number, not negative"),
        Some((_, expected)) => problems.expected(path, expected),
        None => problems.add(path, "the value cannot be read"),
    }
}

fn report_unknown(path: &KeyPath, allowed: &[&str], problems: &mut Problems<'_>) {
    let key = path.last_key().unwrap_or_default();
    let at_top = path.0.len() == 1;
    let section = if at_top && knows::<MetaKeys>(key) {
        "meta"
    } else if at_top && knows::<PlatformKeys>(key) {
        "experience-platform"
    } else if path.0.len() <= 2 && knows::<ConsumerKeys>(key) {
        "meta.consumer"
    } else {
        return problems.unknown(path, allowed);
    };
    problems.add(
        path,
        format!("unknown key here; `{key}` belongs under `{section}`"),
    );
}

/// Whether a section has this key.
fn knows<T: DeserializeOwned>(key: &str) -> bool {
    let probe = Value::Object([(key.to_owned(), Value::Null)].into_iter().collect());
    !matches!(serde_json::from_value::<T>(probe), Err(error) if error.to_string().starts_with("unknown field"))
}
