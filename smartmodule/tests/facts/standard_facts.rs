//! Facts stand where XDM has a place for them, with no parameter set.

use crate::support::{map_json, sample};
use serde_json::{Value, json};

fn loyalty(answer: &Value) -> &Value {
    &answer["profile"]["loyalty"]
}

fn with(name: &str, members: Value) -> Value {
    let mut event = sample(name);
    for (key, value) in members.as_object().into_iter().flatten() {
        event["data"][key] = value.clone();
    }
    event
}

#[test]
fn expiry_reminder_says_how_many_points_and_when() {
    let event = sample("pointsExpiryReminder");
    let expected = |date: &str| json!([{"pointsExpiring": 40, "pointsExpirationDate": date}]);
    for (pairs, date) in [
        (&[][..], "2026-09-30T23:59:59.000Z"),
        (&[("time-zone", "+05:30")], "2026-09-30T18:29:59.000Z"),
    ] {
        let answer = map_json(pairs, &event);
        assert_eq!(loyalty(&answer)["pointsExpiration"], expected(date));
    }
    // The instant of newer organisations, when it lies on that day.
    let twin = json!({"scheduledExpiryDateInMillis": 1_790_793_000_000_i64});
    let answer = map_json(&[], &with("pointsExpiryReminder", twin));
    assert_eq!(
        loyalty(&answer)["pointsExpiration"],
        expected("2026-09-30T18:30:00.000Z")
    );
}

#[test]
fn expiry_that_never_comes_or_has_no_points_is_no_entry() {
    for members in [
        json!({"scheduledExpiryDate": "2121-09-30"}),
        json!({"pointsScheduledForExpiry": null}),
        json!({"pointsScheduledForExpiry": "many"}),
    ] {
        let answer = map_json(&[], &with("pointsExpiryReminder", members));
        assert!(answer.get("profile").is_none(), "{answer}");
    }
    let other =
        json!({"loyaltyProgramId": 7, "loyaltyProgramDetails": {"id": 7, "isDefault": false}});
    let answer = map_json(&[], &with("pointsExpiryReminder", other));
    assert_eq!(answer["notes"], json!(["other_program"]));
    assert!(answer.get("profile").is_none());
    let group = json!({"entityInformation": {"entityType": "GROUP", "entityId": 1}});
    let answer = map_json(&[], &with("pointsExpiryReminder", group));
    assert_eq!(answer["notes"], json!(["of_a_group"]));
}

#[test]
fn changed_expiry_says_when_which_points_expire() {
    let answer = map_json(&[], &sample("pointsExpiryChange"));
    assert_eq!(
        loyalty(&answer)["pointsExpiration"],
        json!([{"pointsExpiring": 48.6, "pointsExpirationDate": "2027-12-31T23:59:59.000Z"}])
    );
    let event = sample("singlePointsExpiryUpdated");
    let expected = json!([
        {"pointsExpiring": 48.6, "pointsExpirationDate": "2027-12-31T23:59:59.000Z"},
        {"pointsExpiring": 25, "pointsExpirationDate": "2027-12-31T23:59:59.000Z"}
    ]);
    for pairs in [&[][..], &[("program-id", "6120")]] {
        assert_eq!(
            loyalty(&map_json(pairs, &event))["pointsExpiration"],
            expected
        );
    }
    let answer = map_json(&[("program-id", "9")], &event);
    assert_eq!(answer["notes"], json!(["other_program"]));
    let mut mixed = event;
    mixed["data"]["updatedPointsExpiry"][1]["programId"] = json!(9);
    assert_eq!(map_json(&[], &mixed)["notes"], json!(["program_unknown"]));
    let answer = map_json(&[("program-id", "9")], &mixed);
    assert_eq!(
        loyalty(&answer)["pointsExpiration"][0]["pointsExpiring"],
        25
    );
}

#[test]
fn points_that_expired_are_no_total() {
    let answer = map_json(&[("tenant", "acme")], &sample("pointsExpired"));
    assert!(answer.get("profile").is_none());
    assert_eq!(
        answer["event"]["_acme"]["capillary"]["points"]["expired"],
        40
    );
}

#[test]
fn tier_comes_with_its_expiry_and_the_next_one() {
    let answer = map_json(&[], &sample("tierUpgraded"));
    assert_eq!(
        *loyalty(&answer),
        json!({
            "tier": "Tide", "nextTier": "Summit", "program": "HarborPineDefaultProgram",
            "tierExpiryDate": "2027-09-14T23:59:59.000Z",
            "tierUpgradeDate": "2026-09-14T08:15:30.412Z"
        })
    );
    let top = map_json(&[], &with("tierUpgraded", json!({"upgradedTierNumber": 3})));
    assert_eq!(
        (&loyalty(&top)["tier"], loyalty(&top).get("nextTier")),
        (&json!("Summit"), None)
    );
    let tiers = ("tiers", r#"{"2":"Two","4":"Four"}"#);
    let bare = with(
        "tierRenewed",
        json!({"loyaltyProgramDetails": {"id": 6120, "isDefault": true}}),
    );
    let answer = map_json(&[tiers], &bare);
    assert_eq!(
        (&loyalty(&answer)["tier"], &loyalty(&answer)["nextTier"]),
        (&json!("Two"), &json!("Four"))
    );
}

#[test]
fn downgrade_reminder_says_when_the_tier_ends() {
    let answer = map_json(&[("time-zone", "Z")], &sample("tierDowngradeReminder"));
    assert_eq!(
        *loyalty(&answer),
        json!({
            "tier": "Tide", "nextTier": "Summit", "program": "HarborPineDefaultProgram",
            "tierExpiryDate": "2027-09-14T23:59:59.000Z"
        })
    );
}

#[test]
fn member_has_ids_and_cards() {
    let mut event = sample("customerAdded");
    let instore = &mut event["data"]["customerIdentifiers"]["instore"];
    instore["externalId"] = json!("HP-000201");
    instore["cardNumbers"] = json!(["HPCARD1", " HPCARD2 ", "HPCARD1", "", null, 77]);
    instore["cardnumber"] = json!("HPCARD3");
    let answer = map_json(&[], &event);
    assert_eq!(loyalty(&answer)["loyaltyID"], json!(["HP-000201"]));
    assert_eq!(
        loyalty(&answer)["cardsDetails"],
        json!([{"number": "HPCARD1"}, {"number": "HPCARD2"}, {"number": "77"},
            {"number": "HPCARD3"}])
    );
    event["data"]["customerIdentifiers"]["instore"] = json!({"cardNumbers": []});
    let answer = map_json(&[], &event);
    for key in ["loyaltyID", "cardsDetails"] {
        assert!(loyalty(&answer).get(key).is_none(), "{answer}");
    }
}

#[test]
fn coupons_and_badges_are_rewards_of_the_profile() {
    let coupons = |answer: &Value| loyalty(answer)["rewards"]["coupons"].clone();
    let answer = map_json(&[], &sample("CouponIssue"));
    assert_eq!(
        coupons(&answer),
        json!([{
            "id": "HPLATTE7Q", "state": "active", "series": "5120", "name": "Latte vouchers",
            "discountValue": 4.5, "startDate": "2026-09-14T08:15:30.000Z",
            "endDate": "2026-12-31T23:59:59.000Z"
        }])
    );
    let answer = map_json(&[], &sample("CouponRedeem"));
    assert_eq!(
        coupons(&answer),
        json!([{"id": "HPLATTE7Q", "state": "redeemed", "series": "5120", "name": "Latte vouchers",
            "discountValue": 4.5}])
    );
    let answer = map_json(&[], &sample("rewardIssued"));
    let coupon = &coupons(&answer)[0];
    assert_eq!(
        (
            &coupon["id"],
            &coupon["series"],
            &coupon["name"],
            &coupon["state"]
        ),
        (
            &json!("HPLATTE7Q"),
            &json!("5120"),
            &json!("latte"),
            &json!("active")
        )
    );
    let answer = map_json(&[], &sample("badgeEarned"));
    assert_eq!(
        loyalty(&answer)["rewards"]["badges"],
        json!([{"id": "66f0b7aa12c94d3e5f600001", "state": "active",
            "startDate": "2026-09-14T08:15:30.270Z"}])
    );
}

#[test]
fn discount_in_percent_is_no_sum_of_money() {
    let mut event = sample("CouponIssue");
    event["data"]["series_info"]["discount_type"] = json!("PERC");
    let answer = map_json(&[], &event);
    let coupon = &loyalty(&answer)["rewards"]["coupons"][0];
    assert_eq!(
        (&coupon["id"], coupon.get("discountValue")),
        (&json!("HPLATTE7Q"), None)
    );
    let mut event = sample("rewardIssued");
    event["data"]["intouchRewardDetails"] = json!({});
    assert!(map_json(&[], &event).get("profile").is_none(), "no voucher");
}

#[test]
fn profiles_of_a_staging_organisation_are_test_profiles() {
    let answer = map_json(&[("test-profile", "true")], &sample("pointsIssued"));
    assert_eq!(answer["profile"]["testProfile"], true);
    assert!(answer["event"].get("testProfile").is_none());
    let answer = map_json(&[("test-profile", "true")], &sample("pointsExpired"));
    assert!(
        answer.get("profile").is_none(),
        "a mark alone states nothing"
    );
    let answer = map_json(&[("test-profile", "false")], &sample("pointsIssued"));
    assert!(answer["profile"].get("testProfile").is_none());
}

#[test]
fn days_end_by_the_rules_of_the_zone() {
    let berlin = ("time-zone", "+01:00 1774746000=+02:00 1792890000=+01:00");
    for (day, end) in [
        ("2026-09-30", "2026-09-30T21:59:59.000Z"),
        ("2026-12-31", "2026-12-31T22:59:59.000Z"),
        ("2026-03-28", "2026-03-28T22:59:59.000Z"),
    ] {
        let event = with("pointsExpiryReminder", json!({"scheduledExpiryDate": day}));
        let answer = map_json(&[berlin], &event);
        assert_eq!(
            loyalty(&answer)["pointsExpiration"][0]["pointsExpirationDate"],
            end
        );
    }
}
