//! Who an event is about.
#![allow(clippy::unwrap_used)] // Helpers of tests.

mod support;

use serde_json::{Value, json};
use support::{map_json, sample};

const ALL: &str =
    r#"{"customerId":"CapillaryId","email":"Email","mobile":"Phone","externalId":"LoyaltyId"}"#;

fn with_instore(instore: &Value) -> Value {
    let mut event = sample("customerAdded");
    event["data"]["customerIdentifiers"]["instore"] = instore.clone();
    event
}

fn identities(pairs: &[(&str, &str)], event: &Value) -> Value {
    map_json(pairs, event)["event"]["identityMap"].clone()
}

#[test]
fn identities_default_to_customer_id_and_email() {
    assert_eq!(
        identities(&[], &sample("customerAdded")),
        json!({"CapillaryId": [{"id": "700100201", "primary": true}],
            "Email": [{"id": "mara.ellison@example.com", "primary": false}]})
    );
}

#[test]
fn identity_map_has_one_primary_always_in_the_same_namespace() {
    for primary in ["customerId", "email", "mobile", "externalId"] {
        let namespace = serde_json::from_str::<Value>(ALL).unwrap()[primary]
            .as_str()
            .unwrap()
            .to_owned();
        for (name, raw) in support::samples() {
            let pairs = [
                ("identities", ALL),
                ("primary-identity", primary),
                ("events", "all"),
            ];
            let answer = support::answer(&mut support::mapper(&pairs), &raw);
            for map in ["event", "profile"]
                .iter()
                .filter_map(|entity| answer.get(entity))
            {
                let map = map["identityMap"].as_object().unwrap();
                let primaries: Vec<&String> = map
                    .iter()
                    .flat_map(|(space, ids)| {
                        ids.as_array().unwrap().iter().map(move |id| (space, id))
                    })
                    .filter(|(_, id)| id["primary"] == true)
                    .map(|(space, _)| space)
                    .collect();
                assert_eq!(primaries, [&namespace], "{name}");
                assert!(
                    map.values().all(|ids| ids.as_array().unwrap().len() == 1),
                    "{name}: one id per namespace"
                );
            }
        }
    }
}

#[test]
fn event_without_primary_identity_or_customer_is_skipped() {
    let pairs = [("identities", ALL), ("primary-identity", "email")];
    assert_eq!(
        map_json(&pairs, &sample("pointsExpiryReminder"))["skip"],
        "no_primary_identity"
    );
    let mut event = sample("pointsIssued");
    event["data"]
        .as_object_mut()
        .unwrap()
        .remove("customerIdentifiers");
    event["data"]
        .as_object_mut()
        .unwrap()
        .remove("entityInformation");
    assert_eq!(map_json(&[], &event)["skip"], "no_identity");
}

#[test]
fn kinds_about_no_customer_are_skipped() {
    for name in [
        "cardUpdated",
        "notInterestedBillAdded",
        "promotionCreated",
        "promotionUpdated",
        "requestWorkflowEvent",
        "rewardCreated",
        "rewardUpdated",
        "rewardExpiryReminder",
    ] {
        assert_eq!(
            map_json(&[("events", "all")], &sample(name)),
            json!({"offset": 7, "skip": "no_identity"}),
            "{name}"
        );
    }
}

#[test]
fn merge_names_the_survivor_only() {
    let answer = map_json(
        &[("events", "all"), ("tenant", "acme")],
        &sample("loyaltyCustomerMerge"),
    );
    assert_eq!(
        answer["event"]["identityMap"],
        json!({"CapillaryId": [{"id": "700100201", "primary": true}]})
    );
    assert!(
        !answer.to_string().contains("700100199"),
        "the victim must not be named"
    );
}

#[test]
fn transfer_and_group_events_name_one_customer() {
    for (name, customer, other) in [
        ("pointsTransferredInitiated", "700100201", "700100388"),
        ("groupMemberAdded", "700100388", "700100201"),
        ("pointsContributionToGroup", "700100388", "700100201"),
    ] {
        let answer = map_json(&[("events", "all"), ("identities", ALL)], &sample(name));
        assert_eq!(
            answer["event"]["identityMap"]["CapillaryId"][0]["id"], customer,
            "{name}"
        );
        assert!(!answer["event"].to_string().contains(other), "{name}");
    }
}

#[test]
fn coupons_of_several_customers_are_rejected() {
    let mut event = sample("CouponIssue");
    let coupon = event["data"]["coupons"][0].clone();
    let mut second = coupon.clone();
    second["id"] = json!(610_442_002);
    second["customerIdentifiers"]["customerId"] = json!("700100201.0");
    event["data"]["coupons"] = json!([coupon, second]);
    let pairs = [("events", "CouponIssue"), ("tenant", "acme")];
    let answer = map_json(&pairs, &event);
    assert_eq!(
        answer["event"]["_acme"]["capillary"]["coupons"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    event["data"]["coupons"][1]["customerIdentifiers"]["customerId"] = json!(700_100_388);
    let answer = map_json(&pairs, &event);
    assert_eq!(answer["reject"]["reason"], "many_customers");
    assert_eq!(answer["reject"]["pointer"], "/data/coupons");
    // A coupon that names nobody may be anybody's.
    event["data"]["coupons"][1]["customerIdentifiers"] = json!({});
    assert_eq!(
        map_json(&pairs, &event)["event"]["_acme"]["capillary"]["coupons"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn identities_when_qualified_carry_the_organisation() {
    let mut event = sample("pointsIssued");
    let pairs = [("qualify-identity", "true")];
    assert_eq!(
        identities(&pairs, &event)["CapillaryId"][0]["id"],
        "90417-700100201"
    );
    event.as_object_mut().unwrap().remove("orgId");
    let answer = map_json(&pairs, &event);
    assert_eq!(
        (&answer["reject"]["reason"], &answer["reject"]["pointer"]),
        (&json!("no_organization"), &json!("/orgId"))
    );
}

#[test]
fn ordering_key_is_the_customers_whatever_the_primary_identity() {
    let event = sample("pointsIssued");
    assert_eq!(map_json(&[], &event)["key"], "90417:700100201");
    assert_eq!(
        map_json(
            &[("primary-identity", "email"), ("qualify-identity", "true")],
            &event
        )["key"],
        "90417:700100201"
    );
}

#[test]
fn email_is_trimmed_and_lower_cased_or_left_out() {
    for (email, expected) in [
        (
            " Mara.Ellison@Example.COM ",
            Some("mara.ellison@example.com"),
        ),
        ("ÉVA@example.com", Some("éva@example.com")),
        ("nobody", None),
        ("@example.com", None),
        ("a@", None),
        ("a@b@c", None),
        ("[email protected]", None),
        ("a..b@example.com", None),
        ("a@-example.com", None),
        ("", None),
    ] {
        let map = identities(&[], &with_instore(&json!({"email": email})));
        assert_eq!(map["Email"][0]["id"].as_str(), expected, "{email}");
    }
    let answer = map_json(&[], &with_instore(&json!({"email": "ÉVA@example.com"})));
    assert!(
        answer["profile"].get("personalEmail").is_none(),
        "XDM's email format is ASCII"
    );
}

#[test]
fn identity_too_long_for_identity_service_is_left_out() {
    let map = identities(
        &[("identities", ALL)],
        &with_instore(&json!({"externalId": "x".repeat(1025)})),
    );
    assert!(map.get("LoyaltyId").is_none());
}

#[test]
fn entity_replaces_a_missing_customer_id_only_for_a_user() {
    let mut event = sample("pointsIssued");
    event["data"]["customerIdentifiers"]
        .as_object_mut()
        .unwrap()
        .remove("customerId");
    event["data"]["entityInformation"] = json!({"entityType": "user", "entityId": 700_100_201.0});
    assert_eq!(identities(&[], &event)["CapillaryId"][0]["id"], "700100201");
    event["data"]["entityInformation"]["entityType"] = json!("GROUP");
    assert_eq!(map_json(&[], &event)["skip"], "no_primary_identity");
}

/// What is nobody's whatever identifier it stands for.
const NOBODYS: &[&str] = &[
    "null",
    "NULL",
    "Null",
    "anonymous",
    "ANONYMOUS",
    "invalid",
    "Undefined",
    "unknown",
    "None",
    "N/A",
    "n/a",
    "na",
    "0",
    "0000000000",
    "00000000-0000-0000-0000-000000000000",
    "-1",
    "-",
    "xxxx1234",
    "XXXXXX1234",
    "******1234",
    "******",
    "not available",
    " NULL\n",
    "nu\u{200b}ll",
];

#[test]
fn value_that_is_nobodys_is_no_identity() {
    let pairs = [("identities", ALL), ("tenant", "acme"), ("events", "all")];
    for value in NOBODYS {
        for key in ["email", "mobile", "externalId"] {
            let mut event = with_instore(&json!({"email": "mara.ellison@example.com"}));
            event["data"]["customerIdentifiers"]["instore"][key] = json!(value);
            let answer = map_json(&pairs, &event);
            let namespace = match key {
                "email" => "Email",
                "mobile" => "Phone",
                _ => "LoyaltyId",
            };
            let map = answer["event"]["identityMap"].as_object().unwrap();
            assert!(!map.contains_key(namespace), "{key} {value}: {map:?}");
            for entity in ["event", "profile"] {
                let text = answer[entity].to_string();
                assert!(
                    !text.contains(&json!(value).to_string()),
                    "{key} {value}: {text}"
                );
            }
        }
        let mut event = sample("customerAdded");
        event["data"]["customerIdentifiers"]["customerId"] = json!(value);
        let answer = map_json(&pairs, &event);
        assert_eq!(answer["skip"], "no_primary_identity", "{value}");
    }
}

#[test]
fn primary_identity_that_is_nobodys_skips_the_event() {
    for value in NOBODYS {
        for primary in ["email", "mobile", "externalId"] {
            for name in ["pointsIssued", "customerAdded", "tierUpgraded"] {
                let mut event = sample(name);
                event["data"]["customerIdentifiers"]["instore"] = json!({primary: value});
                let pairs = [("identities", ALL), ("primary-identity", primary)];
                let answer = map_json(&pairs, &event);
                assert_eq!(
                    answer,
                    json!({"offset": 7, "skip": "no_primary_identity"}),
                    "{value}"
                );
            }
        }
    }
}

#[test]
fn address_that_is_nobodys_is_no_identity() {
    for address in [
        "a@b",
        "na@na.com",
        "NA@NA.COM",
        "test@test.com",
        "null@shop.example",
        "x@localhost",
        "noemail@shop.example",
        "0@shop.example",
        "xxxx1@shop.example",
        "m***a@shop.example",
    ] {
        let answer = map_json(&[], &with_instore(&json!({"email": address})));
        assert!(
            answer["event"]["identityMap"].get("Email").is_none(),
            "{address}"
        );
        assert!(
            answer["profile"].get("personalEmail").is_none(),
            "{address}"
        );
    }
}

#[test]
fn phone_number_that_is_nobodys_is_no_identity() {
    let pairs = [("identities", ALL)];
    for number in [
        json!("0000000000"),
        json!("+910000000000"),
        json!("9999999999"),
        json!(919_999_999_999_u64),
        json!("1111111111"),
        json!("1234567890"),
        json!("XXXXXX1234"),
        json!("98******10"),
        json!("91 99999 99999"),
        json!(0),
    ] {
        let answer = map_json(&pairs, &with_instore(&json!({"mobile": number})));
        assert!(
            answer["event"]["identityMap"].get("Phone").is_none(),
            "{number}"
        );
        assert!(answer["profile"].get("mobilePhone").is_none(), "{number}");
    }
    let map = identities(&pairs, &with_instore(&json!({"mobile": "12025550143"})));
    assert_eq!(map["Phone"][0]["id"], "12025550143");
}

#[test]
fn invisible_characters_are_no_part_of_an_identity() {
    let mut event = with_instore(&json!({
        "email": "\u{feff}mara\u{200b}.ellison@example.com\u{a0}",
        "mobile": "\u{202a}+1\u{a0}202 555\u{2011}".replace('\u{2011}', "\u{200d}0143"),
        "externalId": "\u{200e}EXT\u{2060}-17\u{2069}",
    }));
    event["data"]["customerIdentifiers"]["customerId"] = json!("\u{feff}700100201\u{200b}");
    let map = identities(&[("identities", ALL)], &event);
    let id = |namespace: &str| {
        map[namespace][0]["id"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    assert_eq!(
        ["CapillaryId", "Email", "Phone", "LoyaltyId"].map(id),
        [
            "700100201",
            "mara.ellison@example.com",
            "+12025550143",
            "EXT-17"
        ]
    );
}

#[test]
fn value_an_organisation_ignores_is_no_identity() {
    let pairs = [
        ("identities", ALL),
        (
            "ignore-identities",
            r#"["Store-Tablet", "@counter.example", "+1 202 555 0100", "700100209"]"#,
        ),
    ];
    let map = identities(
        &pairs,
        &with_instore(&json!({
            "email": "Till4@Counter.example", "mobile": "12025550100", "externalId": "STORE-TABLET",
        })),
    );
    assert_eq!(map.as_object().unwrap().len(), 1, "{map}");
    let others =
        json!({"email": "a@x.counter.example", "mobile": "12025550101", "externalId": "tablet"});
    let map = identities(&pairs, &with_instore(&others));
    assert_eq!(map.as_object().unwrap().len(), 4, "{map}");
    for id in [json!(700_100_209), json!("700100209"), json!(700_100_209.0)] {
        let mut event = sample("pointsIssued");
        event["data"]["customerIdentifiers"]["customerId"] = id;
        event["data"]
            .as_object_mut()
            .unwrap()
            .remove("entityInformation");
        assert_eq!(map_json(&pairs, &event)["skip"], "no_primary_identity");
    }
}

#[test]
fn phone_number_is_written_as_e164_when_asked() {
    let pairs = [
        (
            "identities",
            r#"{"customerId":"CapillaryId","mobile":"Phone_E.164"}"#,
        ),
        ("mobile-format", "e164"),
    ];
    for (mobile, expected) in [
        (json!("12025550143"), Some("+12025550143")),
        (json!(12_025_550_143_u64), Some("+12025550143")),
        (json!("+1 202 555 0143"), Some("+12025550143")),
        (json!("0012025550143"), Some("+12025550143")),
        // Of which country it is nobody says.
        (json!("02025550143"), None),
        (json!("55501"), None),
    ] {
        let answer = map_json(&pairs, &with_instore(&json!({"mobile": mobile})));
        let found = &answer["event"]["identityMap"]["Phone_E.164"][0]["id"];
        assert_eq!(found.as_str(), expected, "{mobile}");
        assert_eq!(
            answer["profile"]["mobilePhone"]["number"].as_str(),
            expected,
            "{mobile}"
        );
    }
}
