//! One test per quirk of Capillary's identities and meanings that touches the kinds mapped field by
//! field.
#![allow(clippy::unwrap_used)] // Helpers of tests.

mod support;

use serde_json::{Value, json};
use support::{map_json, sample};

const TENANT: (&str, &str) = ("tenant", "acme");

fn tenant(answer: &Value) -> &Value {
    &answer["event"]["_acme"]["capillary"]
}

/// The sample with the value at a pointer replaced.
fn with(name: &str, pointer: &str, value: Value) -> Value {
    let mut event = sample(name);
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    event
        .pointer_mut(parent)
        .unwrap()
        .as_object_mut()
        .unwrap()
        .insert(key.to_owned(), value);
    event
}

#[test]
fn quirk_17_events_without_personal_data_are_mapped() {
    let answer = map_json(&[], &sample("transactionAdded.pii-less"));
    assert_eq!(
        answer["event"]["identityMap"],
        json!({"CapillaryId": [{"id": "700100201", "primary": true}]})
    );
    assert_eq!(answer["event"]["eventType"], "commerce.purchases");
}

#[test]
fn quirk_18_19_identifiers_that_are_all_the_same_text_identify_nobody() {
    for text in ["0cc175b9c0f1b6a831c399e269772661", "test", "a@example.com"] {
        let mut event = sample("customerAdded");
        event["data"]["customerIdentifiers"]["instore"] =
            json!({"mobile": text, "email": text, "externalId": text});
        let pairs = [
            (
                "identities",
                r#"{"customerId":"C","email":"E","mobile":"M","externalId":"X"}"#,
            ),
            TENANT,
        ];
        let answer = map_json(&pairs, &event);
        assert_eq!(
            answer["event"]["identityMap"],
            json!({"C": [{"id": "700100201", "primary": true}]})
        );
        assert!(
            !answer.to_string().contains(&format!("\"{text}\"")),
            "{text}"
        );
    }
}

#[test]
fn quirk_22_deleted_customer_has_a_status_and_nothing_personal() {
    for (key, label) in [
        ("currentLabel", "Deleted"),
        ("currentLabel", "DELETED"),
        ("currentStatus", "DELETED"),
    ] {
        let status = json!({"previousLabel": "Active", key: label, "reason": "Mara asked"});
        let event = with("customerUpdated", "/data/customerStatus", status);
        let pairs = [
            (
                "identities",
                r#"{"customerId":"C","email":"E","mobile":"M","externalId":"X"}"#,
            ),
            TENANT,
        ];
        let answer = map_json(&pairs, &event);
        let primary = json!({"C": [{"id": "700100201", "primary": true}]});
        assert_eq!(answer["event"]["identityMap"], primary);
        assert_eq!(
            answer["profile"],
            json!({"identityMap": primary, "loyalty": {"status": label}})
        );
        for personal in [
            "Mara",
            "Voss",
            "mara.",
            "12025550143",
            "HP-0002",
            "Married",
            "preferred_language",
        ] {
            assert!(!answer.to_string().contains(personal), "{personal}");
        }
        assert_eq!(tenant(&answer)["customer"]["status"]["current"], label);
    }
}

#[test]
fn quirk_24_enriched_lines_become_products_and_tenant_fractions() {
    let lines = json!([
        {"itemCode": "LATTE", "description": "Latte", "qty": 2.0, "rate": 10.0, "value": 20.0,
            "discount": 2.0, "amount": 18.0},
        {"itemCode": "BEANS", "qty": 0.35, "amount": "8.750"},
        {"description": "no code", "qty": 1},
        {"itemCode": "MUG", "qty": 1, "amount": -5.0, "type": "RETURN"}
    ]);
    let answer = map_json(
        &[TENANT],
        &with("transactionAdded", "/data/lineItemsV2", lines),
    );
    assert_eq!(
        answer["event"]["productListItems"],
        json!([
            {"SKU": "LATTE", "name": "Latte", "quantity": 2, "priceTotal": 18, "discountAmount": 2,
                "currencyCode": "EUR"},
            {"SKU": "BEANS", "priceTotal": 8.75, "currencyCode": "EUR"},
            {"SKU": "MUG", "quantity": 1, "refundAmount": 5, "currencyCode": "EUR"}
        ])
    );
    assert_eq!(
        tenant(&answer)["transaction"]["fractionalQuantities"],
        json!([{"SKU": "BEANS", "quantity": 0.35}])
    );
    assert!(
        map_json(&[], &sample("transactionAdded"))["event"]
            .get("productListItems")
            .is_none()
    );
}

#[test]
fn quirk_25_a_currency_that_is_not_three_letters_is_left_out() {
    for code in [" ", "EURO", "E1R", "€€€"] {
        let answer = map_json(
            &[],
            &with("transactionAdded", "/data/currencyCode", json!(code)),
        );
        assert!(
            answer["event"]["commerce"]["order"]
                .get("currencyCode")
                .is_none(),
            "{code}"
        );
    }
}

#[test]
fn quirk_26_a_gross_amount_of_zero_means_not_supplied() {
    let answer = map_json(
        &[TENANT],
        &with("transactionAdded", "/data/grossAmount", json!(0)),
    );
    assert!(tenant(&answer)["transaction"].get("grossAmount").is_none());
}

#[test]
fn quirk_28_balances_are_those_of_the_one_program_the_profile_speaks_of() {
    let event = sample("pointsIssued");
    assert!(map_json(&[("program-id", "6120")], &event)["profile"].is_object());
    let other = map_json(&[("program-id", "7")], &event);
    assert_eq!(
        (other.get("profile"), &other["notes"]),
        (None, &json!(["other_program"]))
    );
    let unmarked = with(
        "pointsIssued",
        "/data/loyaltyProgramDetails/isDefault",
        json!(null),
    );
    let unknown = map_json(&[], &unmarked);
    assert_eq!(
        (unknown.get("profile"), &unknown["notes"]),
        (None, &json!(["program_unknown"]))
    );
    assert!(map_json(&[("program-id", "6120")], &unmarked)["profile"].is_object());
    let second = with(
        "pointsIssued",
        "/data/loyaltyProgramDetails/isDefault",
        json!(false),
    );
    assert_eq!(map_json(&[], &second)["notes"], json!(["other_program"]));
    // No loyaltyProgramId: the details name the program.
    let mut event = sample("tierUpgraded");
    event["data"]
        .as_object_mut()
        .unwrap()
        .remove("loyaltyProgramId");
    assert_eq!(
        map_json(&[("program-id", "6120")], &event)["profile"]["loyalty"]["tier"],
        "Tide"
    );
}

#[test]
fn quirk_29_an_empty_triggering_activity_is_nothing() {
    let answer = map_json(&[TENANT], &sample("pointsExpired"));
    assert!(tenant(&answer).get("activity").is_none());
    assert!(
        answer.get("profile").is_none(),
        "no balance is sent with an expiry"
    );
}

#[test]
fn quirk_32_organisations_are_checked_against_a_list_and_zero_is_one() {
    let pairs = [("organizations", "[1, 90417]")];
    assert_eq!(
        map_json(&pairs, &sample("pointsIssued"))["name"],
        "pointsIssued"
    );
    let child = with("pointsIssued", "/orgId", json!(90418));
    assert_eq!(
        map_json(&pairs, &child),
        json!({"offset": 7, "skip": "other_organization"})
    );
    assert_eq!(
        map_json(
            &[("organizations", "0")],
            &with("pointsIssued", "/orgId", json!(0))
        )["key"],
        "0:700100201"
    );
    assert_eq!(
        map_json(&pairs, &with("pointsIssued", "/orgId", json!(90417.0)))["key"],
        "90417:700100201"
    );
}

#[test]
fn quirk_33_redemptions_take_the_chosen_programs_balance_not_a_groups() {
    let programs = json!([
        {"programId": 9, "pointsRedeemed": 1.0, "programCurrentPoints": 1.0},
        {"programId": "6120.0", "pointsRedeemed": 2.0, "programCurrentPoints": 192.5}
    ]);
    let event = with(
        "pointsRedeemed",
        "/data/redemptionFromEarningPrograms",
        programs,
    );
    assert_eq!(
        map_json(&[], &event)["profile"]["loyalty"],
        json!({"points": 192.5, "program": "HarborPineDefaultProgram"})
    );
    assert_eq!(
        map_json(&[("program-id", "9")], &event)["profile"]["loyalty"],
        json!({"points": 1})
    );
    assert_eq!(
        map_json(&[("program-id", "8")], &event)["notes"],
        json!(["other_program"])
    );
    let group = with("pointsRedeemed", "/data/isGroupRedemption", json!(true));
    let answer = map_json(&[], &group);
    assert_eq!(
        (answer.get("profile"), &answer["notes"]),
        (None, &json!(["of_a_group"]))
    );
}

#[test]
fn group_balances_and_tiers_are_not_written_to_a_customer() {
    for name in ["pointsIssued", "pointsRedeemed", "tierUpgraded"] {
        let event = with(name, "/data/entityInformation/entityType", json!("GROUP"));
        let answer = map_json(&[], &event);
        assert_eq!(
            (answer.get("profile"), &answer["notes"]),
            (None, &json!(["of_a_group"])),
            "{name}"
        );
        assert!(answer["event"].is_object(), "{name}");
    }
}

#[test]
fn tier_names_come_from_event_then_parameter_then_number() {
    let tier = |pairs: &[(&str, &str)], event: &Value| {
        map_json(pairs, event)["profile"]["loyalty"]["tier"].clone()
    };
    let named = with(
        "tierUpgraded",
        "/data/loyaltyProgramDetails/tiers",
        json!([{"tierNumber": 2.0, "tierName": " Tide "}]),
    );
    assert_eq!(tier(&[("tiers", r#"{"2":"Other"}"#)], &named), "Tide");
    for tiers in [
        json!(null),
        json!([]),
        json!([{"tierNumber": 2, "tierName": "Tide"}, {"tierNumber": 2, "tierName": "Wave"}]),
    ] {
        let unnamed = with("tierUpgraded", "/data/loyaltyProgramDetails/tiers", tiers);
        assert_eq!(tier(&[("tiers", r#"{"2":"Other"}"#)], &unnamed), "Other");
        assert_eq!(tier(&[], &unnamed), "2");
        assert_eq!(
            map_json(&[], &unnamed)["notes"],
            json!(["tier_name_unknown"])
        );
    }
}

#[test]
fn purchase_is_counted_for_a_sound_new_bill_only() {
    let kind = |event: &Value| map_json(&[], event)["event"]["eventType"].clone();
    for (bill, outlier, expected) in [
        ("REGULAR", json!(null), "commerce.purchases"),
        ("MIXED", json!("OUTLIER"), "commerce.purchases"),
        ("REGULAR", json!("FRAUD"), "capillary.transactionAdded"),
        ("REGULAR", json!("TEST"), "capillary.transactionAdded"),
        (
            "NOT_INTERESTED",
            json!("NORMAL"),
            "capillary.transactionAdded",
        ),
        ("CREDIT", json!("NORMAL"), "capillary.transactionAdded"),
        ("RETURN", json!("NORMAL"), "capillary.transactionReturned"),
    ] {
        let mut event = with("transactionAdded", "/data/billType", json!(bill));
        event["data"]["outlierStatus"] = outlier;
        assert_eq!(kind(&event), expected, "{bill}");
        let counts = map_json(&[], &event)["event"]["commerce"]
            .get("purchases")
            .is_some();
        assert_eq!(counts, expected == "commerce.purchases", "{bill}");
    }
    let update = map_json(&[], &sample("transactionUpdated"));
    assert_eq!(update["event"]["eventType"], "capillary.transactionUpdated");
    assert!(
        update["event"]["commerce"].get("purchases").is_none(),
        "an update must not count revenue twice"
    );
    assert_eq!(update["event"]["commerce"]["order"]["priceTotal"], 45.2);
}

#[test]
fn return_is_a_refund_whatever_the_sign_of_its_amount() {
    for amount in [json!(16.2), json!(-16.2), json!("-16.20")] {
        let answer = map_json(
            &[],
            &with("transactionAdded.return", "/data/amount", amount),
        );
        let order = &answer["event"]["commerce"]["order"];
        assert_eq!(
            (
                order["refundTotal"].to_string().as_str(),
                order.get("priceTotal")
            ),
            ("16.2", None)
        );
    }
}
