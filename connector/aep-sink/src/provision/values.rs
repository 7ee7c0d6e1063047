//! What the configuration says of a set-up, and what a set-up says to the configuration.

use serde_json::{Value, json};

use super::ensure::Session;
use super::options::Options;
use super::refusal::{Reason, Refusal};
use super::steps::{Provisioned, Stream, Wishes};
use crate::config::draft::{self, Draft};
use crate::config::{Events, Profiles};

const TENANT: &str = "transforms.0.with.tenant";
const OMIT: &str = "transforms.0.with.omit-fields";

/// What is wanted, of the configuration and the command line.
pub(super) fn wishes(
    draft: &Draft,
    options: &Options,
    tenant: Option<String>,
) -> Result<Wishes, Refusal> {
    let refuse = |text: &str| {
        let reason = Reason::Configuration(text.to_owned());
        Err(Refusal::new("reading the configuration", reason))
    };
    let platform = &draft.config.platform;
    if matches!(platform.events, Events::Raw { .. }) {
        return refuse("provisioning sets up events with format xdm, and events.format is raw");
    }
    let upsert = matches!(platform.profiles, None | Some(Profiles::Upsert { .. }));
    if options.profiles && !upsert {
        return refuse(
            "provisioning sets up profiles with format upsert, and profiles.format is another; \
             use --no-profiles",
        );
    }
    if tenant.is_none() && draft.written(TENANT).is_some() {
        return refuse("--no-tenant, and the transform has the parameter tenant; take one out");
    }
    let namespaces = draft.config.transform.params.namespaces();
    Ok(Wishes {
        prefix: options.prefix.clone(),
        namespaces: namespaces.map(str::to_owned).collect(),
        tenant,
        profiles: options.profiles,
        omitted: omitted(draft),
    })
}

/// What the configuration omits, of events and of profiles.
fn omitted(draft: &Draft) -> [Vec<String>; 2] {
    let written = draft.written(OMIT).cloned().unwrap_or_default();
    // As the SmartModule takes it: a list, a map, or either as JSON text.
    let written = match written.as_str() {
        Some(text) => serde_json::from_str(text)
            .unwrap_or_else(|_| text.split(',').map(str::trim).collect::<Vec<_>>().into()),
        None => written,
    };
    let texts = |value: &Value| -> Vec<String> {
        let items = value.as_array().into_iter().flatten();
        items.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    if written.is_array() {
        return [texts(&written), texts(&written)];
    }
    [texts(&written["event"]), texts(&written["profile"])]
}

/// The values of a set-up, as far as it is there.
pub(super) fn found(
    session: &Session<'_>,
    draft: &Draft,
    wishes: &Wishes,
    sandbox: &str,
    events: &Provisioned,
    profiles: Option<&Provisioned>,
) -> Vec<(String, Value)> {
    let mut values = Vec::new();
    for (path, value) in draft::basics() {
        if draft.written(path).is_none() {
            values.push((path.to_owned(), value));
        }
    }
    if draft.written("transforms").is_some() && draft.written("transforms.0.uses").is_none() {
        values.push(("transforms.0.uses".to_owned(), draft::MODULE.into()));
    }
    if let Some(tenant) = &wishes.tenant {
        values.push((TENANT.to_owned(), tenant.clone().into()));
    }
    let of_profiles = profiles.map(|profiles| profiles.omitted.as_slice());
    let of_profiles = of_profiles.unwrap_or(&wishes.omitted[Stream::Profiles as usize]);
    let before = omitted(draft);
    if events.omitted != sorted(&before[0]) || of_profiles != sorted(&before[1]) {
        let value = json!({"event": events.omitted, "profile": of_profiles});
        values.push((OMIT.to_owned(), value));
    }
    let platform = |path: &str| format!("experience-platform.{path}");
    values.push((platform("sandbox"), sandbox.into()));
    let mut set = |stream: Stream, key: &str, value: Option<&str>| {
        if let Some(value) = value {
            let path = platform(&format!("{}.{key}", stream.name()));
            values.push((path, value.into()));
        }
    };
    let id = |stream: Stream, what: &str| session.id(&stream.key(what));
    set(Stream::Events, "inlet-url", events.inlet_url.as_deref());
    let schema = id(Stream::Events, "schema");
    set(Stream::Events, "schema-id", schema);
    set(Stream::Events, "dataset-id", id(Stream::Events, "dataset"));
    set(Stream::Events, "flow-id", id(Stream::Events, "flow"));
    if let Some(profiles) = profiles {
        let stream = Stream::Profiles;
        set(stream, "inlet-url", profiles.inlet_url.as_deref());
        set(stream, "dataset-id", id(stream, "dataset"));
        set(stream, "flow-id", id(stream, "flow"));
        let identities = id(stream, "identity-dataset");
        set(stream, "identity-dataset-id", identities);
    }
    values
}

fn sorted(texts: &[String]) -> Vec<String> {
    let mut texts = texts.to_vec();
    texts.sort();
    texts.dedup();
    texts
}
