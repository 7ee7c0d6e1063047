//! What an event says is read also in a form that is not the documented one; and what cannot be
//! read is counted, never silently gone.

use crate::support::{map_json, sample};
use serde_json::{Value, json};

fn with(name: &str, members: Value) -> Value {
    let mut event = sample(name);
    for (key, value) in members.as_object().into_iter().flatten() {
        event["data"][key] = value.clone();
    }
    event
}

fn notes(answer: &Value) -> Value {
    answer.get("notes").cloned().unwrap_or_else(|| json!([]))
}

const TENANT: [(&str, &str); 2] = [("tenant", "acme"), ("events", "all")];

#[test]
fn list_of_one_may_stand_there_without_its_brackets() {
    for (name, key) in [
        ("pointsRedeemed", "redemptionFromEarningPrograms"),
        (
            "redeemedPointsReversed",
            "redemptionReversalToEarningPrograms",
        ),
        ("loyaltyCustomerMerge", "survivorCustomerLoyaltySummary"),
        ("pointsExpiryChange", "updatedPointsExpiryBreakup"),
        ("CouponIssue", "coupons"),
        ("customerSubscription", "subscriptions"),
        ("customerUpdated", "updatedFields"),
    ] {
        let mut list = sample(name);
        let items = list["data"][key].as_array_mut().unwrap();
        items.truncate(1);
        let only = items[0].clone();
        let bare = with(name, json!({key: only}));
        // The ids are given, so that nothing else tells the two apart.
        assert_eq!(map_json(&TENANT, &bare), map_json(&TENANT, &list), "{name}");
    }
}

#[test]
fn object_may_be_the_only_one_of_a_list() {
    for (name, key) in [
        ("pointsIssued", "customerIdentifiers"),
        ("pointsIssued", "loyaltyProgramDetails"),
        ("pointsIssued", "triggeringActivity"),
        ("tierUpgraded", "loyaltyProgramDetails"),
        ("loyaltyCustomerMerge", "survivorCustomerIdentifiers"),
        ("CouponRedeem", "coupon"),
        ("customerUpdated", "customerStatus"),
        ("transactionAdded", "enteredBy"),
    ] {
        let plain = sample(name);
        let listed = with(name, json!({key: [plain["data"][key]]}));
        assert_eq!(
            map_json(&TENANT, &listed),
            map_json(&TENANT, &plain),
            "{name}"
        );
        // Of two it is not known which one is meant: never one customer's for another.
        let twice = with(name, json!({key: [plain["data"][key], plain["data"][key]]}));
        let answer = map_json(&[], &twice);
        assert!(answer.get("reject").is_none(), "{name}: {answer}");
    }
}

#[test]
fn amount_and_balance_that_cannot_be_read_are_counted() {
    for amount in ["1,234.50", "48.60 EUR", "NaN", "٤٨"] {
        for name in ["transactionAdded", "transactionUpdated", "retroBillAdded"] {
            let answer = map_json(&[], &with(name, json!({"amount": amount})));
            assert_eq!(notes(&answer), json!(["value_unreadable"]), "{amount}");
            let order = &answer["event"]["commerce"]["order"];
            assert!(order.get("priceTotal").is_none());
        }
        let answer = map_json(
            &[],
            &with("pointsIssued", json!({"programCurrentPoints": amount})),
        );
        assert_eq!(notes(&answer), json!(["value_unreadable"]), "{amount}");
    }
    for nothing in [json!(null), json!(""), json!("null")] {
        let answer = map_json(&[], &with("transactionAdded", json!({"amount": nothing})));
        assert_eq!(notes(&answer), json!([]), "what says nothing is no fault");
    }
}

#[test]
fn bill_of_an_unknown_type_is_no_purchase_and_counted() {
    for kind in ["EXCHANGE", "VOID", "Retour", "5"] {
        let answer = map_json(&[], &with("transactionAdded", json!({"billType": kind})));
        assert_eq!(notes(&answer), json!(["bill_type_unknown"]), "{kind}");
        assert!(answer["event"]["commerce"].get("purchases").is_none());
    }
    for kind in [
        "REGULAR",
        "mixed",
        "RETURN",
        "NOT_INTERESTED",
        "NOT_INTERESTED_RETURN",
    ] {
        let answer = map_json(&[], &with("transactionAdded", json!({"billType": kind})));
        assert_eq!(notes(&answer), json!([]), "{kind}");
    }
    for kind in ["Sales Return", "RETURNED", "refund", "REFUNDED"] {
        let answer = map_json(&[], &with("transactionAdded", json!({"billType": kind})));
        assert_eq!(
            answer["event"]["commerce"]["order"]["refundTotal"], 48.6,
            "{kind}"
        );
        assert_eq!(notes(&answer), json!([]), "{kind}");
    }
}

#[test]
fn line_without_an_articles_number_is_counted() {
    let lines = json!([{"itemCode": "A", "amount": 5}, {"description": "bag", "amount": 1}]);
    let answer = map_json(
        &[],
        &with("transactionAdded", json!({"lineItemsV2": lines})),
    );
    let products = answer["event"]["productListItems"].as_array().unwrap();
    assert_eq!(
        (products.len(), notes(&answer)),
        (1, json!(["line_without_sku"]))
    );
}

#[test]
fn bill_number_that_is_nobodys_gives_way_to_the_transaction() {
    for number in ["NA", "0", "000000", "null", "not available", "-1"] {
        let answer = map_json(
            &[],
            &with("transactionAdded", json!({"billNumber": number})),
        );
        let order = &answer["event"]["commerce"]["order"];
        assert_eq!(order["purchaseID"], "3300456712", "{number}");
    }
}

#[test]
fn time_written_out_with_its_zone_is_an_instant() {
    let answer = map_json(
        &[],
        &with(
            "transactionAdded",
            json!({"billDate": "2026-09-14T10:13:55+02:00"}),
        ),
    );
    let order = &answer["event"]["commerce"]["order"];
    assert_eq!(order["createdDate"], "2026-09-14T08:13:55.000Z");
    let answer = map_json(
        &[],
        &with(
            "customerAdded",
            json!({"enteredAt": "2026-09-14T10:15:29+02:00"}),
        ),
    );
    let loyalty = &answer["profile"]["loyalty"];
    assert_eq!(loyalty["joinDate"], "2026-09-14T08:15:29.000Z");
}

#[test]
fn points_without_a_readable_day_replace_no_known_expiry() {
    for day in [
        "30-09-2026",
        "2026-02-30",
        "soon",
        "1970-01-01",
        "1900-01-01",
    ] {
        let event = with("pointsExpiryReminder", json!({"scheduledExpiryDate": day}));
        let answer = map_json(&[], &event);
        assert!(answer.get("profile").is_none(), "{day}: {answer}");
        assert_eq!(notes(&answer), json!(["value_unreadable"]), "{day}");
    }
    let event = with("tierUpgraded", json!({"tierExpiryDate": "1970-01-01"}));
    let loyalty = &map_json(&[], &event)["profile"]["loyalty"];
    assert_eq!(loyalty["tier"], "Tide");
    assert!(loyalty.get("tierExpiryDate").is_none(), "{loyalty}");
}

#[test]
fn tier_below_zero_is_none() {
    for number in [json!(-1), json!("-1")] {
        let event = with("tierUpgraded", json!({"upgradedTierNumber": number}));
        assert!(map_json(&[], &event).get("profile").is_none());
    }
    let mut event = sample("loyaltyCustomerMerge");
    event["data"]["survivorCustomerLoyaltySummary"][0]["tierNumber"] = json!(-1);
    let answer = map_json(&[], &event);
    assert_eq!(answer["profile"]["loyalty"]["points"], 402.5);
    assert_eq!(notes(&answer), json!([]));
}

#[test]
fn gender_and_birthday_are_read_in_common_forms() {
    let person = |key: &str, value: &str| {
        let fields = json!([{"key": key, "value": value}]);
        let answer = map_json(
            &[],
            &with("customerAdded", json!({"extendedFields": fields})),
        );
        answer["profile"]["person"].clone()
    };
    for (word, expected) in [("F", "female"), ("m", "male"), (" Female ", "female")] {
        assert_eq!(person("gender", word)["gender"], expected);
    }
    for word in ["Other", "x", "weiblich", ""] {
        assert!(person("gender", word).get("gender").is_none(), "{word}");
    }
    for day in [
        "1991-05-17",
        "1991-05-17T00:00:00",
        "1991-05-17 00:00:00.000",
    ] {
        assert_eq!(person("dob", day)["birthDate"], "1991-05-17", "{day}");
    }
    for day in [
        "9999-12-31",
        "2026-09-15",
        "17-05-1991",
        "0000-00-00",
        "1991-05-17T18:30:00Z",
    ] {
        assert!(person("dob", day).get("birthDate").is_none(), "{day}");
    }
}
