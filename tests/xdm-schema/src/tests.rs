//! Each rule of the two schemas catches a planted violation, and the entities they are planted in
//! are valid.

use serde_json::{Value, json};

use super::{
    Registry, event_violations, event_violations_in, profile_violations, profile_violations_in,
};

fn event() -> Value {
    json!({
        "_id": "b2c31988-17f2-4f27-91fe-ccaf36d76474",
        "timestamp": "2026-09-14T08:15:30.412Z",
        "eventType": "commerce.purchases",
        "identityMap": {
            "CapillaryId": [{"id": "700100201", "authenticatedState": "ambiguous",
            "primary": true}],
            "Email": [{"id": "mara.ellison@example.com", "primary": false}]
        },
        "commerce": {
            "purchases": {"value": 1},
            "order": {
                "purchaseID": "3300456712", "priceTotal": 48.6, "discountAmount": 5.4,
                "currencyCode": "EUR",
                "createdDate": "2026-09-14T08:13:55+02:00", "orderType": "checkout"
            },
            "commerceScope": {"storeCode": "hp.store.014"}
        },
        "productListItems": [{"SKU": "sku-1", "quantity": 2, "priceTotal": 10.0,
        "product": "https://example.com/p/1"}],
        "loyalty": {"pointsGained": [{"value": 48, "loyaltyProgramId": "7"}]},
        "_harborpine": {"capillary": {
            "eventName": "transactionAdded", "enteredAt": "2026-09-14T08:15:30.412Z",
            "transaction": {"billType": "REGULAR", "lineItemCount": 3, "grossAmount": 54},
            "customFields": [{"key": "table", "value": "12"}]
        }}
    })
}

fn profile() -> Value {
    json!({
        "identityMap": {"CapillaryId": [{"id": "700100201", "primary": true}]},
        "person": {
            "name": {"firstName": "Mara", "lastName": "Ellison"}, "birthDate": "1991-05-17",
            "gender": "female"
        },
        "personalEmail": {"address": "mara.ellison@example.com"},
        "mobilePhone": {"number": "12025550143", "countryCode": "1"},
        "loyalty": {
            "points": 120.5, "lifetimePoints": 300, "tier": "Gold",
            "joinDate": "2026-09-14T08:15:30.412Z",
            "pointsExpiration": [{"pointsExpiring": 10,
            "pointsExpirationDate": "2027-09-14T21:59:59Z"}],
            "rewards": {"coupons": [{"id": "9", "redemptionLimit": 1}]}
        },
        "_harborpine": {"capillary": {"tierNeverExpires": true}}
    })
}

/// Sets the value at `pointer`, or removes it, and returns the entity.
fn with(mut entity: Value, pointer: &str, value: Option<Value>) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match (entity.pointer_mut(parent).unwrap(), value) {
        (Value::Object(map), Some(value)) => drop(map.insert(key.to_owned(), value)),
        (Value::Object(map), None) => drop(map.remove(key).unwrap()),
        (Value::Array(list), Some(value)) => list.push(value),
        other => panic!("cannot change {other:?}"),
    }
    entity
}

#[test]
fn entities_the_violations_are_planted_in_are_valid() {
    assert_eq!(event_violations(&event()), [""; 0]);
    assert_eq!(profile_violations(&profile()), [""; 0]);
}

#[test]
fn rules_for_events_catch_planted_violations() {
    for (pointer, planted) in [
        ("/unheardOf", Some(json!(1))),
        ("/productLineItems", Some(json!([{"SKU": "sku-1"}]))),
        ("/_id", None),
        ("/_id", Some(json!(""))),
        ("/_id", Some(json!(7))),
        ("/_id", Some(json!("a b"))),
        ("/_id", Some(json!("1a:2b"))),
        ("/timestamp", None),
        ("/timestamp", Some(json!(1789373730412_i64))),
        ("/timestamp", Some(json!("2026-09-14"))),
        ("/timestamp", Some(json!("2026-09-14 08:15:30Z"))),
        ("/timestamp", Some(json!("2026-09-14T08:15:30"))),
        ("/timestamp", Some(json!("2026-09-14T08:15:30+0200"))),
        ("/timestamp", Some(json!("2026-02-30T08:15:30Z"))),
        ("/timestamp", Some(json!("2026-09-14t08:15:30z"))),
        ("/eventType", None),
        ("/eventType", Some(json!(" "))),
        ("/eventType", Some(json!(null))),
        ("/identityMap", None),
        ("/identityMap", Some(json!({}))),
        ("/identityMap/Email", Some(json!([]))),
        ("/identityMap/Email", Some(json!([{"primary": false}]))),
        ("/identityMap/Email", Some(json!([{"id": ""}]))),
        ("/identityMap/Email", Some(json!([{"id": 12}]))),
        (
            "/identityMap/Email",
            Some(json!([{"id": " a@example.com"}])),
        ),
        (
            "/identityMap/Email",
            Some(json!([{"id": "x".repeat(1025)}])),
        ),
        (
            "/identityMap/Email",
            Some(json!([{"id": "a@example.com", "authenticatedState": "known"}])),
        ),
        (
            "/identityMap/Email",
            Some(json!([{"id": "a@example.com", "primary": "no"}])),
        ),
        (
            "/identityMap/Email",
            Some(json!([{"id": "a@example.com", "namespace": "Email"}])),
        ),
        (
            "/identityMap/Email",
            Some(json!([{"id": "a@example.com"}, {"id": "a@example.com"}])),
        ),
        ("/identityMap/", Some(json!([{"id": "a"}]))),
        ("/commerce", Some(json!({}))),
        ("/commerce/basket", Some(json!({"value": 1}))),
        ("/commerce/purchases", Some(json!({}))),
        ("/commerce/purchases", Some(json!({"id": "a"}))),
        ("/commerce/purchases/value", Some(json!("1"))),
        ("/commerce/order", Some(json!({}))),
        ("/commerce/order/total", Some(json!(1))),
        ("/commerce/order/priceTotal", Some(json!("48.6"))),
        ("/commerce/order/priceTotal", Some(json!(null))),
        ("/commerce/order/purchaseID", Some(json!(3300456712_i64))),
        ("/commerce/order/currencyCode", Some(json!("eur"))),
        ("/commerce/order/currencyCode", Some(json!("EURO"))),
        ("/commerce/order/createdDate", Some(json!("14.09.2026"))),
        ("/commerce/order/orderType", Some(json!("delivery"))),
        ("/commerce/commerceScope", Some(json!({}))),
        ("/commerce/commerceScope/storeCode", Some(json!(""))),
        ("/productListItems", Some(json!([]))),
        ("/productListItems/0/SKU", None),
        ("/productListItems/0/SKU", Some(json!(""))),
        ("/productListItems/0/sku", Some(json!("a"))),
        ("/productListItems/0/quantity", Some(json!(0.75))),
        ("/productListItems/0/quantity", Some(json!(2.0))),
        ("/productListItems/0/quantity", Some(json!("2"))),
        (
            "/productListItems/0/quantity",
            Some(json!(4_000_000_000_i64)),
        ),
        ("/productListItems/0/product", Some(json!("not a uri"))),
        ("/loyalty/points", Some(json!(12))),
        ("/loyalty/pointsGained", Some(json!([]))),
        ("/loyalty/pointsGained", Some(json!([{}]))),
        ("/loyalty/pointsGained/0/value", Some(json!("48"))),
        ("/loyalty/pointsGained/0/loyaltyProgramId", Some(json!(7))),
        ("/_harborpine", Some(json!("text"))),
        ("/_harborpine", Some(json!({}))),
        ("/_harborpine/capillary", Some(json!({}))),
        ("/_harborpine/capillary/eventName", Some(json!(null))),
        ("/_harborpine/capillary/eventName", Some(json!(""))),
        ("/_harborpine/capillary/eventName", Some(json!(7))),
        (
            "/_harborpine/capillary/enteredAt",
            Some(json!("2026-09-14")),
        ),
        ("/_harborpine/capillary/transaction", Some(json!({}))),
        (
            "/_harborpine/capillary/transaction/lineItemCount",
            Some(json!(1.5)),
        ),
        (
            "/_harborpine/capillary/transaction/grossAmount",
            Some(json!("54")),
        ),
        ("/_harborpine/capillary/customFields", Some(json!([]))),
        (
            "/_harborpine/capillary/customFields",
            Some(json!([{"value": ""}])),
        ),
        (
            "/_harborpine/capillary/customFields/0/other",
            Some(json!("x")),
        ),
        ("/_harborpine/capillary/marital", Some(json!("x"))),
        ("/_harborpine/other", Some(json!({"eventName": "x"}))),
        ("/_HarborPine", Some(json!({"a": 1}))),
    ] {
        let wrong = with(event(), pointer, planted.clone());
        assert_ne!(
            event_violations(&wrong),
            [""; 0],
            "{pointer} = {planted:?} was not noticed"
        );
    }
}

#[test]
fn rules_for_profiles_catch_planted_violations() {
    for (pointer, planted) in [
        ("/unheardOf", Some(json!(1))),
        ("/timestamp", Some(json!("2026-09-14T08:15:30Z"))),
        ("/identityMap", None),
        ("/person", Some(json!({}))),
        ("/person/name", Some(json!({}))),
        ("/person/name/firstName", Some(json!(""))),
        ("/person/name/surname", Some(json!("Ellison"))),
        ("/person/birthDate", Some(json!("17/05/1991"))),
        ("/person/birthDate", Some(json!("1991-02-29"))),
        ("/person/gender", Some(json!("Female"))),
        ("/personalEmail/address", Some(json!("mara.ellison"))),
        ("/personalEmail", Some(json!({}))),
        ("/mobilePhone/number", Some(json!(12025550143_i64))),
        ("/mobilePhone/countryCode", Some(json!("+1"))),
        ("/loyalty", Some(json!({}))),
        ("/loyalty/pointsGained", Some(json!([{"value": 1}]))),
        ("/loyalty/upgradeDate", Some(json!("2026-09-14"))),
        ("/loyalty/points", Some(json!("120"))),
        ("/loyalty/lifetimePoints", Some(json!(null))),
        ("/loyalty/tier", Some(json!(3))),
        ("/loyalty/tier", Some(json!(""))),
        ("/loyalty/tierExpiryDate", Some(json!("2027-09-14"))),
        ("/loyalty/joinDate", Some(json!(1789373730412_i64))),
        ("/loyalty/loyaltyID", Some(json!("HP-000201"))),
        ("/loyalty/loyaltyID", Some(json!([]))),
        ("/loyalty/pointsExpiration", Some(json!([{}]))),
        ("/loyalty/rewards", Some(json!({}))),
        (
            "/loyalty/rewards/coupons/0/redemptionLimit",
            Some(json!(1.5)),
        ),
        ("/_harborpine/capillary", Some(json!([]))),
        (
            "/_harborpine/capillary/eventName",
            Some(json!("tierUpgraded")),
        ),
        (
            "/_harborpine/capillary/tierNeverExpires",
            Some(json!("true")),
        ),
        (
            "/_repo",
            Some(json!({"createDate": "2026-09-14T08:15:30Z"})),
        ),
    ] {
        let wrong = with(profile(), pointer, planted.clone());
        assert_ne!(
            profile_violations(&wrong),
            [""; 0],
            "{pointer} = {planted:?} was not noticed"
        );
    }
}

#[test]
fn record_has_exactly_one_primary_identity_over_all_namespaces() {
    let none = json!({"CapillaryId": [{"id": "1"}], "Email": [{"id": "a@example.com"}]});
    let two = json!({"CapillaryId": [{"id": "1", "primary": true}],
        "Email": [{"id": "a@example.com", "primary": true}]});
    for (map, count) in [(none, 0), (two, 2)] {
        let expected = [format!("/identityMap: {count} primary identities, not one")];
        assert_eq!(
            event_violations(&with(event(), "/identityMap", Some(map.clone()))),
            expected
        );
        assert_eq!(
            profile_violations(&with(profile(), "/identityMap", Some(map))),
            expected
        );
    }
}

#[test]
fn customers_sharing_one_identity_map_are_a_violation() {
    let map = json!({"CapillaryId": [{"id": "1", "primary": true}, {"id": "2"}]});
    let found = event_violations(&with(event(), "/identityMap", Some(map)));
    assert_eq!(
        found,
        ["/identityMap/CapillaryId: links the primary identity with another of its namespace"]
    );
}

#[test]
fn record_holds_at_most_twenty_identities() {
    let others = |count: usize| {
        let mut map = json!({"CapillaryId": [{"id": "1", "primary": true}]});
        for other in 0..count {
            map[format!("Other{other}")] = json!([{"id": "1"}]);
        }
        with(event(), "/identityMap", Some(map))
    };
    assert_eq!(event_violations(&others(19)), [""; 0]);
    assert_eq!(
        event_violations(&others(20)),
        ["/identityMap: 21 identities, and a record may hold 20"]
    );
}

#[test]
fn records_profile_would_drop_silently_are_violations() {
    let padded = |entity: Value, bytes: usize| {
        let place = "/_harborpine/capillary/loyaltyType";
        let empty = with(entity, place, Some(json!("")));
        let missing = bytes - empty.to_string().len();
        with(empty, place, Some(json!("x".repeat(missing))))
    };
    assert_eq!(event_violations(&padded(event(), 10_000)), [""; 0]);
    assert_eq!(
        event_violations(&padded(event(), 10_001)),
        [": 10001 bytes, and Profile drops records above 10000"]
    );
    assert_eq!(profile_violations(&padded(profile(), 100_000)), [""; 0]);
    assert_eq!(profile_violations(&padded(profile(), 100_001)).len(), 1);
}

#[test]
fn violation_names_its_place_and_never_repeats_the_value() {
    let found = profile_violations(&with(
        profile(),
        "/personalEmail/address",
        Some(json!("mara at example")),
    ));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("/personalEmail/address: "),
        "{found:?}"
    );
    assert!(!found[0].contains("mara"), "{found:?}");
}

#[test]
fn oldest_registry_knows_no_newer_field() {
    let event_in = |event: &Value| event_violations_in(Registry::Oldest, event);
    let profile_in = |profile: &Value| profile_violations_in(Registry::Oldest, profile);
    assert_eq!(event_in(&with(event(), "/loyalty", None)), [""; 0]);
    assert_ne!(event_in(&event()), [""; 0]);
    let mut old = with(profile(), "/loyalty/lifetimePoints", None);
    assert_ne!(profile_in(&old), [""; 0]);
    old = with(old, "/loyalty/rewards", None);
    assert_eq!(profile_in(&old), [""; 0]);
    for newer in [
        "nextTier",
        "tierExpiryDate",
        "tierUpgradeDate",
        "cardsDetails",
    ] {
        let planted = with(old.clone(), &format!("/loyalty/{newer}"), Some(json!("x")));
        assert_ne!(profile_in(&planted), [""; 0], "{newer}");
    }
}
