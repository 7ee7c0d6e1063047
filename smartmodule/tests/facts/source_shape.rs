//! Records in the shape of Adobe's Capillary source, as Connect+ sends them.
#![allow(clippy::unwrap_used)] // Helpers of tests.

use crate::support::{RECORD_TIME, map_json, params, sample};
use capillary_xdm::{Input, Mapper};
use serde_json::{Value, json};

const BY_EMAIL: &[(&str, &str)] = &[("primary-identity", "email")];

fn shaped(name: &str) -> Value {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures");
    let path = format!("{root}/capillary-source/{name}.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn with(pairs: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    [BY_EMAIL, pairs].concat()
}

fn changed(name: &str, pointer: &str, value: Value) -> Value {
    let mut record = shaped(name);
    *record.pointer_mut(pointer).unwrap() = value;
    record
}

fn at(timestamp: Option<i64>, record: &Value) -> Value {
    let mut out = Vec::new();
    let value = record.to_string();
    let value = value.as_bytes();
    let input = Input {
        offset: 7,
        timestamp,
        value,
    };
    Mapper::new(params(BY_EMAIL)).answer(input, &mut out);
    serde_json::from_slice(&out).unwrap()
}

#[test]
fn profile_states_what_it_says_and_an_event_goes_with_it() {
    let answer = map_json(BY_EMAIL, &shaped("profile"));
    let identities = json!({"Email": [{"id": "mina.okafor@shop.example", "primary": true}]});
    assert_eq!(
        answer["profile"],
        json!({
            "identityMap": identities,
            "loyalty": {
                "points": 1250, "lifetimePoints": 1762, "pointsRedeemed": 500, "expiredPoints": 12,
                "program": "Bean Club", "tier": "gold", "status": "active"
            }
        })
    );
    let event = &answer["event"];
    assert_eq!(event["eventType"], "capillary.customerUpdated");
    assert_eq!(event["identityMap"], identities);
    assert_eq!(event["timestamp"], "2026-11-23T00:00:00.000Z");
    assert_eq!(answer["key"], ":mina.okafor@shop.example");
    assert!(answer.get("notes").is_none());
}

#[test]
fn bill_is_a_purchase_with_lines_that_add_up() {
    let answer = map_json(&with(&[("currency", "EUR")]), &shaped("event"));
    let event = &answer["event"];
    assert_eq!(event["_id"], "T-20260914-0071");
    assert_eq!(event["timestamp"], "2026-09-14T08:15:30.000Z");
    assert_eq!(event["eventType"], "commerce.purchases");
    assert_eq!(
        event["commerce"],
        json!({
            "purchases": {"value": 1},
            "order": {"priceTotal": 108.4, "currencyCode": "EUR"},
            "commerceScope": {"storeCode": "HSR"}
        })
    );
    let lines = event["productListItems"].as_array().unwrap();
    assert_eq!(
        lines[0],
        json!({"SKU": "sku_01", "name": "Dark roast, 1 kg", "quantity": 2, "priceTotal": 90,
               "discountAmount": 10, "currencyCode": "EUR"})
    );
    let sum: f64 = lines
        .iter()
        .map(|line| line["priceTotal"].as_f64().unwrap())
        .sum();
    assert!((sum - 108.4).abs() < 1e-9, "{sum}");
    assert!(answer.get("profile").is_none());
    assert_eq!(answer["notes"], json!(["bill_type_missing"]));
}

#[test]
fn line_price_before_the_discount_is_a_parameter_for_every_input() {
    let before = with(&[("line-price", "before-discount")]);
    let prices = |answer: &Value| -> Vec<Value> {
        let lines = answer["event"]["productListItems"].as_array().unwrap();
        let price = |line: &Value| line.get("priceTotal").cloned().unwrap_or_default();
        lines.iter().map(price).collect()
    };
    assert_eq!(
        prices(&map_json(&before, &shaped("event"))),
        [json!(100), json!(18.4)]
    );
    let lines = json!([
        {"itemCode": "A", "amount": 90, "discount": 10, "value": 100, "rate": 50, "qty": 2},
        {"itemCode": "B", "amount": "9.95", "discount": 0.055},
        {"itemCode": "C", "amount": 5},
        {"itemCode": "D", "amount": 1e20, "discount": 1},
    ]);
    let mut raw = sample("transactionAdded");
    raw["data"]["lineItemsV2"] = lines.clone();
    let after = [("line-price", "after-discount")];
    let before = [("line-price", "before-discount")];
    assert_eq!(
        prices(&map_json(&after, &raw)),
        [
            json!(90),
            json!(9.95),
            json!(5),
            json!(100_000_000_000_000_000_000_u128 as f64)
        ]
    );
    // What cannot be worked out exactly is left out.
    assert_eq!(
        prices(&map_json(&before, &raw)),
        [json!(100), json!(10.005), json!(5), Value::Null]
    );
    // Lines in this shape may stand in an event of Capillary's own.
    raw["data"].as_object_mut().unwrap().remove("lineItemsV2");
    raw["data"]["productLineItems"] = shaped("event")["productLineItems"].clone();
    assert_eq!(prices(&map_json(&after, &raw)), [json!(90), json!(18.4)]);
    assert_eq!(prices(&map_json(&before, &raw)), [json!(100), json!(18.4)]);
}

#[test]
fn refund_is_what_was_paid_whatever_price_is_wanted() {
    let mut bill = changed("event", "/commerce/order/priceTotal", json!(-90));
    bill["productLineItems"] = json!([{"SKU": "a", "priceTotal": -100, "discountAmount": -10}]);
    for price in ["after-discount", "before-discount"] {
        let event = &map_json(&with(&[("line-price", price)]), &bill)["event"];
        assert_eq!(event["eventType"], "capillary.transactionReturned");
        assert_eq!(event["commerce"]["order"], json!({"refundTotal": 90}));
        assert!(event["commerce"].get("purchases").is_none());
        assert_eq!(event["productListItems"][0]["refundAmount"], 90);
    }
}

#[test]
fn identity_is_found_by_namespace_and_checked_like_any_other() {
    let entry = json!({"id": "a.b@shop.example"});
    for map in [
        json!({"email": [entry]}),
        json!({"Email": [entry]}),
        json!({"email": entry}),
        json!({"email": [null, {"id": ""}, entry]}),
        json!({"email": [{"id": "other@shop.example"}, {"id": "A.B@shop.example", "primary": "true"}]}),
    ] {
        let answer = map_json(BY_EMAIL, &changed("profile", "/identityMap", map.clone()));
        let email = &answer["profile"]["identityMap"]["Email"];
        assert_eq!(email[0]["id"], "a.b@shop.example", "{map}");
    }
    for (map, reason) in [
        (json!({"email": [{"id": "na@na.com"}]}), "no_identity"),
        (json!({"email": [{"id": "no address"}]}), "no_identity"),
        (json!({"Phone": [{"id": "919876501234"}]}), "no_identity"),
        (
            json!({"CapillaryId": [{"id": 700100201}]}),
            "no_primary_identity",
        ),
    ] {
        let answer = map_json(BY_EMAIL, &changed("profile", "/identityMap", map.clone()));
        assert_eq!(answer["skip"], reason, "{map}");
    }
    // Whose customers are known by Capillary's id gets no second family of profiles.
    assert_eq!(
        map_json(&[], &shaped("profile"))["skip"],
        "no_primary_identity"
    );
    let both = json!({"CapillaryId": [{"id": 700100201}], "email": [entry]});
    let answer = map_json(&[], &changed("profile", "/identityMap", both));
    assert_eq!(
        answer["profile"]["identityMap"],
        json!({"CapillaryId": [{"id": "700100201", "primary": true}],
               "Email": [{"id": "a.b@shop.example", "primary": false}]})
    );
}

#[test]
fn statement_that_comes_again_later_has_an_id_of_its_own() {
    let profile = shaped("profile");
    let id = |time| at(Some(time), &profile)["id"].clone();
    assert_eq!(id(RECORD_TIME), id(RECORD_TIME));
    assert_ne!(id(RECORD_TIME), id(RECORD_TIME + 1));
    // An id that is none gives one of the content.
    let bill = changed("event", "/_id", json!("0"));
    let other = changed("event", "/commerce/order/priceTotal", json!(1));
    let id = |record: &Value| at(Some(RECORD_TIME), record)["id"].clone();
    assert_eq!(id(&bill).as_str().unwrap().len(), 32);
    assert_eq!(id(&other), "T-20260914-0071");
}

#[test]
fn time_is_the_records_own_where_the_shape_has_none() {
    let answer = at(None, &shaped("profile"));
    assert_eq!(answer["reject"]["reason"], "bad_time");
    let answer = at(None, &shaped("event"));
    assert_eq!(answer["at"], 1_789_373_730_000_i64);
    for wrong in [json!("yesterday"), json!("2026-09-14T13:45:30"), json!(7)] {
        let answer = at(Some(RECORD_TIME), &changed("event", "/timestamp", wrong));
        assert_eq!(answer["reject"]["reason"], "bad_time");
        assert_eq!(answer["reject"]["pointer"], "/timestamp");
    }
}

#[test]
fn kinds_that_are_not_wanted_are_skipped_in_this_shape_too() {
    let only = with(&[("events", "pointsIssued")]);
    for name in ["event", "profile"] {
        assert_eq!(map_json(&only, &shaped(name))["skip"], "unwanted_kind");
    }
    let ours = with(&[("organizations", "100")]);
    assert_eq!(
        map_json(&ours, &shaped("event"))["skip"],
        "other_organization"
    );
}

#[test]
fn records_of_other_sources_are_not_taken_for_it() {
    let mut page_view = shaped("event");
    page_view["eventType"] = json!("web.webpagedetails.pageViews");
    assert_eq!(map_json(BY_EMAIL, &page_view)["skip"], "unknown_kind");
    for pointer in ["/loyalty", "/identityMap"] {
        for nothing in [json!(null), json!({}), json!("x")] {
            let record = changed("profile", pointer, nothing);
            let answer = map_json(BY_EMAIL, &record);
            let is_text = record.pointer("/loyalty").is_some_and(Value::is_string);
            match is_text {
                true => assert!(answer.get("profile").is_none()),
                false => assert_eq!(answer["reject"]["reason"], "no_event_name"),
            }
        }
    }
}

#[test]
fn odd_values_say_nothing_and_cost_nothing_else() {
    let mut profile = shaped("profile");
    profile["data"] = json!({"customerIdentifiers": {"customerId": 5}});
    profile["loyalty"] = json!({"tier": " gold ", "points": "1250.0", "lifetimePoints": null,
        "expiredPoints": "many", "pointsRedeemed": [], "status": "", "tierCode": 3});
    let answer = map_json(BY_EMAIL, &profile);
    assert_eq!(
        answer["profile"]["loyalty"],
        json!({"points": 1250, "tier": "gold"})
    );
    let mut bill = shaped("event");
    bill["commerce"] = json!({"order": "none", "commerceScope": []});
    bill["productLineItems"] = json!([null, {"name": "no SKU"}, {"SKU": 7, "priceTotal": "3.10"}]);
    let event = &map_json(BY_EMAIL, &bill)["event"];
    assert_eq!(event["commerce"], json!({"purchases": {"value": 1}}));
    assert_eq!(
        event["productListItems"],
        json!([{"SKU": "7", "priceTotal": 3.1}])
    );
}
