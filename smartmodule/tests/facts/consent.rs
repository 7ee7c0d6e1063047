//! What a customer wants to receive is in the profile, and what changed in the event.

use crate::support::{map_json, sample};
use serde_json::{Value, json};

/// The sample with other subscriptions.
fn with(subscriptions: Value) -> Value {
    let mut event = sample("customerSubscription");
    event["data"]["subscriptions"] = subscriptions;
    event
}

fn marketing(answer: &Value) -> &Value {
    &answer["profile"]["consents"]["marketing"]
}

#[test]
fn unsubscription_is_a_no_of_its_channel_with_its_time() {
    let answer = map_json(&[("tenant", "acme")], &sample("customerSubscription"));
    assert_eq!(
        answer["profile"]["consents"],
        json!({"marketing": {"sms": {"val": "n", "time": "2026-09-14T08:15:30.412Z"}}}),
        "nothing is said of other channels"
    );
    assert_eq!(
        answer["event"]["_acme"]["capillary"]["subscriptions"],
        json!([{
            "channel": "SMS", "previousStatus": "SUBSCRIBED", "currentStatus": "UNSUBSCRIBED",
            "priority": "BULK", "source": "INSTORE", "orgUnitId": "41", "orgUnitCode": "HP-MAIN"
        }])
    );
}

#[test]
fn channels_and_statuses_are_read_in_any_spelling() {
    for (channel, field) in [
        ("sms", "sms"),
        (" Email ", "email"),
        ("MOBILE_PUSH", "push"),
        ("WhatsApp", "whatsApp"),
        ("voice", "call"),
        ("FAX", "fax"),
        ("Postal Mail", "postalMail"),
        ("ALL", "any"),
    ] {
        for (status, choice) in [
            ("SUBSCRIBED", "y"),
            ("Opt-in", "y"),
            ("unsubscribed", "n"),
            ("OPT_OUT", "n"),
            ("PENDING", "p"),
            ("not subscribed", "n"),
            ("DND", "n"),
            ("Pending confirmation", "p"),
        ] {
            let event = with(json!([{"channel": channel, "currentStatus": status}]));
            let answer = map_json(&[], &event);
            assert_eq!(
                *marketing(&answer),
                json!({field: {"val": choice, "time": "2026-09-14T08:15:30.412Z"}}),
                "{channel} {status}"
            );
        }
    }
}

#[test]
fn several_statements_of_one_channel_give_the_careful_one() {
    let yes = json!({"channel": "SMS", "currentStatus": "SUBSCRIBED", "ouId": 1});
    let no =
        json!({"channel": "SMS", "currentStatus": "UNSUBSCRIBED", "ouId": 2, "reason": "too many"});
    let email = json!({"channel": "EMAIL", "currentStatus": "SUBSCRIBED"});
    for list in [
        json!([yes, no, email]),
        json!([no, yes, email]),
        json!([email, no, yes]),
    ] {
        let answer = map_json(&[], &with(list));
        let time = "2026-09-14T08:15:30.412Z";
        assert_eq!(
            *marketing(&answer),
            json!({"sms": {"val": "n", "time": time, "reason": "too many"}, "email": {"val": "y",
                "time": time}})
        );
    }
}

#[test]
fn transactional_messages_are_no_marketing() {
    let event = with(json!([
        {"channel": "SMS", "currentStatus": "UNSUBSCRIBED", "priority": "TRANS"},
        {"channel": "EMAIL", "currentStatus": "UNSUBSCRIBED", "priority": "Transactional"}
    ]));
    let answer = map_json(&[("tenant", "acme")], &event);
    assert!(answer.get("profile").is_none(), "{answer}");
    assert!(answer.get("notes").is_none());
    let subscriptions = &answer["event"]["_acme"]["capillary"]["subscriptions"];
    assert_eq!(subscriptions[1]["priority"], "Transactional");
}

#[test]
fn unknown_words_state_nothing_and_are_counted() {
    for (channel, status) in [
        ("PIGEON", "SUBSCRIBED"),
        ("SMS", "MAYBE"),
        ("", "SUBSCRIBED"),
    ] {
        let event = with(json!([{"channel": channel, "currentStatus": status}]));
        let answer = map_json(&[], &event);
        assert!(answer.get("profile").is_none(), "{answer}");
        assert_eq!(answer["notes"], json!(["consent_unknown"]));
    }
    for nothing in [json!([]), json!(null), json!("SMS"), json!([1, "a", null])] {
        let answer = map_json(&[], &with(nothing));
        assert!(answer.get("profile").is_none(), "{answer}");
        assert_eq!(answer["notes"], json!(["consent_unknown"]));
    }
    // Not in a list, where the documents have one: nobody's choice may vanish in silence.
    let mut flat = with(json!(null));
    flat["data"]["channel"] = json!("SMS");
    flat["data"]["currentStatus"] = json!("UNSUBSCRIBED");
    assert_eq!(map_json(&[], &flat)["notes"], json!(["consent_unknown"]));
}

#[test]
fn consents_are_those_of_the_chosen_organisational_unit() {
    let of = |unit: Value, code: Value| json!({"channel": "SMS", "currentStatus": "SUBSCRIBED", "ouId": unit, "ouCode": code});
    for unit in ["41", "HP-MAIN", "hp-main"] {
        let chosen = [("org-unit", unit)];
        let answer = map_json(&chosen, &sample("customerSubscription"));
        assert_eq!(marketing(&answer)["sms"]["val"], "n", "{unit}");
        let other = map_json(&chosen, &with(json!([of(json!(42), json!("HP-OUTLET"))])));
        assert!(other.get("profile").is_none(), "{other}");
        assert_eq!(other["notes"], json!(["other_org_unit"]));
        let unnamed = map_json(&chosen, &with(json!([of(json!(-1), json!(""))])));
        assert_eq!(marketing(&unnamed)["sms"]["val"], "y");
    }
}

#[test]
fn reason_longer_than_the_platform_takes_is_left_out() {
    for (length, stays) in [(255, true), (256, false)] {
        let event = with(json!([
            {"channel": "SMS", "currentStatus": "UNSUBSCRIBED", "reason": "é".repeat(length)}
        ]));
        let answer = map_json(&[], &event);
        assert_eq!(marketing(&answer)["sms"]["val"], "n");
        assert_eq!(marketing(&answer)["sms"].get("reason").is_some(), stays);
    }
}

#[test]
fn consents_can_be_left_out_but_not_halved() {
    let event = sample("customerSubscription");
    let answer = map_json(&[("omit-fields", "consents")], &event);
    assert!(answer.get("profile").is_none());
    let halved = [(
        "omit-fields".to_owned(),
        "consents.marketing.sms.val".to_owned(),
    )];
    let error = capillary_xdm::Params::from_pairs(halved).map(drop);
    assert!(error.is_err_and(|error| error.message.contains("cannot be left out")));
}
