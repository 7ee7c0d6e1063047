//! Whatever the mapping makes of an event is valid for the dataset it is meant for, or the event is
//! skipped or rejected.

mod mutation;

use std::collections::{BTreeMap, BTreeSet};

use capillary_xdm::{Input, Mapper, Params};
use conformance::samples::{samples, source_shaped};
use serde_json::Value;
use xdm_schema::answer_violations;

const OFFSET: i64 = 4_711;
/// Of the record; later than none of the samples' own times matters here, only that there is one.
const RECORDED_AT: i64 = 1_789_373_735_000;
/// What is mapped by default: Adobe's list, what keeps its facts true, and rewards.
const DEFAULT: [&str; 27] = [
    "CouponIssue",
    "CouponRedeem",
    "badgeEarned",
    "customerAdded",
    "customerSubscription",
    "customerUpdated",
    "issuedPointsReversed",
    "loyaltyCustomerMerge",
    "pointsExpired",
    "pointsExpiryChange",
    "pointsExpiryReminder",
    "pointsIssued",
    "pointsRedeemed",
    "pointsTransferredInitiated",
    "promisedToCurrentPointsConversion",
    "promotionEarned",
    "redeemedPointsReversed",
    "requestUpdated",
    "retroBillAdded",
    "rewardIssued",
    "singlePointsExpiryUpdated",
    "tierDowngradeReminder",
    "tierDowngraded",
    "tierRenewed",
    "tierUpgraded",
    "transactionAdded",
    "transactionUpdated",
];

/// Parameter sets that together switch everything on and off.
const PARAMETERS: [&[(&str, &str)]; 8] = [
    &[],
    &[("events", "all")],
    &[("events", "all"), ("tenant", "harborpine")],
    &[
        ("events", "all"),
        ("tenant", "harborpine"),
        ("time-zone", "+05:30"),
        ("program-id", PROGRAM),
        ("tiers", TIERS),
    ],
    &[
        ("events", "all"),
        ("tenant", "hp7"),
        ("qualify-identity", "true"),
        ("time-zone", "-03:00"),
    ],
    &[
        ("events", "all"),
        (
            "identities",
            r#"{"customerId":"CapillaryId","email":"Email","mobile":"Phone","externalId":"CRMID"}"#,
        ),
        ("primary-identity", "email"),
    ],
    &[
        ("events", "all"),
        ("tenant", "harborpine"),
        ("omit-fields", OMITTED),
    ],
    &[
        ("events", "all"),
        ("time-zone", "+01:00 1774746000=+02:00 1792890000=+01:00"),
        ("currency", "inr"),
        ("org-unit", "41"),
        ("missing-bill-type", "none"),
        ("line-price", "before-discount"),
        ("deleted-labels", r#"["Active"]"#),
        ("test-profile", "true"),
        ("max-event-bytes", "50000"),
    ],
];
const PROGRAM: &str = "6120";
const TIERS: &str = r#"{"1":"Silver","2":"Gold","3":"Platinum"}"#;
const OMITTED: &str = r#"["loyalty.lifetimePoints","commerce.commerceScope"]"#;

fn mapper(params: &[(&str, &str)]) -> Mapper {
    let pairs = params
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Mapper::new(Params::from_pairs(pairs).unwrap_or_else(|error| panic!("{params:?}: {error}")))
}

fn answer(mapper: &mut Mapper, value: &[u8]) -> Value {
    let mut out = Vec::new();
    mapper.answer(
        Input {
            offset: OFFSET,
            timestamp: Some(RECORDED_AT),
            value,
        },
        &mut out,
    );
    serde_json::from_slice(&out)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&out)))
}

/// What is wrong with an answer to `value`; empty means it is one of the three kinds, and sound.
fn violations(answer: &Value, value: &[u8]) -> Vec<String> {
    answer_violations(answer, OFFSET, value)
}

#[test]
fn samples_become_valid_xdm_with_every_set_of_parameters() {
    let mut wrong = BTreeSet::new();
    for params in PARAMETERS {
        let mut mapper = mapper(params);
        let all = [samples().unwrap(), source_shaped().unwrap()].concat();
        for sample in all {
            let answer = answer(&mut mapper, &sample.bytes);
            for violation in violations(&answer, &sample.bytes) {
                wrong.insert(format!("{} with {params:?}: {violation}", sample.name));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} violations:\n{}",
        wrong.len(),
        Vec::from_iter(wrong).join("\n")
    );
}

#[test]
fn default_kinds_and_nothing_else_are_mapped() {
    let mut mapper = mapper(&[]);
    for sample in samples().unwrap() {
        let answer = answer(&mut mapper, &sample.bytes);
        let kind = answer["name"].as_str();
        let file = sample.name.trim_start_matches("variants/");
        let core = DEFAULT
            .iter()
            .any(|kind| file.split('.').any(|part| part == *kind));
        assert_eq!(
            kind.is_some_and(|kind| DEFAULT.contains(&kind)),
            core,
            "{}: {answer}",
            sample.name
        );
        assert_eq!(
            answer.get("skip").is_some(),
            !core,
            "{}: {answer}",
            sample.name
        );
    }
}

#[test]
fn parameter_that_cannot_be_used_is_refused_by_name() {
    for (name, value) in [
        ("event", "pointsIssued"),
        ("events", "pointsIsued"),
        ("organizations", "Harbor & Pine"),
        ("primary-identity", "loyaltyId"),
        ("identities", "{"),
        ("identities", r#"{"email":"Email"}"#),
        ("program-id", "first"),
        ("org-unit", " "),
        ("tenant", "Harbor Pine"),
        ("tiers", "[1"),
        ("time-zone", "Mars/Olympus"),
        ("omit-fields", "loyalty.pints"),
        ("omit-fields", "identityMap"),
        ("qualify-identity", "perhaps"),
        ("currency", "EURO"),
        ("missing-bill-type", "maybe"),
        ("max-event-bytes", "1"),
        ("test-profile", "perhaps"),
    ] {
        let refused = Params::from_pairs([(name.to_owned(), value.to_owned())]);
        let error = refused.expect_err(&format!("{name}: {value} was accepted"));
        assert_eq!(error.name, name);
        assert!(error.to_string().contains(&format!("`{name}`")), "{error}");
    }
}

#[test]
fn omitted_fields_are_in_no_entity() {
    let omitted = PARAMETERS[6];
    let mut mapper = mapper(omitted);
    for sample in samples().unwrap() {
        let answer = answer(&mut mapper, &sample.bytes);
        for pointer in [
            "/profile/loyalty/lifetimePoints",
            "/profile/loyalty/expiredPoints",
            "/event/commerce/commerceScope",
        ] {
            assert_eq!(answer.pointer(pointer), None, "{}", sample.name);
        }
    }
}

#[test]
fn output_without_a_tenant_stays_in_the_standard_field_groups() {
    let mut mapper = mapper(&[("events", "all")]);
    for sample in samples().unwrap() {
        let answer = answer(&mut mapper, &sample.bytes);
        for entity in ["event", "profile"] {
            let tenants: Vec<_> = answer[entity]
                .as_object()
                .into_iter()
                .flat_map(|map| map.keys())
                .collect();
            assert!(
                !tenants
                    .iter()
                    .any(|key| key.starts_with('_') && *key != "_id"),
                "{}: {tenants:?}",
                sample.name
            );
        }
    }
}

/// A schema declares one type per path: an id that is a number in one kind and text in another
/// could never be loaded.
#[test]
fn path_has_one_type_whatever_the_event() {
    let mut types: BTreeMap<String, BTreeMap<&'static str, String>> = BTreeMap::new();
    for params in PARAMETERS {
        let mut mapper = mapper(params);
        for sample in samples().unwrap() {
            let answer = answer(&mut mapper, &sample.bytes);
            for entity in ["event", "profile"] {
                visit(&answer[entity], entity, &mut |path, kind| {
                    types
                        .entry(path.to_owned())
                        .or_default()
                        .entry(kind)
                        .or_insert_with(|| sample.name.clone());
                });
            }
        }
    }
    let torn: Vec<_> = types.iter().filter(|(_, kinds)| kinds.len() > 1).collect();
    assert!(torn.is_empty(), "{torn:#?}");
    assert!(types.len() > 60, "only {} paths were seen", types.len());
}

/// Calls `seen` with the path and the type of every value below `value`; list items share one path.
fn visit(value: &Value, path: &str, seen: &mut dyn FnMut(&str, &'static str)) {
    match value {
        Value::Null => {}
        Value::Bool(_) => seen(path, "boolean"),
        Value::Number(_) => seen(path, "number"),
        Value::String(_) => seen(path, "string"),
        Value::Array(items) => {
            seen(path, "array");
            items
                .iter()
                .for_each(|item| visit(item, &format!("{path}[]"), seen));
        }
        Value::Object(map) => {
            seen(path, "object");
            map.iter()
                .for_each(|(key, value)| visit(value, &format!("{path}.{key}"), seen));
        }
    }
}

#[test]
fn damaged_and_unusual_events_stay_valid_or_are_skipped_or_rejected() {
    let events: Vec<Value> = samples()
        .unwrap()
        .iter()
        .map(|sample| serde_json::from_slice(&sample.bytes).unwrap())
        .collect();
    let mut random = fastrand::Rng::with_seed(20_260_914);
    let mut wrong: BTreeMap<String, String> = BTreeMap::new();
    let (mut mapped, mut rejected) = (0, 0);
    for params in PARAMETERS {
        let mut mapper = mapper(params);
        for _ in 0..1_500 {
            let mut event = events[random.usize(..events.len())].clone();
            let done: Vec<_> = (0..random.usize(1..5))
                .map(|_| mutation::mutate(&mut event, &mut random))
                .collect();
            let bytes = event.to_string().into_bytes();
            let answer = answer(&mut mapper, &bytes);
            mapped += usize::from(answer.get("event").is_some());
            rejected += usize::from(answer.get("reject").is_some());
            for violation in violations(&answer, &bytes) {
                wrong.entry(violation).or_insert_with(|| {
                    format!("{} after {done:?} with {params:?}", event["eventName"])
                });
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} kinds of violation:\n{wrong:#?}",
        wrong.len()
    );
    assert!(
        mapped > 3_000,
        "only {mapped} of the variants were mapped: the mutations leave too little to judge"
    );
    assert!(
        rejected > 50,
        "only {rejected} of the variants were rejected: the mutations are too tame"
    );
}

#[test]
fn odd_address_is_an_identity_only_when_xdm_accepts_it() {
    let sample = samples()
        .unwrap()
        .into_iter()
        .find(|sample| sample.name == "customerAdded")
        .unwrap();
    let event: Value = serde_json::from_slice(&sample.bytes).unwrap();
    let mut mapper = mapper(&[]);
    let long_label = "x".repeat(64);
    let long_domain = "abcdefgh.".repeat(40);
    let mut kept = Vec::new();
    for address in [
        "A.B+c@X.EXAMPLE",
        "a@xn--bcher-kva.example",
        "a@123.456.example",
        "a@localhost",
        "a@b",
        "a..b@x.example",
        ".a@x.example",
        "a.@x.example",
        "a@x.example.",
        "a@.example",
        "a@-x.example",
        "a@x_y.example",
        "a b@x.example",
        "a@b@x.example",
        "\"a b\"@x.example",
        "a@[127.0.0.1]",
        "mailto:a@x.example",
        "Mara <a@x.example>",
        "m\u{e4}ra@x.example",
        "a@b\u{fc}cher.example",
        "a\u{0}@x.example",
        &format!("{}@x.example", "a".repeat(65)),
        &format!("a@{long_label}.example"),
        &format!("a@{long_domain}example"),
        "@",
        "d41d8cd98f00b204e9800998ecf8427e",
    ] {
        let mut event = event.clone();
        event["data"]["customerIdentifiers"]["instore"]["email"] = address.into();
        let bytes = event.to_string().into_bytes();
        let answer = answer(&mut mapper, &bytes);
        assert_eq!(violations(&answer, &bytes), [""; 0], "{address:?}");
        let identity = answer["event"]["identityMap"]["Email"][0]["id"].as_str();
        let contact = answer["profile"]["personalEmail"]["address"].as_str();
        // XDM's `email` format knows ASCII only, Identity Service does not mind.
        let international = identity.is_some_and(|identity| !identity.is_ascii());
        assert_eq!(contact, identity.filter(|_| !international), "{address:?}");
        kept.extend(identity.map(|_| address.to_owned()));
    }
    assert_eq!(
        kept[0], "A.B+c@X.EXAMPLE",
        "a plain address in capitals was dropped"
    );
}

#[test]
fn same_bytes_get_the_same_answer_whatever_came_before() {
    let samples = samples().unwrap();
    let mut worn = mapper(&[("events", "all"), ("tenant", "harborpine")]);
    samples
        .iter()
        .for_each(|sample| drop(answer(&mut worn, &sample.bytes)));
    for sample in &samples {
        let fresh = answer(
            &mut mapper(&[("events", "all"), ("tenant", "harborpine")]),
            &sample.bytes,
        );
        assert_eq!(answer(&mut worn, &sample.bytes), fresh, "{}", sample.name);
    }
}
