//! The tables of fields against what is written: nothing missing, nothing invented.
#![allow(clippy::unwrap_used)] // Helpers of tests.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use capillary_xdm::{FieldType, event_paths, profile_paths};
use serde_json::{Value, json};
use support::{answer, mapper, sample, samples};

/// Samples, and variations that reach the fields no sample has.
fn corpus() -> Vec<Value> {
    let mut events: Vec<Value> = samples()
        .into_iter()
        .map(|(_, raw)| serde_json::from_slice(&raw).unwrap())
        .collect();
    let mut vary = |name: &str, members: Value| {
        let mut event = sample(name);
        let data = event["data"].as_object_mut().unwrap();
        data.extend(members.as_object().unwrap().clone());
        events.push(event);
    };
    vary(
        "transactionAdded",
        json!({"billType": "MIXED", "lineItemsV2": [
            {"itemCode": "A", "description": "a", "qty": 1, "amount": 2, "discount": 1,
                "uom": "PCE"}, {"itemCode": "B", "qty": 0.5, "amount": -3, "type": "RETURN"}
        ]}),
    );
    vary(
        "customerUpdated",
        json!({"accountId": "shop-1", "customerStatus": {"previousLabel": "A", "currentLabel": "B",
            "reason": "asked"}}),
    );
    vary(
        "pointsIssued",
        json!({"AvailablePointsBalance": 1, "behavioralEventAttributes": {"event_name": "visit",
            "webhookId": "w", "requestId": "r"}}),
    );
    vary(
        "pointsRedeemed",
        json!({"redemptionNotes": "n", "triggeringActivity": {"name": "PointsRedemption",
            "identifiers": [{"key": "bill Id", "value": "5"}]}}),
    );
    vary(
        "promotionEarned",
        json!({"promotionEarnSource": "s", "earnCriteria": "c", "earnRestrictions": [{"kpi": "k",
            "limitOn": "CUSTOMER", "maxLimit": 1, "restrictionType": "t"}],
               "redemptionRestrictions": [{"kpi": "k", "limitOn": "CUSTOMER", "maxLimit": 1,
               "restrictionType": "t"}]}),
    );
    vary(
        "CouponRedeem",
        json!({"transaction": {"bill_id": 5, "number": "n"}}),
    );
    vary(
        "badgeEarned",
        json!({"issualId": "i", "issuedOn": 1_789_373_730_270_i64}),
    );
    let channels = [
        "ANY", "CALL", "EMAIL", "FAX", "POST", "PUSH", "SMS", "WHATSAPP",
    ];
    let subscriptions = channels.map(|channel| {
        json!({"channel": channel, "previousStatus": "SUBSCRIBED", "currentStatus": "UNSUBSCRIBED",
               "reason": "moved", "sourceAccountId": "shop-1"})
    });
    let mut subscription = sample("customerSubscription");
    subscription["data"]["subscriptions"] = json!(subscriptions);
    events.push(subscription);
    events.push(json!({
        "identityMap": {"CapillaryId": [{"id": 1}]}, "loyalty": {"pointsRedeemed": 1, "expiredPoints": 2}
    }));
    let mut with_cards = sample("customerAdded");
    with_cards["data"]["customerIdentifiers"]["instore"]["cardNumbers"] = json!(["HPCARD1"]);
    events.push(with_cards);
    events
}

fn leaves(value: &Value, at: &str, found: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(_) if at == "identityMap" => drop(found.insert(at.to_owned(), value.clone())),
        Value::Object(members) => {
            for (key, value) in members {
                leaves(
                    value,
                    &if at.is_empty() {
                        key.clone()
                    } else {
                        format!("{at}.{key}")
                    },
                    found,
                );
            }
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| leaves(item, &format!("{at}[]"), found)),
        _ => drop(found.insert(at.to_owned(), value.clone())),
    }
}

fn is(value: &Value, field_type: FieldType) -> bool {
    match field_type {
        FieldType::Text => value.is_string(),
        FieldType::Number => value.is_number(),
        FieldType::Integer => value
            .as_i64()
            .is_some_and(|number| i32::try_from(number).is_ok()),
        FieldType::Boolean => value.is_boolean(),
        FieldType::DateTime => value
            .as_str()
            .is_some_and(|text| text.len() == 24 && text.ends_with('Z')),
        FieldType::Date => value.as_str().is_some_and(|text| text.len() == 10),
        FieldType::IdentityMap => value.is_object(),
    }
}

#[test]
fn field_tables_list_exactly_what_is_written() {
    let mut mapper = mapper(&[
        ("events", "all"),
        ("tenant", "acme"),
        ("time-zone", "Z"),
        ("test-profile", "true"),
    ]);
    let (mut events, mut profiles) = (BTreeMap::new(), BTreeMap::new());
    for event in corpus() {
        let answer = answer(&mut mapper, event.to_string().as_bytes());
        for (entity, found) in [("event", &mut events), ("profile", &mut profiles)] {
            if let Some(entity) = answer.get(entity) {
                leaves(entity, "", found);
            }
        }
    }
    for (written, table) in [
        (events, event_paths(Some("_acme"))),
        (profiles, profile_paths(Some("acme"))),
    ] {
        let listed: BTreeSet<&str> = table.iter().map(|field| field.path.as_str()).collect();
        let written_paths: BTreeSet<&str> = written.keys().map(String::as_str).collect();
        let differ: Vec<&&str> = written_paths.symmetric_difference(&listed).collect();
        assert!(
            differ.is_empty(),
            "written and not listed, or listed and not written: {differ:?}"
        );
        assert_eq!(listed.len(), table.len(), "a field is listed twice");
        for field in &table {
            assert!(
                is(&written[&field.path], field.field_type),
                "{}: {}",
                field.path,
                written[&field.path]
            );
        }
    }
}

#[test]
fn field_tables_without_a_tenant_have_standard_fields_only() {
    assert!(
        event_paths(None)
            .iter()
            .chain(&profile_paths(None))
            .all(|field| field.path == "_id" || !field.path.starts_with('_'))
    );
}
