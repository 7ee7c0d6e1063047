//! Each purchase counts once, each refund is one, and each amount has its currency.

use crate::support::{map_json, sample};
use serde_json::{Value, json};

/// The sample with other members of `data`; `null` takes one away.
fn with(name: &str, members: Value) -> Value {
    let mut event = sample(name);
    for (key, value) in members.as_object().into_iter().flatten() {
        match value {
            Value::Null => drop(event["data"].as_object_mut().map(|data| data.remove(key))),
            value => event["data"][key] = value.clone(),
        }
    }
    event
}

fn purchases(answer: &Value) -> Option<&Value> {
    answer["event"]["commerce"].get("purchases")
}

fn order(answer: &Value) -> &Value {
    &answer["event"]["commerce"]["order"]
}

#[test]
fn bill_known_to_be_a_members_later_is_the_purchase_it_is() {
    let answer = map_json(&[], &sample("retroBillAdded"));
    assert_eq!(answer["event"]["eventType"], "commerce.purchases");
    assert_eq!(
        purchases(&answer),
        Some(&json!({"id": "3300456790", "value": 1}))
    );
    assert_eq!(
        (
            &order(&answer)["priceTotal"],
            &order(&answer)["currencyCode"]
        ),
        (&json!(48.6), &json!("EUR"))
    );
    let answer = map_json(&[], &with("retroBillAdded", json!({"billType": "RETURN"})));
    assert_eq!(
        answer["event"]["eventType"],
        "capillary.transactionReturned"
    );
    assert_eq!(
        (purchases(&answer), &order(&answer)["refundTotal"]),
        (None, &json!(48.6))
    );
    // The bill of a shopper who is nobody's member does not count before.
    let earlier = map_json(&[("events", "all")], &sample("notInterestedBillAdded"));
    assert!(earlier.get("event").is_none(), "{earlier}");
}

#[test]
fn total_below_zero_is_a_refund() {
    for kind in ["REGULAR", "MIXED", "regular", "", "RETURN"] {
        for amount in [json!(-12.5), json!("-12.500"), json!(" -12.5 ")] {
            for name in ["transactionAdded", "retroBillAdded"] {
                let event = with(name, json!({"billType": kind, "amount": amount}));
                let answer = map_json(&[], &event);
                assert_eq!(
                    answer["event"]["eventType"],
                    "capillary.transactionReturned"
                );
                assert_eq!(purchases(&answer), None, "{kind} {amount}");
                assert_eq!(order(&answer)["refundTotal"], 12.5);
                assert!(order(&answer).get("priceTotal").is_none());
            }
        }
    }
    for amount in [json!(0), json!(-0.0), json!("0.00")] {
        let answer = map_json(&[], &with("transactionAdded", json!({"amount": amount})));
        assert!(
            purchases(&answer).is_some(),
            "all of it discounted: {amount}"
        );
    }
    let update = with("transactionUpdated", json!({"amount": -3}));
    assert_eq!(order(&map_json(&[], &update))["refundTotal"], 3);
}

#[test]
fn bill_without_a_type_is_a_purchase_unless_told_otherwise() {
    for kind in [json!(null), json!(""), json!("  "), json!("null")] {
        let event = with("transactionAdded", json!({"billType": kind}));
        let answer = map_json(&[], &event);
        assert!(purchases(&answer).is_some(), "{kind}");
        assert_eq!(answer["notes"], json!(["bill_type_missing"]));
        let answer = map_json(&[("missing-bill-type", "none")], &event);
        assert_eq!(purchases(&answer), None);
        assert!(answer.get("notes").is_none());
        assert_eq!(order(&answer)["priceTotal"], 48.6);
    }
    let fraud = with(
        "transactionAdded",
        json!({"billType": null, "outlierStatus": "FRAUD"}),
    );
    let answer = map_json(&[], &fraud);
    assert_eq!((purchases(&answer), answer.get("notes")), (None, None));
    let other = with("transactionAdded", json!({"billType": "NOT_INTERESTED"}));
    assert_eq!(purchases(&map_json(&[], &other)), None);
    let other = with(
        "transactionAdded",
        json!({"billType": "not_interested_return"}),
    );
    assert_eq!(order(&map_json(&[], &other))["refundTotal"], 48.6);
}

#[test]
fn order_has_the_sellers_number_and_the_purchase_its_id() {
    let answer = map_json(&[("tenant", "acme")], &sample("transactionAdded"));
    assert_eq!(order(&answer)["purchaseID"], "HP014-20260914-00087");
    assert!(order(&answer).get("purchaseOrderNumber").is_none());
    assert_eq!(
        purchases(&answer),
        Some(&json!({"id": "3300456712", "value": 1}))
    );
    assert_eq!(
        answer["event"]["_acme"]["capillary"]["transaction"]["id"],
        "3300456712"
    );
    let event = with("transactionAdded", json!({"billNumber": ""}));
    assert_eq!(order(&map_json(&[], &event))["purchaseID"], "3300456712");
    let event = with(
        "transactionAdded",
        json!({"billNumber": null, "transactionId": 0}),
    );
    let answer = map_json(&[], &event);
    assert!(order(&answer).get("purchaseID").is_none());
    assert_eq!(purchases(&answer), Some(&json!({"value": 1})));
}

#[test]
fn redemption_has_its_own_transaction() {
    let redemption = |event: &Value| {
        map_json(&[], event)["event"]["loyalty"]["pointsRedemption"][0]["transactionId"].clone()
    };
    assert_eq!(redemption(&sample("pointsRedeemed")), "9911204");
    let event = with("pointsRedeemed", json!({"redemptionSummaryId": null}));
    assert_eq!(redemption(&event), "Qm4tZx");
}

/// The sum docs/mapping.md gives.
#[test]
fn revenue_is_a_sum_over_orders() {
    let events = [
        sample("transactionAdded"),
        sample("transactionUpdated"),
        sample("transactionAdded.return"),
        sample("retroBillAdded"),
        with("transactionAdded", json!({"amount": -1.5})),
    ];
    let revenue: f64 = events
        .iter()
        .map(|event| {
            let answer = map_json(&[], event);
            let order = order(&answer).clone();
            let number = |key: &str| order[key].as_f64().unwrap_or(0.0);
            match order.get("lastUpdatedDate") {
                Some(_) => 0.0,
                None => number("priceTotal") - number("refundTotal"),
            }
        })
        .sum();
    assert!(
        (revenue - (48.6 - 16.2 + 48.6 - 1.5)).abs() < 1e-9,
        "{revenue}"
    );
}

#[test]
fn currency_is_the_bills_or_the_organisations() {
    for (stated, own, expected) in [
        (json!("usd"), None, json!("USD")),
        (json!(" Usd "), Some("eur"), json!("USD")),
        (json!(" "), Some("inr"), json!("INR")),
        (json!(null), Some("INR"), json!("INR")),
        (json!(" "), None, json!(null)),
        // Another text is no currency, and not the organisation's own either.
        (json!("EURO"), Some("INR"), json!(null)),
        (json!("E1R"), Some("INR"), json!(null)),
    ] {
        let lines = json!([
            {"itemCode": "A", "amount": 1},
            {"itemCode": "B", "amount": 1, "currencyCode": "gbp"},
            {"itemCode": "C", "qty": 1}
        ]);
        let event = with(
            "transactionAdded",
            json!({"currencyCode": stated, "lineItemsV2": lines}),
        );
        let params: Vec<_> = own.map(|own| ("currency", own)).into_iter().collect();
        let answer = map_json(&params, &event);
        assert_eq!(order(&answer)["currencyCode"], expected, "{stated} {own:?}");
        let lines = &answer["event"]["productListItems"];
        assert_eq!(lines[0]["currencyCode"], expected);
        assert_eq!(lines[1]["currencyCode"], "GBP");
        assert!(lines[2].get("currencyCode").is_none(), "it has no amount");
    }
    let bare = with(
        "transactionAdded",
        json!({"currencyCode": null, "amount": null, "discount": null}),
    );
    let answer = map_json(&[("currency", "INR")], &bare);
    assert!(order(&answer).get("currencyCode").is_none());
}

#[test]
fn lines_are_refunds_by_type_or_sign_and_have_their_unit() {
    let lines = json!([
        {"itemCode": "A", "qty": 0.35, "uom": "KGM", "amount": 8.75},
        {"itemCode": "B", "qty": 1, "unit": "PCE", "amount": -5, "type": "REGULAR"},
        {"itemCode": "C", "qty": 1, "amount": 5, "type": "NOT_INTERESTED_RETURN"}
    ]);
    let event = with("transactionAdded", json!({"lineItemsV2": lines}));
    assert_eq!(
        map_json(&[], &event)["event"]["productListItems"],
        json!([
            {"SKU": "A", "unitOfMeasureCode": "KGM", "priceTotal": 8.75, "currencyCode": "EUR"},
            {"SKU": "B", "quantity": 1, "unitOfMeasureCode": "PCE", "refundAmount": 5,
                "currencyCode": "EUR"},
            {"SKU": "C", "quantity": 1, "refundAmount": 5, "currencyCode": "EUR"}
        ])
    );
}
