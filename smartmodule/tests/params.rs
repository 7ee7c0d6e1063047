//! Parameters: what is accepted, and that everything else is refused by name.
#![allow(clippy::unwrap_used)] // Helpers of tests.

mod support;

use capillary_xdm::Params;
use serde_json::json;
use support::{map_json, params, sample};

fn refused(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Params::from_pairs(pairs).unwrap_err().to_string()
}

#[test]
fn parameters_take_every_text_form_a_transform_gives() {
    for (name, value) in [
        ("events", "all"),
        ("events", "pointsIssued"),
        ("events", "pointsIssued, tierUpgraded"),
        ("events", r#"["pointsIssued","CouponIssue"]"#),
        ("organizations", "90417"),
        ("organizations", "[90417, \"90418\"]"),
        ("primary-identity", "email"),
        (
            "identities",
            r#"{"customerId":"CapillaryId","externalId":"CrmId"}"#,
        ),
        ("ignore-identities", "store-tablet, 12025550100"),
        (
            "ignore-identities",
            r#"["@shop.example", "counter@shop.example"]"#,
        ),
        ("mobile-format", "as-it-is"),
        ("mobile-format", "e164"),
        ("program-id", "6120"),
        ("org-unit", "41"),
        ("org-unit", "HP-MAIN"),
        ("tenant", "acme"),
        ("tenant", "_acme"),
        ("tiers", r#"{"1":"Pebble","2":"Tide"}"#),
        ("time-zone", "Z"),
        ("time-zone", "+05:30"),
        ("time-zone", "-08:00"),
        ("time-zone", "+01:00 1774746000=+02:00 1792890000=+01:00"),
        ("omit-fields", "loyalty.lifetimePoints,commerce.order"),
        ("omit-fields", r#"["productListItems[].name"]"#),
        (
            "omit-fields",
            r#"{"event": ["loyalty"], "profile": ["loyalty.lifetimePoints"]}"#,
        ),
        (
            "omit-fields",
            r#"{"profile": "loyalty.lifetimePoints, loyalty.tier"}"#,
        ),
        ("qualify-identity", "true"),
        ("qualify-identity", "false"),
        ("deleted-labels", r#"["Deleted","Erased"]"#),
        ("missing-bill-type", "purchase"),
        ("missing-bill-type", "none"),
        ("line-price", "after-discount"),
        ("line-price", "before-discount"),
        ("currency", "EUR"),
        ("currency", "inr"),
        ("test-profile", "true"),
        ("max-event-bytes", "10000"),
        ("max-event-bytes", "900000"),
    ] {
        params(&[(name, value)]);
    }
}

#[test]
fn parameter_with_a_bad_value_is_refused_by_name() {
    for (name, value) in [
        ("events", ""),
        ("events", "[]"),
        ("events", "pointsIssued,"),
        ("events", "pointsAwarded"),
        ("events", "pointsIssued,all"),
        ("events", r#"[{"a":1}]"#),
        ("events", "[\"pointsIssued\""),
        ("organizations", "acme"),
        ("organizations", "[1.5]"),
        ("primary-identity", "phone"),
        ("primary-identity", "mobile"),
        ("identities", "{}"),
        ("identities", "CapillaryId"),
        ("identities", r#"{"email":"Email"}"#),
        ("identities", r#"{"customerId":""}"#),
        ("identities", r#"{"customerId":"A","email":"A"}"#),
        ("identities", r#"{"customerId":"A","customerId":"B"}"#),
        ("identities", r#"{"customerId":"with space"}"#),
        ("identities", r#"{"cardNumber":"Card","customerId":"A"}"#),
        ("identities", r#"{"customerId":"CRM_ID"}"#),
        ("identities", r#"{"customerId":"crm.id"}"#),
        ("identities", r#"{"customerId":"A-B"}"#),
        ("identities", r#"{"customerId":"ECID"}"#),
        ("identities", r#"{"customerId":"A","externalId":"ECID"}"#),
        ("identities", r#"{"customerId":"A","mobile":"Phone_E.164"}"#),
        ("identities", r#"{"customerId":"Phone_E.164"}"#),
        (
            "identities",
            r#"{"customerId":"A","email":"Email_LC_SHA256"}"#,
        ),
        ("ignore-identities", ""),
        ("ignore-identities", "a,,b"),
        ("mobile-format", "E.164"),
        ("program-id", "main"),
        ("program-id", ""),
        ("tenant", ""),
        ("tenant", "_"),
        ("tenant", "Acme"),
        ("tenant", "a.b"),
        ("tiers", r#"{"gold":"Gold"}"#),
        ("tiers", r#"{"1":2}"#),
        ("tiers", "[]"),
        ("time-zone", "Asia/Kolkata"),
        ("time-zone", "+5:30"),
        ("time-zone", "+15:00"),
        ("time-zone", "+05:60"),
        ("time-zone", "+01:00 2=+02:00 1=+01:00"),
        ("omit-fields", ""),
        ("omit-fields", "loyalty.lifetimePoint"),
        ("omit-fields", "_id"),
        ("omit-fields", "{}"),
        ("omit-fields", r#"{"events": ["loyalty"]}"#),
        ("omit-fields", r#"{"event": []}"#),
        (
            "omit-fields",
            r#"{"event": ["loyalty"], "event": ["commerce"]}"#,
        ),
        ("omit-fields", r#"{"event": ["loyalty.lifetimePoints"]}"#),
        ("omit-fields", r#"{"profile": ["commerce"]}"#),
        ("omit-fields", r#"{"event": ["loyalty"]"#),
        ("omit-fields", "identityMap"),
        ("omit-fields", "_acme.capillary.points"),
        ("qualify-identity", "yes"),
        ("deleted-labels", ""),
        ("deleted-labels", "{}"),
        ("missing-bill-type", "refund"),
        ("line-price", "net"),
        ("currency", "EURO"),
        ("currency", "E1R"),
        ("currency", ""),
        ("test-profile", "yes"),
        ("max-event-bytes", "9999"),
        ("max-event-bytes", "900001"),
        ("max-event-bytes", "1MB"),
    ] {
        let message = refused(&[(name, value)]);
        assert!(
            message.starts_with(&format!("parameter `{name}`: "))
                || message.starts_with("parameter `identities`"),
            "{name}={value}: {message}"
        );
    }
}

#[test]
fn namespace_that_is_nearly_adobes_is_doubted() {
    let doubts_about = |pairs: &[(&str, &str)], name: &str| {
        let mut doubts = params(pairs).doubts();
        doubts.retain(|doubt| doubt.name == name);
        doubts
    };
    let doubts = |identities: &str| doubts_about(&[("identities", identities)], "identities");
    for (code, adobes) in [
        ("email", "Email"),
        ("EMAIL", "Email"),
        ("phone", "Phone"),
        ("Ecid", "ECID"),
    ] {
        let found = doubts(&format!(
            r#"{{"customerId":"CapillaryId","email":"{code}"}}"#
        ));
        assert_eq!(found.len(), 1, "{code}");
        assert!(
            found[0].message.contains(&format!("`{adobes}`")),
            "{}",
            found[0]
        );
    }
    for code in ["Email", "Phone", "CapillaryEmail"] {
        assert!(
            doubts(&format!(
                r#"{{"customerId":"CapillaryId","email":"{code}"}}"#
            ))
            .is_empty()
        );
    }
    let pairs = [
        ("mobile-format", "e164"),
        (
            "identities",
            r#"{"customerId":"CapillaryId","mobile":"Phone_E.164"}"#,
        ),
    ];
    assert!(doubts_about(&pairs, "identities").is_empty());
}

#[test]
fn parameter_that_is_unknown_is_refused_by_name() {
    assert!(refused(&[("event", "all")]).starts_with("parameter `event`: unknown"));
    assert!(
        refused(&[("tenant", "a"), ("Tenant", "a")]).starts_with("parameter `Tenant`: unknown")
    );
}

#[test]
fn parameter_given_twice_is_refused() {
    assert_eq!(
        refused(&[("tenant", "a"), ("tenant", "b")]),
        "parameter `tenant`: given twice"
    );
}

#[test]
fn events_parameter_decides_what_is_mapped_and_why_skipped() {
    let skip = |pairs: &[(&str, &str)], name: &str| map_json(pairs, &sample(name))["skip"].clone();
    assert_eq!(skip(&[], "streakStart"), "unwanted_kind");
    assert_eq!(
        skip(&[("events", "CouponIssue")], "CouponIssue"),
        json!(null)
    );
    assert_eq!(
        skip(&[("events", "CouponIssue")], "pointsIssued"),
        "unwanted_kind"
    );
    let unknown = json!({"eventName": "IssueBulkCoupon", "data": {}});
    assert_eq!(
        map_json(&[("events", "all")], &unknown),
        json!({"offset": 7, "skip": "unknown_kind"})
    );
}

#[test]
fn omitted_fields_take_all_below_and_emptied_parents_along() {
    let event = sample("pointsIssued");
    let answer = map_json(
        &[
            ("omit-fields", "loyalty.lifetimePoints,loyalty.pointsGained"),
            ("tenant", "acme"),
        ],
        &event,
    );
    assert_eq!(
        answer["profile"]["loyalty"],
        json!({"points": 312.5, "program": "HarborPineDefaultProgram"})
    );
    assert!(answer["event"].get("loyalty").is_none());
    let answer = map_json(
        &[
            (
                "omit-fields",
                "_acme.capillary.points.regular[].points,_acme.capillary.activity",
            ),
            ("tenant", "acme"),
        ],
        &event,
    );
    let tenant = &answer["event"]["_acme"]["capillary"];
    assert_eq!(
        tenant["points"]["regular"],
        json!([{"expiryDay": "2027-09-30"}])
    );
    assert!(tenant.get("activity").is_none());
    let answer = map_json(&[("omit-fields", "loyalty,loyalty.points")], &event);
    assert!(answer.get("profile").is_none(), "nothing is left to say");
}

#[test]
fn tenant_missing_means_standard_fields_only() {
    for (name, raw) in support::samples() {
        let answer = support::answer(&mut support::mapper(&[("events", "all")]), &raw);
        for entity in ["event", "profile"] {
            let keys = answer
                .get(entity)
                .and_then(|entity| entity.as_object())
                .into_iter()
                .flat_map(|entity| entity.keys());
            assert!(
                keys.filter(|key| *key != "_id")
                    .all(|key| !key.starts_with('_')),
                "{name}"
            );
        }
    }
}

#[test]
fn missing_tenant_is_doubted_with_what_each_kind_loses() {
    let about_tenant = |pairs: &[(&str, &str)]| {
        let doubts = params(pairs).doubts();
        let found = doubts.into_iter().find(|doubt| doubt.name == "tenant");
        found.map(|doubt| doubt.message)
    };
    assert_eq!(about_tenant(&[("tenant", "acme")]), None);
    let message = about_tenant(&[]).unwrap();
    for part in [
        "`points` of pointsIssued",
        "`tier` of tierUpgraded",
        "`promotion` of promotionEarned",
    ] {
        assert!(message.contains(part), "{message}");
    }
    let few = about_tenant(&[("events", "tierUpgraded")]).unwrap();
    assert!(few.ends_with("`tier` of tierUpgraded"), "{few}");
    assert!(
        about_tenant(&[("events", "all")])
            .unwrap()
            .contains("other kinds")
    );
    // What is told is what is written with one.
    let mut mapper = support::mapper(&[("events", "all"), ("tenant", "acme")]);
    for (name, raw) in support::samples() {
        let answer = support::answer(&mut mapper, &raw);
        let Some(kind) = answer["name"].as_str() else {
            continue;
        };
        let message = about_tenant(&[("events", kind)]).unwrap();
        let told: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
        let fields = answer["event"]["_acme"]["capillary"].as_object().unwrap();
        let of_all = [
            "eventName",
            "organizationId",
            "refId",
            "apiRequestId",
            "loyaltyEventId",
            "eventLogId",
            "enteredAt",
            "loyaltyType",
            "source",
            "accountId",
            "program",
            "store",
            "till",
            "activity",
            "customFields",
            "extendedFields",
            "couponSeries",
            "issueType",
            "behavioralEvent",
        ];
        for field in fields
            .keys()
            .filter(|field| !of_all.contains(&field.as_str()))
        {
            assert!(told.contains(&field.as_str()), "{name}: {field}");
        }
    }
}

#[test]
fn fields_are_omitted_from_event_and_profile_apart() {
    let event = sample("pointsIssued");
    for (value, of_event, of_profile) in [
        (r#"{"event": ["loyalty"]}"#, false, true),
        (
            r#"{"profile": "loyalty.points,loyalty.lifetimePoints,loyalty.program"}"#,
            true,
            false,
        ),
        (
            r#"{"event": ["loyalty.pointsGained[].value"], "profile": ["loyalty.program"]}"#,
            true,
            true,
        ),
        ("loyalty", false, false),
    ] {
        let answer = map_json(&[("omit-fields", value)], &event);
        assert_eq!(
            answer["event"].get("loyalty").is_some(),
            of_event,
            "{value}"
        );
        assert_eq!(
            answer["profile"].get("loyalty").is_some(),
            of_profile,
            "{value}"
        );
    }
}

#[test]
fn every_parameter_is_in_the_sample_the_package_and_the_docs() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |file: &str| std::fs::read_to_string(root.join(file)).unwrap();
    let error = refused(&[("no-such-parameter", "x")]);
    let (_, names) = error.split_once("the parameters are ").unwrap();
    let names: Vec<&str> = names.split(", ").collect();
    assert!(names.len() > 15, "{names:?}");
    let sample = read("connector.yaml");
    let package = read("smartmodule/SmartModule.toml");
    let table = read("docs/configuration.md");
    for name in &names {
        let is_shown = |line: &str| {
            let line = line.trim_start().trim_start_matches("# ");
            line.starts_with(&format!("{name}: "))
        };
        assert!(sample.lines().any(is_shown), "connector.yaml: {name}");
        let row = format!("| `{name}` |");
        assert!(table.contains(&row), "docs/configuration.md: {name}");
        let entry = format!("name = \"{name}\"");
        assert!(package.contains(&entry), "SmartModule.toml: {name}");
    }
    assert_eq!(package.matches("[[params]]").count(), names.len());
}
