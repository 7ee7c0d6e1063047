//! One test per quirk of Capillary's values and times that touches the kinds mapped field by field.
#![allow(clippy::unwrap_used)] // Helpers of tests.

mod support;

use serde_json::{Value, json};
use support::{RECORD_TIME, map_json, sample};

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
fn quirk_01_mobile_numbers_may_be_integers_lose_spaces_get_no_plus() {
    for mobile in [
        json!(12_025_550_143_u64),
        json!("1 202 555 0143"),
        json!("12025550143"),
    ] {
        let event = with(
            "customerAdded",
            "/data/customerIdentifiers/instore/mobile",
            mobile,
        );
        assert_eq!(
            map_json(&[], &event)["profile"]["mobilePhone"]["number"],
            "12025550143"
        );
    }
}

#[test]
fn quirk_02_ids_beyond_32_bits_and_integral_floats_are_accepted() {
    let text = sample("tierUpgraded").to_string();
    let plain = map_json(&[TENANT], &sample("tierUpgraded"));
    let floats = text
        .replace("90417,", "90417.0,")
        .replace("700100201", "700100201.0")
        .replace("1789373730412", "1789373730412.0")
        .replace(":6120", ":6120.0")
        .replace("\"upgradedTierNumber\":2", "\"upgradedTierNumber\":2.0");
    // The reference and the text ids are other texts now; take them from the original.
    let floats = floats.replace("90417_MSmQMJ3GcR.0", "90417_MSmQMJ3GcR");
    let answer = support::answer(&mut support::mapper(&[TENANT]), floats.as_bytes());
    assert_eq!(answer["event"], plain["event"]);
    assert_eq!(answer["profile"], plain["profile"]);
    let event = with(
        "pointsIssued",
        "/data/customerIdentifiers/customerId",
        json!(9_007_199_254_740_993_i64),
    );
    assert_eq!(map_json(&[], &event)["key"], "90417:9007199254740993");
}

#[test]
fn quirk_03_points_and_amounts_may_be_text_and_have_three_decimals() {
    let answer = map_json(
        &[],
        &with(
            "pointsIssued",
            "/data/programCurrentPoints",
            json!("14.000"),
        ),
    );
    assert_eq!(answer["profile"]["loyalty"]["points"].to_string(), "14");
    let answer = map_json(
        &[],
        &with("transactionAdded", "/data/amount", json!(48.125)),
    );
    assert_eq!(
        answer["event"]["commerce"]["order"]["priceTotal"].to_string(),
        "48.125"
    );
}

#[test]
fn quirk_04_nothing_has_many_faces_and_none_of_them_is_written() {
    for nothing in [
        json!(null),
        json!(""),
        json!(" "),
        json!({}),
        json!([]),
        json!("null"),
    ] {
        for (name, raw) in support::samples() {
            let mut event: Value = serde_json::from_slice(&raw).unwrap();
            let Some(data) = event.get_mut("data").and_then(Value::as_object_mut) else {
                continue;
            };
            for (key, value) in data.iter_mut() {
                if !key.contains("dentifiers") {
                    *value = nothing.clone();
                }
            }
            for key in ["loyaltyEventId", "apiRequestId", "refId", "eventId"] {
                event[key] = nothing.clone();
            }
            let answer = map_json(&[("events", "all"), TENANT], &event);
            assert_nothing_empty(&answer, &name);
        }
    }
    let event = with(
        "CouponRedeem",
        "/data/transaction",
        json!({"bill_id": 0, "number": ""}),
    );
    let answer = map_json(&[("events", "all"), TENANT], &event);
    assert!(
        tenant(&answer)["couponRedemption"]
            .get("transactionId")
            .is_none()
    );
    let answer = map_json(&[TENANT], &sample("pointsRedeemed"));
    assert_eq!(
        tenant(&answer)["activity"]["identifiers"],
        json!([{"key": "redemptionId", "value": "Qm4tZx"}])
    );
}

fn assert_nothing_empty(value: &Value, name: &str) {
    match value {
        Value::Null => panic!("{name}: null"),
        Value::String(text) => assert!(
            !text.trim().is_empty() && text != "null",
            "{name}: empty text"
        ),
        Value::Array(items) => {
            assert!(!items.is_empty(), "{name}: empty list");
            items
                .iter()
                .for_each(|item| assert_nothing_empty(item, name));
        }
        Value::Object(members) => {
            assert!(!members.is_empty(), "{name}: empty object");
            members
                .iter()
                .filter(|(key, _)| *key != "pointer")
                .for_each(|(_, member)| assert_nothing_empty(member, name));
        }
        _ => {}
    }
}

#[test]
fn quirk_05_words_are_compared_without_case() {
    let answer = map_json(
        &[TENANT],
        &with("transactionAdded", "/data/billType", json!("regular")),
    );
    assert_eq!(answer["event"]["eventType"], "commerce.purchases");
    assert_eq!(tenant(&answer)["loyaltyType"], "LOYALTY");
    let answer = map_json(
        &[],
        &with("transactionAdded", "/data/billType", json!("Return")),
    );
    assert_eq!(
        answer["event"]["eventType"],
        "capillary.transactionReturned"
    );
}

#[test]
fn quirk_06_misspelt_keys_are_read_as_they_are() {
    let answer = map_json(&[TENANT], &sample("pointsExpiryChange"));
    let change = &tenant(&answer)["points"]["expiryChanges"][0];
    assert_eq!(
        (&change["awardId"], &change["promotionId"]),
        (&json!("117600345"), &json!("88021"))
    );
    let answer = map_json(
        &[TENANT],
        &with("pointsIssued", "/data/AvailablePointsBalance", json!(500.5)),
    );
    assert_eq!(tenant(&answer)["points"]["availableBalance"], 500.5);
    let mut event = sample("customerAdded");
    let identifiers = event["data"]["customerIdentifiers"]
        .as_object_mut()
        .unwrap();
    let instore = identifiers.remove("instore").unwrap();
    identifiers.insert("Instore".to_owned(), instore);
    assert_eq!(
        map_json(&[], &event)["profile"]["mobilePhone"]["number"],
        "12025550143"
    );
}

#[test]
fn quirk_07_name_and_id_in_data_do_not_replace_the_envelopes() {
    let answer = map_json(&[("events", "all")], &sample("targetValueAchieved"));
    assert_eq!(answer["name"], "targetValueAchieved");
    assert_eq!(answer["id"], sample("targetValueAchieved")["eventId"]);
}

#[test]
fn quirk_08_a_transaction_id_is_text_whether_it_comes_as_integer_or_text() {
    for id in [
        json!(3_300_456_712_u64),
        json!("3300456712"),
        json!(3_300_456_712.0),
    ] {
        let answer = map_json(&[], &with("transactionAdded", "/data/transactionId", id));
        assert_eq!(answer["event"]["commerce"]["purchases"]["id"], "3300456712");
    }
}

#[test]
fn quirk_09_a_promotion_id_may_be_a_number_or_text() {
    for (id, expected) in [(json!(88050), "88050"), (json!("66f0a1c2"), "66f0a1c2")] {
        let answer = map_json(&[], &with("promotionEarned", "/data/promotionId", id));
        assert_eq!(answer["event"]["commerce"]["promotionID"], expected);
    }
}

#[test]
fn quirk_10_ten_digits_are_seconds_thirteen_millis_others_rejected() {
    let answer = map_json(
        &[],
        &with("pointsIssued", "/createdAt", json!(1_789_373_730)),
    );
    assert_eq!(
        (&answer["at"], &answer["event"]["timestamp"]),
        (
            &json!(1_789_373_730_000_i64),
            &json!("2026-09-14T08:15:30.000Z")
        )
    );
    for bad in [
        json!(178_937_373_041_i64),
        json!(17_893_737_304_120_i64),
        json!(0),
        json!(-1_789_373_730_412_i64),
        json!(1_789_373_730_412.5),
        json!("2026-09-14T08:15:30Z"),
        json!(true),
        json!(1e300),
        json!([1]),
    ] {
        let answer = map_json(&[], &with("pointsIssued", "/createdAt", bad.clone()));
        assert_eq!(
            (&answer["reject"]["reason"], &answer["reject"]["pointer"]),
            (&json!("bad_time"), &json!("/createdAt")),
            "{bad}"
        );
    }
    let answer = map_json(
        &[],
        &with("customerUpdated", "/data/enteredAt", json!(1_789_373_729)),
    );
    assert_eq!(answer["event"]["timestamp"], "2026-09-14T08:15:30.412Z");
}

#[test]
fn time_missing_is_taken_from_the_queue_form_then_the_record() {
    let mut event = sample("pointsIssued");
    event["createdAt"] = json!(null);
    let mut mapper = support::mapper(&[]);
    assert_eq!(
        support::answer(&mut mapper, event.to_string().as_bytes())["at"],
        RECORD_TIME
    );
    let queue = json!({"eventType": "pointsIssued", "timeStamp": 1_789_373_799_000_i64,
        "attributes": event});
    assert_eq!(
        support::answer(&mut mapper, queue.to_string().as_bytes())["at"],
        1_789_373_799_000_i64
    );
    let mut out = Vec::new();
    let text = event.to_string();
    mapper.answer(
        capillary_xdm::Input {
            offset: 0,
            timestamp: None,
            value: text.as_bytes(),
        },
        &mut out,
    );
    assert_eq!(
        serde_json::from_slice::<Value>(&out).unwrap()["reject"]["reason"],
        "bad_time"
    );
}

#[test]
fn quirk_11_business_times_in_the_future_do_not_reach_standard_fields() {
    let later = json!(1_789_373_730_412_i64 + 9_000_000);
    let answer = map_json(
        &[],
        &with("customerAdded", "/data/enteredAt", later.clone()),
    );
    assert_eq!(
        answer["profile"]["loyalty"]["joinDate"],
        "2026-09-14T08:15:30.412Z"
    );
    let answer = map_json(&[], &with("transactionAdded", "/data/billDate", later));
    assert_eq!(
        answer["event"]["commerce"]["order"]["createdDate"],
        "2026-09-14T08:15:30.412Z"
    );
}

#[test]
fn quirk_12_day_ends_in_the_organisations_zone_or_else_in_utc() {
    let event = sample("tierUpgraded");
    let answer = map_json(&[("time-zone", "+05:30"), TENANT], &event);
    assert_eq!(
        answer["profile"]["loyalty"]["tierExpiryDate"],
        "2027-09-14T18:29:59.000Z"
    );
    let answer = map_json(&[("time-zone", "-08:00")], &event);
    assert_eq!(
        answer["profile"]["loyalty"]["tierExpiryDate"],
        "2027-09-15T07:59:59.000Z"
    );
    let answer = map_json(&[TENANT], &event);
    assert_eq!(
        answer["profile"]["loyalty"]["tierExpiryDate"],
        "2027-09-14T23:59:59.000Z"
    );
    assert_eq!(
        answer["profile"]["_acme"]["capillary"]["tierExpiryDay"],
        "2027-09-14"
    );
}

#[test]
fn quirk_13_dates_with_an_offset_are_instants_and_others_text() {
    for (date, zone, expected) in [
        (
            json!("2027-09-14 10:00:00"),
            "+05:30",
            Some("2027-09-14T04:30:00.000Z"),
        ),
        (
            json!("2027-09-14T10:00:00+0000"),
            "+05:30",
            Some("2027-09-14T10:00:00.000Z"),
        ),
        (
            json!("2027-09-14T10:00:00.5+05:30"),
            "Z",
            Some("2027-09-14T04:30:00.500Z"),
        ),
        (
            json!(1_820_946_599_000_i64),
            "Z",
            Some("2027-09-14T18:29:59.000Z"),
        ),
        (json!("Tue Sep 14 10:00:00 IST 2027"), "+05:30", None),
        (json!("2027-02-30"), "+05:30", None),
    ] {
        let answer = map_json(
            &[("time-zone", zone), TENANT],
            &with("tierRenewed", "/data/tierExpiryDate", date.clone()),
        );
        assert_eq!(
            answer["profile"]["loyalty"]["tierExpiryDate"].as_str(),
            expected,
            "{date}"
        );
        assert!(
            answer["profile"]["_acme"]["capillary"]["tierExpiryDay"].is_string(),
            "{date}"
        );
    }
}

#[test]
fn quirk_14_the_millisecond_twin_is_the_instant_when_it_lies_on_the_day() {
    let event = sample("tierUpgraded.post-timezone");
    assert_eq!(
        map_json(&[], &event)["profile"]["loyalty"]["tierExpiryDate"],
        "2027-09-14T18:29:59.000Z"
    );
    let wrong = with(
        "tierUpgraded.post-timezone",
        "/data/tierExpiryDateInMillis",
        json!(1_821_946_599_000_i64),
    );
    assert_eq!(
        map_json(&[], &wrong)["profile"]["loyalty"]["tierExpiryDate"],
        "2027-09-14T23:59:59.000Z"
    );
    let answer = map_json(&[("time-zone", "+05:30")], &wrong);
    assert_eq!(
        answer["profile"]["loyalty"]["tierExpiryDate"],
        "2027-09-14T18:29:59.000Z"
    );
}

#[test]
fn quirk_15_a_far_future_tier_expiry_means_never() {
    let answer = map_json(
        &[("time-zone", "+05:30"), TENANT],
        &with("tierRenewed", "/data/tierExpiryDate", json!("2121-12-31")),
    );
    assert!(answer["profile"]["loyalty"].get("tierExpiryDate").is_none());
    let own = &answer["profile"]["_acme"]["capillary"];
    assert_eq!(
        (&own["tierNeverExpires"], own.get("tierExpiryDay")),
        (&json!(true), None)
    );
    let answer = map_json(&[TENANT], &sample("tierRenewed"));
    assert_eq!(
        answer["profile"]["_acme"]["capillary"]["tierNeverExpires"],
        false
    );
}

#[test]
fn year_0_is_no_instant_since_xdm_has_none() {
    let event = serde_json::json!({
        "eventName": "rewardIssued", "eventId": "e1", "orgId": 1,
        "createdAt": 1_763_978_400_123_u64,
        "data": {
            "customerIdentifiers": {"customerId": 51}, "rewardId": 3,
            "startDate": "0000-01-01T00:00:00+05:30", "endDate": "0001-01-01T00:00:00+05:30",
        },
    });
    let answer = map_json(&[("events", "all"), ("tenant", "acme")], &event);
    let reward = &answer["event"]["_acme"]["capillary"]["reward"];
    assert_eq!(reward.get("startsAt"), None);
    assert_eq!(reward["endsAt"], "0000-12-31T18:30:00.000Z");
}
