//! What Experience Platform would say to a mapped record: the two target schemas and the rules
//! beside them.
//!
//! The JSON Schemas in `schemas/` are written from Adobe's published XDM (class, field groups,
//! data types), with the field groups of `docs/` for an organisation's own fields, and are as
//! strict as streaming validation, which refuses undeclared keys. Checked here in code is what JSON
//! Schema cannot say: one primary identity over all namespaces, the number of identities, and the
//! sizes above which Real-Time Customer Profile drops a record *after* acknowledging it.

mod answer;
mod registry;

use std::sync::LazyLock;

pub use answer::answer_violations;
pub use registry::{Registry, event_schema, profile_schema};

use jsonschema::Validator;
use serde_json::Value;

/// Profile drops a larger event silently (Adobe's profile guardrails).
pub const EVENT_MAX_BYTES: usize = 10_000;
/// Profile drops a larger profile record silently (Adobe's profile guardrails).
pub const PROFILE_MAX_BYTES: usize = 100_000;
/// Most identities of one XDM record (Adobe's identity guardrails).
pub const MAX_IDENTITIES: usize = 20;

type Compiled = LazyLock<Result<Validator, String>>;

static EVENT: Compiled = LazyLock::new(|| compile(event_schema(Registry::Newest)));
static PROFILE: Compiled = LazyLock::new(|| compile(profile_schema(Registry::Newest)));
static OLDEST_EVENT: Compiled = LazyLock::new(|| compile(event_schema(Registry::Oldest)));
static OLDEST_PROFILE: Compiled = LazyLock::new(|| compile(profile_schema(Registry::Oldest)));

/// What is wrong with an ExperienceEvent entity; empty means valid.
///
/// Each entry is a JSON pointer and a reason. Values are not repeated, so the text may be logged.
pub fn event_violations(event: &Value) -> Vec<String> {
    event_violations_of(&EVENT, event)
}

/// As [`event_violations`], where the registry is of another age.
pub fn event_violations_in(registry: Registry, event: &Value) -> Vec<String> {
    match registry {
        Registry::Newest => event_violations_of(&EVENT, event),
        Registry::Oldest => event_violations_of(&OLDEST_EVENT, event),
    }
}

fn event_violations_of(schema: &Compiled, event: &Value) -> Vec<String> {
    let mut found = violations(schema, event, EVENT_MAX_BYTES);
    for (index, line) in event["productListItems"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        // JSON Schema takes 2.0 for an integer; the platform reads it as a double and refuses it.
        if line["quantity"].is_f64() {
            found.push(format!(
                "/productListItems/{index}/quantity: written as a fraction, not as an integer"
            ));
        }
    }
    found
}

/// What is wrong with an Individual Profile entity; empty means valid. As [`event_violations`].
pub fn profile_violations(profile: &Value) -> Vec<String> {
    violations(&PROFILE, profile, PROFILE_MAX_BYTES)
}

/// As [`profile_violations`], where the registry is of another age.
pub fn profile_violations_in(registry: Registry, profile: &Value) -> Vec<String> {
    let schema = match registry {
        Registry::Newest => &PROFILE,
        Registry::Oldest => &OLDEST_PROFILE,
    };
    violations(schema, profile, PROFILE_MAX_BYTES)
}

fn compile(schema: Result<Value, String>) -> Result<Validator, String> {
    let schema = schema?;
    // Draft 2020-12 takes `format` for a remark unless told otherwise; the platform asserts it.
    jsonschema::options()
        .should_validate_formats(true)
        .should_ignore_unknown_formats(false)
        .build(&schema)
        .map_err(|error| error.to_string())
}

fn violations(schema: &Compiled, entity: &Value, max_bytes: usize) -> Vec<String> {
    let mut found: Vec<String> = match LazyLock::force(schema) {
        Ok(validator) => validator
            .iter_errors(entity)
            .map(|error| format!("{}: {}", error.instance_path(), error.masked()))
            .collect(),
        Err(broken) => vec![format!("the schema itself is broken: {broken}")],
    };
    identity_violations(&entity["identityMap"], &mut found);
    // Display of a `Value` is its compact JSON, the form that is sent.
    let bytes = entity.to_string().len();
    if bytes > max_bytes {
        found.push(format!(
            ": {bytes} bytes, and Profile drops records above {max_bytes}"
        ));
    }
    found
}

/// Exactly one primary; not too many; and the primary's namespace names one person only, because
/// identities that ride together are linked for good.
fn identity_violations(map: &Value, found: &mut Vec<String>) {
    let namespaces = || map.as_object().into_iter().flatten();
    let is_primary = |identity: &&Value| identity["primary"] == true;
    let (mut all, mut primaries) = (0, 0);
    for (namespace, identities) in namespaces() {
        let identities = || identities.as_array().into_iter().flatten();
        all += identities().count();
        let here = identities().filter(is_primary).count();
        if here > 0 && identities().count() > 1 {
            found.push(format!(
                "/identityMap/{namespace}: links the primary identity with another of its namespace"
            ));
        }
        primaries += here;
    }
    if primaries != 1 {
        found.push(format!(
            "/identityMap: {primaries} primary identities, not one"
        ));
    }
    if all > MAX_IDENTITIES {
        found.push(format!(
            "/identityMap: {all} identities, and a record may hold {MAX_IDENTITIES}"
        ));
    }
}

#[cfg(test)]
mod tests;
