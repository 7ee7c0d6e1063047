//! An organisation's registry may be older than fields the mapping writes: `docs/data-prep.md`
//! names each with its day, and what to put into `omit-fields`.
//!
//! `UPDATE_DOCS=1 cargo test --workspace --test registries` writes both anew.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use capillary_xdm::{Field, Input, Mapper, Params, event_paths, profile_paths};
use conformance::samples::samples;
use serde_json::Value;
use xdm_schema::{Registry, event_violations_in, profile_violations_in};

/// The field group of a path.
fn group(path: &str, is_event: bool) -> &'static str {
    match (path.split('.').next(), is_event) {
        (Some("loyalty"), true) => "Loyalty Event Details",
        (_, true) => "Commerce Details",
        (Some("consents"), _) => "Consents and Preferences",
        _ => "Loyalty Details",
    }
}

/// Fields that came after a day, lists of loyalty and channels of consents as a whole, by their own.
fn newer(fields: &[Field], than: &str) -> BTreeMap<String, &'static str> {
    let newer = fields.iter().filter_map(|field| {
        let path = match field.path.split('.').next() {
            Some("loyalty") => field.path.split("[]").next()?.to_owned(),
            // Nothing is valid without its choice.
            Some("consents") => field.path.rsplit_once('.')?.0.to_owned(),
            _ => field.path.replace("[]", ""),
        };
        Some((path, field.since?))
    });
    newer.filter(|(_, day)| *day > than).collect()
}

/// The days of the registries that have a list of their own.
const YEARS: [&str; 2] = ["2025-01-01", "2021-12-31"];

/// The parameter for a registry that has none of them.
fn omit_fields(event: &str, profile: &str) -> String {
    format!("omit-fields: {{event: [{event}], profile: [{profile}]}}")
}

fn names(fields: &BTreeMap<String, &'static str>) -> Vec<String> {
    fields.keys().cloned().collect()
}

fn section() -> String {
    let after = |day: &str| {
        let (event, profile) = (event_paths(None), profile_paths(None));
        (newer(&event, day), newer(&profile, day))
    };
    let mut text =
        "\n| Field | Field group | In Adobe's registry since |\n|---|---|---|\n".to_owned();
    let (event, profile) = after("");
    for (is_event, fields) in [(true, &event), (false, &profile)] {
        for (path, day) in fields {
            let group = group(path, is_event);
            text.push_str(&format!("| `{path}` | {group} | {day} |\n"));
        }
    }
    for day in YEARS {
        let (event, profile) = after(day);
        let list = omit_fields(&names(&event).join(", "), &names(&profile).join(", "));
        text.push_str(&format!(
            "\nFor a registry of {day}:\n\n```yaml\n{list}\n```\n"
        ));
    }
    text.push('\n');
    text
}

#[test]
fn newer_fields_are_documented_with_their_day() {
    const BEGIN: &str = "<!-- newer fields, written by tests/tests/registries.rs -->\n";
    const END: &str = "<!-- end of newer fields -->\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/data-prep.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let document = format!("{before}{BEGIN}{}{END}{after}", section());
        return std::fs::write(&path, document).unwrap();
    }
    assert!(
        written == section(),
        "docs/data-prep.md is not up to date: UPDATE_DOCS=1 cargo test --workspace --test \
            registries"
    );
}

/// What is written of every sample.
fn entities(pairs: &[(&str, &str)]) -> Vec<(String, Value)> {
    let pairs = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut mapper = Mapper::new(Params::from_pairs(pairs).unwrap());
    let mut found = Vec::new();
    for sample in samples().unwrap() {
        let mut out = Vec::new();
        let input = Input {
            offset: 0,
            timestamp: Some(1_789_373_735_000),
            value: &sample.bytes,
        };
        mapper.answer(input, &mut out);
        let answer: Value = serde_json::from_slice(&out).unwrap();
        if answer.get("event").is_some() {
            found.push((sample.name.clone(), answer));
        }
    }
    assert!(!found.is_empty());
    found
}

#[test]
fn every_output_is_valid_in_registries_of_any_age() {
    let omit = YEARS.map(|day| {
        let list = |fields: &[Field]| serde_json::to_string(&names(&newer(fields, day))).unwrap();
        let (event, profile) = (list(&event_paths(None)), list(&profile_paths(None)));
        format!("{{\"event\": {event}, \"profile\": {profile}}}")
    });
    let [of_2025, of_2021] = &omit;
    let all = [("events", "all"), ("tenant", "acme"), ("time-zone", "Z")];
    for (registry, omit) in [
        (Registry::Newest, None),
        (Registry::Newest, Some(of_2025)),
        (Registry::Newest, Some(of_2021)),
        (Registry::Oldest, Some(of_2025)),
        (Registry::Oldest, Some(of_2021)),
    ] {
        let mut pairs = all.to_vec();
        pairs.extend(omit.map(|omit| ("omit-fields", omit.as_str())));
        let mut wrong = BTreeSet::new();
        for (name, answer) in entities(&pairs) {
            let mut found = event_violations_in(registry, &answer["event"]);
            if let Some(profile) = answer.get("profile") {
                found.extend(profile_violations_in(registry, profile));
            }
            wrong.extend(
                found
                    .into_iter()
                    .map(|violation| format!("{name}: {violation}")),
            );
        }
        assert!(wrong.is_empty(), "{registry:?}: {wrong:#?}");
    }
    // Without the list, the oldest would refuse some.
    let refused = |(_, answer): &(String, Value)| {
        !event_violations_in(Registry::Oldest, &answer["event"]).is_empty()
    };
    assert!(entities(&all).iter().any(refused));
}
