//! Every documented kind that carries a new balance states it in the profile.

use crate::support::{map_json, sample};
use serde_json::{Value, json};

fn loyalty(answer: &Value) -> &Value {
    &answer["profile"]["loyalty"]
}

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

#[test]
fn points_taken_back_leave_the_lower_balance() {
    let answer = map_json(&[], &sample("issuedPointsReversed"));
    assert_eq!(
        *loyalty(&answer),
        json!({"points": 238.9, "lifetimePoints": 1767.15, "program": "HarborPineDefaultProgram"})
    );
}

#[test]
fn redemption_undone_gives_the_balance_of_the_chosen_program() {
    let event = with(
        "redeemedPointsReversed",
        json!({"redemptionReversalToEarningPrograms": [
            {"programId": 6120, "programCurrentPoints": 292.5},
            {"programId": "7001", "programCurrentPoints": "11.250"}
        ]}),
    );
    assert_eq!(
        *loyalty(&map_json(&[], &event)),
        json!({"points": 292.5, "program": "HarborPineDefaultProgram"})
    );
    assert_eq!(
        *loyalty(&map_json(&[("program-id", "7001")], &event)),
        json!({"points": 11.25}),
        "the event's name is the other program's"
    );
    let answer = map_json(&[("program-id", "9")], &event);
    assert_eq!(
        (answer.get("profile"), &answer["notes"]),
        (None, &json!(["other_program"]))
    );
}

#[test]
fn conversion_of_promised_points_gives_the_balance_where_it_states_one() {
    let answer = map_json(&[], &sample("promisedToCurrentPointsConversion"));
    assert_eq!(
        *loyalty(&answer),
        json!({"points": 202.5, "lifetimePoints": 1850.75, "program": "HarborPineDefaultProgram"})
    );
    let external = sample("promisedToCurrentPointsConversion.external-trigger");
    let answer = map_json(&[("program-id", "6120")], &external);
    assert!(answer.get("profile").is_none(), "{answer}");
    assert_eq!(
        answer["event"]["eventType"],
        "capillary.promisedToCurrentPointsConversion"
    );
}

#[test]
fn transfer_leaves_the_sender_less_and_names_no_receiver() {
    let answer = map_json(&[("tenant", "acme")], &sample("pointsTransferredInitiated"));
    assert_eq!(loyalty(&answer)["points"], 172.5);
    let points = &answer["event"]["_acme"]["capillary"]["points"];
    assert_eq!(points["transferred"], 30);
    assert!(!answer.to_string().contains("700100388"), "{answer}");
}

#[test]
fn merge_gives_the_survivors_balance_and_tier() {
    let event = sample("loyaltyCustomerMerge");
    let tiers = ("tiers", r#"{"2":"Tide"}"#);
    assert_eq!(
        *loyalty(&map_json(&[tiers], &event)),
        json!({"points": 402.5, "lifetimePoints": 1990.75, "promisedPoints": 0, "tier": "Tide"})
    );
    let answer = map_json(&[], &event);
    assert_eq!(loyalty(&answer).get("tier"), None, "a number is no name");
    assert_eq!(answer["notes"], json!(["tier_name_unknown"]));
    assert!(!answer.to_string().contains("700100199"), "{answer}");
}

#[test]
fn merge_of_several_programs_states_the_chosen_one() {
    let summary = json!({"survivorCustomerLoyaltySummary": [
        {"loyaltyProgramId": 6120, "currentPoints": 402.5, "tierNumber": 2},
        {"loyaltyProgramId": 7001, "currentPoints": 3, "lifetimePoints": 9, "tierNumber": 1}
    ]});
    let event = with("loyaltyCustomerMerge", summary.clone());
    assert_eq!(
        *loyalty(&map_json(
            &[("program-id", "7001"), ("tiers", r#"{"1":"One"}"#)],
            &event
        )),
        json!({"points": 3, "lifetimePoints": 9, "tier": "One"})
    );
    let answer = map_json(&[], &event);
    assert_eq!(
        (answer.get("profile"), &answer["notes"]),
        (None, &json!(["program_unknown"]))
    );
    // A merge that says which program is the default one, with the names of its tiers.
    let mut event = event;
    event["data"]["loyaltyProgramDetails"] =
        sample("pointsIssued")["data"]["loyaltyProgramDetails"].clone();
    assert_eq!(
        *loyalty(&map_json(&[], &event)),
        json!({"points": 402.5, "tier": "Tide", "nextTier": "Summit",
            "program": "HarborPineDefaultProgram"})
    );
    // Tiers of another program name nothing.
    let answer = map_json(&[("program-id", "7001")], &event);
    assert_eq!(*loyalty(&answer), json!({"points": 3, "lifetimePoints": 9}));
}

#[test]
fn balance_of_a_group_is_not_on_a_members_profile() {
    for group in [
        json!({"isGroupRedemption": true}),
        json!({"isGroupRedemption": "true "}),
        json!({"isGroupRedemption": " TRUE"}),
        json!({"entityInformation": {"entityType": "GROUP", "entityId": 5521}}),
    ] {
        for kind in [
            "pointsRedeemed",
            "redeemedPointsReversed",
            "issuedPointsReversed",
            "pointsTransferredInitiated",
            "promisedToCurrentPointsConversion",
        ] {
            let answer = map_json(&[], &with(kind, group.clone()));
            assert_eq!(
                (answer.get("profile"), &answer["notes"]),
                (None, &json!(["of_a_group"])),
                "{kind} {group}"
            );
        }
    }
}

#[test]
fn balance_of_another_program_is_left_to_it() {
    for kind in ["issuedPointsReversed", "promisedToCurrentPointsConversion"] {
        let answer = map_json(&[], &with(kind, json!({"loyaltyProgramDetails": null})));
        assert_eq!(answer["notes"], json!(["program_unknown"]), "{kind}");
        let answer = map_json(&[("program-id", "9")], &sample(kind));
        assert_eq!(answer["notes"], json!(["other_program"]), "{kind}");
        assert!(answer.get("profile").is_none());
    }
}

#[test]
fn kinds_without_a_balance_state_none() {
    for kind in [
        "pointsExpired",
        "manualPointsAdjustment",
        "pointsTransferredReceived",
        "pointsContributionToGroup",
    ] {
        let answer = map_json(&[("events", "all"), ("tenant", "acme")], &sample(kind));
        assert!(
            answer["profile"]["loyalty"].get("points").is_none(),
            "{kind}"
        );
    }
}
