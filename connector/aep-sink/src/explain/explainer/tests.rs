//! Promises of `map --explain`.

use std::collections::BTreeMap;
use std::path::Path;

use capillary_xdm::{Depth, EventKind, Mapper, Params};
use serde_json::Value;

use crate::config::Transform;
use crate::explain::trace::{self, Effect, Mapped, XdmClass};
use crate::explain::words::{NOTES, SKIPS};
use crate::explain::{OutputFormat, run};

const MAPPING: &str = include_str!("../../../../../docs/mapping.md");

fn sample(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/capillary");
    serde_json::from_slice(&std::fs::read(folder.join(format!("{name}.json"))).unwrap()).unwrap()
}

fn explained_with(pairs: &[(&str, &str)], input: &[u8]) -> String {
    let pairs: BTreeMap<String, String> = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let transform = Transform {
        uses: "capillary-xdm".to_owned(),
        params: Params::from_pairs(pairs.clone()).unwrap(),
        with: pairs,
    };
    let mut output = Vec::new();
    run(
        Some(transform),
        OutputFormat::Explanation,
        input,
        &mut output,
    )
    .unwrap();
    String::from_utf8(output).unwrap()
}

fn explained(pairs: &[(&str, &str)], event: &Value) -> String {
    explained_with(pairs, event.to_string().as_bytes())
}

/// The line about a value of the event.
fn line<'t>(text: &'t str, pointer: &str) -> &'t str {
    text.lines()
        .find(|line| line.trim_start().split(' ').next() == Some(pointer))
        .unwrap_or_else(|| panic!("{pointer} is not in\n{text}"))
}

#[test]
fn record_of_adobes_source_is_accounted_for_like_an_event() {
    let pairs = [("primary-identity", "email")];
    let text = explained(&pairs, &sample("../capillary-source/profile"));
    assert!(
        text.starts_with("event 0: customerUpdated, mapped to an event and a profile statement\n"),
        "{text}"
    );
    for (pointer, place) in [
        ("/loyalty/points", "profile loyalty.points"),
        ("/loyalty/expiredPoints", "profile loyalty.expiredPoints"),
        (
            "/identityMap/email/0/id",
            "event identityMap.Email[0].id; profile identityMap.Email[0].id",
        ),
    ] {
        assert!(line(&text, pointer).contains(place), "{text}");
    }
    let text = explained(&pairs, &sample("../capillary-source/event"));
    let price = line(&text, "/productLineItems/0/priceTotal");
    assert!(
        price.contains("event productListItems[0].priceTotal"),
        "{text}"
    );
    assert!(line(&text, "/_id").contains("event _id"), "{text}");
    let text = explained(&[], &sample("../capillary-source/profile"));
    assert!(
        text.contains("no_primary_identity") && text.contains("/identityMap/email/0/id is "),
        "{text}"
    );
}

#[test]
fn every_value_of_the_event_is_accounted_for_with_the_fields_it_went_to() {
    let text = explained(&[("tenant", "acme")], &sample("pointsIssued"));
    assert!(
        text.starts_with("event 0: pointsIssued, mapped to an event and a profile statement\n"),
        "{text}"
    );
    for (pointer, place) in [
        ("/createdAt", "event timestamp"),
        ("/eventId", "event _id"),
        (
            "/data/totalPointsIssued",
            "event loyalty.pointsGained[0].value; event tenant points.issued",
        ),
        ("/data/programCurrentPoints", "profile loyalty.points"),
        (
            "/data/customerIdentifiers/customerId",
            "event identityMap.CapillaryId[0].id; profile identityMap.CapillaryId[0].id",
        ),
        ("/orgId", "event tenant organizationId"),
        (
            "/data/triggeringActivity/identifiers/0/value",
            "loyalty.pointsGained[0].transactionId",
        ),
    ] {
        assert!(
            line(&text, pointer).contains(place),
            "{}",
            line(&text, pointer)
        );
    }
    assert!(
        line(&text, "/eventName").contains("else unknown_kind"),
        "{text}"
    );
    assert!(
        text.contains("\"700100201\" (namespace CapillaryId, primary)"),
        "{text}"
    );
    assert!(
        text.contains("\"mara.ellison@example.com\" (namespace Email)"),
        "{text}"
    );
    let unused = text.split("  not used\n").nth(1).unwrap();
    line(unused, "/data/triggeringActivity/enteredBy/id");
}

#[test]
fn what_parameters_would_add_is_named() {
    let event = sample("customerAdded");
    let text = explained(&[("omit-fields", "person.gender")], &event);
    assert!(
        text.contains(
            "left out without the parameter `tenant`\n    event tenant apiRequestId, \
            customFields[].key"
        ),
        "{text}"
    );
    assert!(
        text.contains("left out by the parameter `omit-fields`\n    profile person.gender\n"),
        "{text}"
    );
    assert!(
        text.contains("without a namespace for `mobile` in the parameter `identities`"),
        "{text}"
    );
    let text = explained(&[("tenant", "acme")], &sample("tierUpgraded"));
    assert!(!text.contains("without the parameter `tenant`"), "{text}");
}

#[test]
fn value_that_cannot_be_used_says_where_a_right_one_would_go() {
    let mut event = sample("customerAdded");
    event["data"]["customerIdentifiers"]["instore"]["email"] = "nobody".into();
    let text = explained(&[], &event);
    let line = line(&text, "/data/customerIdentifiers/instore/email");
    assert!(
        line.contains("another value would go to event identityMap.Email[0].id"),
        "{line}"
    );
    assert!(
        line.contains(
            "profile identityMap.Email[0].id, identityMap.Email[0].primary, personalEmail.address"
        ),
        "{line}"
    );
    let nothing = text.split("left out: say nothing\n").nth(1).unwrap();
    assert!(nothing.contains("/data/accountId"), "{text}");
}

#[test]
fn id_that_is_a_hash_is_not_laid_at_every_value() {
    let mut event = sample("pointsIssued");
    event.as_object_mut().unwrap().remove("eventId");
    let text = explained(&[], &event);
    assert!(
        !text.contains(" _id,") && !text.contains("event _id\n"),
        "{text}"
    );
}

#[test]
fn skipped_event_says_why_and_where_it_looked() {
    let text = explained(&[("events", "customerAdded")], &sample("pointsIssued"));
    assert!(
        text.contains("event 0: skipped, unwanted_kind: `events` does not list it"),
        "{text}"
    );
    assert!(
        text.contains("/eventName is \"pointsIssued\"")
            && text.contains("`events` is customerAdded"),
        "{text}"
    );
    let text = explained(&[("organizations", "1")], &sample("pointsIssued"));
    assert!(text.contains("/orgId is 90417"), "{text}");
    let text = explained(
        &[
            ("primary-identity", "externalId"),
            ("identities", r#"{"externalId":"CRM"}"#),
        ],
        &{
            let mut event = sample("pointsIssued");
            event["data"]["customerIdentifiers"]["instore"]["externalId"] = "".into();
            event
        },
    );
    assert!(
        text.contains("no_primary_identity") && text.contains("/instore/externalId is \"\""),
        "{text}"
    );
    assert!(
        text.contains("The primary identity is `externalId`"),
        "{text}"
    );
}

#[test]
fn rejected_event_says_why_and_shows_the_place() {
    let mut event = sample("pointsIssued");
    event["createdAt"] = 5.into();
    let text = explained(&[], &event);
    assert!(text.starts_with("event 0: rejected, bad_time: "), "{text}");
    assert!(text.contains("  /createdAt is 5\n"), "{text}");
    let text = explained_with(&[], b"{\"eventName\":\"pointsIssued\"}\nnot json\n\n");
    assert!(
        text.contains("event 0: rejected, no_data") && text.contains("/data is not there"),
        "{text}"
    );
    assert!(
        text.contains("event 1: rejected, not_json")
            && text.contains("event 2: rejected, not_json"),
        "{text}"
    );
}

#[test]
fn what_was_trimmed_is_listed() {
    let mut event = sample("pointsIssued");
    event["data"]["customFields"] = (0..10)
        .map(|number| serde_json::json!({ "key": format!("key-{number}"), "value": "x".repeat(1_000) }))
        .collect();
    let text = explained(&[("tenant", "acme")], &event);
    assert!(text.contains("note        trimmed: "), "{text}");
    assert!(
        text.contains(
            "trimmed to stay under the size limit\n    event tenant customFields[].key, \
                customFields[].value\n"
        ),
        "{text}"
    );
}

#[test]
fn events_over_several_lines_are_explained_too() {
    let event = format!(
        "{:#}\n{:#}\n",
        sample("pointsIssued"),
        sample("customerAdded")
    );
    let text = explained_with(&[], event.as_bytes());
    assert!(
        text.contains("event 0: pointsIssued") && text.contains("event 1: customerAdded"),
        "{text}"
    );
}

/// The experiments agree with the mapping: with one value changed, exactly the fields named change.
#[test]
fn each_field_of_what_is_mapped_field_by_field_has_its_source() {
    let pairs = [
        ("events", "all"),
        ("tenant", "acme"),
        ("time-zone", "+05:30"),
    ];
    let params =
        Params::from_pairs(pairs.map(|(name, value)| (name.to_owned(), value.to_owned()))).unwrap();
    let mut mapper = Mapper::new(params);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/capillary");
    let mut sourceless: BTreeMap<String, String> = BTreeMap::new();
    let mut explained = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let kind = path
            .file_stem()
            .and_then(|name| EventKind::from_name(name.to_str()?));
        if kind.is_none_or(|kind| kind.depth() == Depth::Generic) {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let document: Value = serde_json::from_slice(&bytes).unwrap();
        let Mapped::Fields { fields, .. } = trace::map(&mut mapper, &bytes, 0) else {
            continue;
        };
        let traced = trace::trace(&mut mapper, &document, &fields);
        let went = traced
            .effects
            .iter()
            .filter_map(|(_, effect)| match effect {
                Effect::MappedTo(fields) => Some(fields),
                _ => None,
            });
        let reached: std::collections::BTreeSet<_> = went.flatten().collect();
        for field in fields.keys().filter(|field| !reached.contains(field)) {
            let class = if field.class == XdmClass::Event {
                "event"
            } else {
                "profile"
            };
            sourceless.insert(
                format!("{class} {}", field.path),
                path.display().to_string(),
            );
        }
        explained += 1;
    }
    assert_eq!(explained, 27, "samples were mapped");
    // What is made of the kind, not of values.
    sourceless.retain(|field, _| {
        let of_kind = field == "event eventType" || field == "event _acme.capillary.eventName";
        let of_a_key = field.contains(".details[");
        !of_kind && !of_a_key && !field.ends_with(".primary") && !field.ends_with("].state")
    });
    assert!(sourceless.is_empty(), "{sourceless:#?}");
}

#[test]
fn words_are_those_of_the_mapping_document() {
    for (word, meaning) in SKIPS {
        assert!(
            MAPPING.contains(&format!("| `{word}` | {meaning} |")),
            "{word}"
        );
    }
    let rows = MAPPING
        .split("| Skipped |")
        .nth(1)
        .unwrap()
        .split("| Rejected |")
        .next()
        .unwrap();
    assert_eq!(rows.matches("\n| `").count(), SKIPS.len());
    let notes = MAPPING.split("may carry `notes`").nth(1).unwrap();
    for (note, _) in NOTES {
        assert!(notes.contains(&format!("`{note}`")), "{note}");
    }
}
