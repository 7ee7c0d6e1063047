//! Every form an event arrives in gives the same event.
#![allow(clippy::unwrap_used)] // Helpers of tests.

mod support;

use serde_json::{Value, json};
use support::{answer, map_json, mapper, sample};

/// All forms of one event of form A.
fn forms(event: &Value) -> Vec<(&'static str, Value)> {
    let mut attributes = event.clone();
    let id = attributes
        .as_object_mut()
        .unwrap()
        .remove("eventId")
        .unwrap_or(Value::Null);
    let mut nameless = attributes.clone();
    nameless.as_object_mut().unwrap().remove("eventName");
    nameless.as_object_mut().unwrap().remove("orgId");
    let mut inside = event["data"].clone();
    for (key, value) in event.as_object().unwrap() {
        if key != "data" {
            inside[key] = value.clone();
        }
    }
    let mut half = json!({"data": inside, "orgId": event["orgId"]});
    half["data"].as_object_mut().unwrap().remove("orgId");
    let queue = |kind: &str, attributes: &Value| json!({"eventId": id, "eventType": kind, "consumerGroupId": "", "actionType": "START", "timeStamp": 1_789_373_799_999_i64, "attributes": attributes});
    let prefixed = queue("90417_pointsIssued", &attributes);
    vec![
        ("A", event.clone()),
        ("B", queue("pointsIssued", &attributes)),
        ("B with prefix", prefixed.clone()),
        ("B without name", queue("90417_pointsIssued", &nameless)),
        (
            "C",
            json!({"data": event, "errors": null, "warnings": null}),
        ),
        ("C around B", json!({"data": prefixed})),
        ("D1", json!({"body": event})),
        (
            "D2",
            json!({"event": {"body": event, "headers": {"content-type": "application/json"},
                "method": "POST"}}),
        ),
        ("D1 around B", json!({"body": prefixed})),
        ("broken", json!({"data": inside})),
        ("half broken", half),
    ]
}

#[test]
fn envelope_forms_of_one_event_give_the_same_answer() {
    let mut event = sample("pointsIssued");
    // Broken and whole form can only agree on what is not in both places.
    event.as_object_mut().unwrap().remove("loyaltyEventId");
    for with_id in [true, false] {
        if !with_id {
            event.as_object_mut().unwrap().remove("eventId");
        }
        let mut mapper = mapper(&[("tenant", "acme")]);
        let plain = answer(&mut mapper, event.to_string().as_bytes());
        assert_eq!(
            plain["id"].as_str().unwrap().len(),
            if with_id { 36 } else { 32 }
        );
        for (form, event) in forms(&event) {
            assert_eq!(
                answer(&mut mapper, event.to_string().as_bytes()),
                plain,
                "form {form}"
            );
        }
    }
}

#[test]
fn hashed_id_ignores_how_the_same_data_is_written() {
    let mut event = sample("promotionEarned");
    event.as_object_mut().unwrap().remove("eventId");
    let id = map_json(&[], &event)["id"].clone();
    let text = event.to_string();
    // Other whitespace, escapes, number forms, and another order of keys.
    let pretty = serde_json::to_string_pretty(&event).unwrap();
    let rewritten = text
        .replace("Pastry", "P\\u0061stry")
        .replace("88050", "88050.0")
        .replace("40977", "4.0977e4");
    for other in [pretty, rewritten] {
        assert_eq!(answer(&mut mapper(&[]), other.as_bytes())["id"], id);
    }
    for (pointer, value) in [
        ("/data/earnedId", json!(40978)),
        ("/createdAt", json!(1_789_373_730_413_i64)),
        ("/refId", json!("x")),
    ] {
        let mut other = event.clone();
        *other.pointer_mut(pointer).unwrap() = value;
        assert_ne!(map_json(&[], &other)["id"], id, "{pointer}");
    }
}

#[test]
fn event_id_is_used_when_it_can_be_an_xdm_id() {
    let mut event = sample("pointsIssued");
    for (id, usable) in [
        (json!("b59fe265-82e3-49b6-9a96-dd176edbb8b4"), true),
        (json!("urn:event:1"), true),
        (json!("A._~-9"), true),
        (json!("x".repeat(128)), true),
        (json!("x".repeat(129)), false),
        (json!("with space"), false),
        (json!("12:34"), false),
        (json!("é"), false),
        (json!(15), false),
        (json!(""), false),
        (json!(null), false),
        (json!("0"), false),
        (json!("-1"), false),
        (json!("-42"), false),
        (json!("0000"), false),
        (json!("00000000-0000-0000-0000-000000000000"), false),
        (json!("NULL"), false),
        (json!("undefined"), false),
        (json!("n.a."), false),
        (json!("0b59fe26-82e3-49b6-9a96-dd176edbb8b4"), true),
    ] {
        event["eventId"] = id.clone();
        let answer = map_json(&[], &event);
        assert_eq!(answer["id"], answer["event"]["_id"]);
        assert_eq!(answer["id"] == id, usable, "{id}");
    }
}

/// Events that are told apart by one value, and no copy of another.
fn different_events() -> Vec<Value> {
    let mut plain = sample("pointsIssued");
    plain.as_object_mut().unwrap().remove("eventId");
    plain["loyaltyEventId"] = json!("BmrEfMpQLw");
    let mut events = vec![plain.clone()];
    let mut vary = |pointer: &str, values: &[Value]| {
        for value in values {
            let mut event = plain.clone();
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            event.pointer_mut(parent).unwrap()[key] = value.clone();
            events.push(event);
        }
    };
    vary("/eventName", &[json!("manualPointsAdjustment")]);
    vary("/orgId", &[json!(90418)]);
    vary("/createdAt", &[json!(1_789_373_730_413_u64)]);
    vary(
        "/refId",
        &[json!("other"), json!("a\nb"), json!("a\\nb"), json!("a\n")],
    );
    vary("/apiRequestId", &[json!("other"), json!("b")]);
    vary("/loyaltyEventId", &[json!("other"), json!(7)]);
    vary("/eventLogId", &[json!(1), json!(48_810_078)]);
    vary(
        "/eventId",
        &[json!(15), json!(16), json!("12:34"), json!("with a space")],
    );
    vary(
        "/data/totalPointsIssued",
        &[
            json!(1),
            json!(1.5),
            json!("1"),
            json!("1 "),
            json!("1\n"),
            json!(true),
            json!(null),
            json!(9_007_199_254_740_992_u64),
            json!(9_007_199_254_740_993_u64),
            json!(18_446_744_073_709_551_615_u64),
            json!(18_446_744_073_709_551_614_u64),
            json!([]),
            json!({}),
            json!([1]),
            json!(0.1),
            json!(0.100_000_000_000_000_02),
        ],
    );
    vary(
        "/data/unheardOf",
        &[json!("a"), json!("b"), json!({"a": 1}), json!({"b": 1})],
    );
    events
}

#[test]
fn different_events_never_share_a_hashed_id() {
    let mut mapper = mapper(&[("events", "all")]);
    let mut ids = std::collections::HashMap::new();
    let mut texts: Vec<String> = different_events().iter().map(Value::to_string).collect();
    // Numbers no double tells apart.
    for number in [
        "0.1000000000000000055511151231257827",
        "0.1000000000000000055511151231257828",
        "123456789012345678901234567890",
        "123456789012345678901234567891",
        "1e999",
        "1e998",
        "1e-400",
        "-1e-400",
        "2e-400",
    ] {
        texts.push(texts[0].replacen("\"data\":{", &format!("\"data\":{{\"n\":{number},"), 1));
    }
    // A break in one part is no end of it.
    let mut event = different_events().remove(0);
    for (reference, request) in [("a\nb", ""), ("a", "b"), ("a\\nb", "")] {
        event["refId"] = json!(reference);
        event["apiRequestId"] = json!(request);
        texts.push(event.to_string());
    }
    for text in texts {
        let id = answer(&mut mapper, text.as_bytes())["id"].clone();
        assert_eq!(id.as_str().map(str::len), Some(32), "{text}");
        if let Some(other) = ids.insert(id.to_string(), text.clone()) {
            panic!("one id for {text} and {other}");
        }
    }
}

#[test]
fn copies_of_one_event_share_their_hashed_id() {
    let mut mapper = mapper(&[("events", "all"), ("tenant", "acme")]);
    for event in different_events() {
        if event["eventName"] != "pointsIssued" || event["orgId"] != 90417 {
            continue;
        }
        let id = answer(&mut mapper, event.to_string().as_bytes())["id"].clone();
        let mut event = event;
        for made_up in [json!("0"), json!("-1"), json!("NULL"), json!("")] {
            if event.get("eventId").is_none() || event["eventId"].as_str() == Some("0") {
                event["eventId"] = made_up;
                let found = answer(&mut mapper, event.to_string().as_bytes());
                assert_eq!(found["id"], id, "{event}");
                event.as_object_mut().unwrap().remove("eventId");
            }
        }
        for text in [
            serde_json::to_string_pretty(&event).unwrap(),
            json!({"eventType": "90417_pointsIssued", "timeStamp": 1_789_373_799_999_u64,
                "attributes": event})
            .to_string(),
            json!({"body": event}).to_string(),
        ] {
            assert_eq!(answer(&mut mapper, text.as_bytes())["id"], id, "{text}");
        }
    }
    // Without `createdAt`, the time it was handed over tells one from the next.
    let mut event = sample("pointsIssued");
    for key in ["eventId", "createdAt"] {
        event.as_object_mut().unwrap().remove(key);
    }
    let mut id = |time: u64| {
        let queue = json!({"eventType": "pointsIssued", "timeStamp": time, "attributes": event});
        answer(&mut mapper, queue.to_string().as_bytes())["id"].clone()
    };
    assert_eq!(id(1_789_373_799_999), id(1_789_373_799_999));
    assert_ne!(id(1_789_373_799_999), id(1_789_373_799_998));
}

#[test]
fn event_name_counts_in_any_case_and_with_blanks_around_it() {
    let mut mapper = mapper(&[("events", "all"), ("tenant", "acme")]);
    for (name, raw) in support::samples() {
        let mut event: Value = serde_json::from_slice(&raw).unwrap();
        let expected = answer(&mut mapper, event.to_string().as_bytes());
        let Some(kind) = event["eventName"].as_str().map(str::to_owned) else {
            continue;
        };
        for other in [
            kind.to_lowercase(),
            kind.to_uppercase(),
            format!(" {kind}\n"),
            format!("\t{}", kind.to_uppercase()),
        ] {
            event["eventName"] = json!(other);
            for text in [
                event.to_string(),
                format!(
                    "{{\"eventName\":{},{}",
                    json!(other),
                    &event.to_string()[1..]
                ),
            ] {
                let found = answer(&mut mapper, text.as_bytes());
                assert_eq!(found, expected, "{name}: {other}");
            }
        }
    }
    for kind in ["90417_POINTSISSUED", " 90417_ pointsIssued "] {
        let queue = json!({"eventType": kind, "attributes": nameless(&sample("pointsIssued"))});
        assert_eq!(map_json(&[], &queue)["name"], "pointsIssued", "{kind}");
    }
    // So one public page spells it.
    let mut event = sample("issuedAlternateCurrenciesReversed");
    event["eventName"] = json!("issuedalternateCurrenciesReversed");
    let answer = map_json(&[("events", "ISSUEDALTERNATECURRENCIESREVERSED")], &event);
    assert_eq!(answer["name"], "issuedAlternateCurrenciesReversed");
}

fn nameless(event: &Value) -> Value {
    let mut event = event.clone();
    event.as_object_mut().unwrap().remove("eventName");
    event
}

#[test]
fn reject_points_at_the_defect_in_the_record() {
    let mut event = sample("pointsIssued");
    event["createdAt"] = json!(5);
    for (form, pointer) in [
        ("A", "/createdAt"),
        ("B", "/attributes/createdAt"),
        ("C", "/data/createdAt"),
        ("D1", "/body/createdAt"),
        ("D2", "/event/body/createdAt"),
        ("C around B", "/data/attributes/createdAt"),
    ] {
        let (_, event) = forms(&event)
            .into_iter()
            .find(|(name, _)| *name == form)
            .unwrap();
        assert_eq!(
            map_json(&[], &event)["reject"]["pointer"],
            pointer,
            "{form}"
        );
    }
}

#[test]
fn record_without_event_is_rejected_with_the_reason() {
    for (raw, reason) in [
        (&b"[]"[..], "not_an_object"),
        (b"\"pointsIssued\"", "not_an_object"),
        (b"{}", "no_event_name"),
        (b"{\"eventName\":5}", "no_event_name"),
        (b"{\"eventName\":\"pointsIssued\"}", "no_data"),
        (b"{\"eventName\":\"pointsIssued\",\"data\":[]}", "no_data"),
        (b"", "not_json"),
        (b"{\"eventName\":\"pointsIssued\"", "not_json"),
        (b"\xff{}", "not_utf8"),
    ] {
        assert_eq!(answer(&mut mapper(&[]), raw)["reject"]["reason"], reason);
    }
}

#[test]
fn unwanted_event_is_skipped_by_its_first_key_unread() {
    let mut mapper = mapper(&[("events", "pointsIssued")]);
    let reason =
        |mapper: &mut _, text: &[u8]| answer(mapper, text)["skip"].as_str().map(str::to_owned);
    for (text, expected) in [
        (
            &br#"{"eventName":"tierRenewed","data":{}}"#[..],
            "unwanted_kind",
        ),
        (
            b"{ \"eventName\" : \"tierRenewed\" , \"data\": {}}\n",
            "unwanted_kind",
        ),
        (br#"{"eventName":"tierRenamed"}"#, "unknown_kind"),
        // What nobody asked for may be broken.
        (
            br#"{"eventName":"tierRenewed",]"data":tru}"#,
            "unwanted_kind",
        ),
        (
            b"{\"eventName\":\"tierRenewed\",\"data\":\"\xff\"}",
            "unwanted_kind",
        ),
    ] {
        assert_eq!(
            reason(&mut mapper, text).as_deref(),
            Some(expected),
            "{}",
            text.escape_ascii()
        );
    }
}

#[test]
fn unwanted_event_is_read_when_cut_off_or_its_name_may_repeat() {
    let mut mapper = mapper(&[("events", "pointsIssued")]);
    let wanted = |name: &str| {
        format!(
            r#"{{"eventName":"tierRenewed","createdAt":1789373730412,"data":{{"customerIdentifiers":{{"customerId":7}},"padding":"{}"}},{name}}}"#,
            "x".repeat(100)
        )
    };
    // Of a repeated key the last value counts.
    for name in [
        r#""eventName":"pointsIssued""#,
        r#""event\u004eame":"pointsIssued""#,
    ] {
        let answer = answer(&mut mapper, wanted(name).as_bytes());
        assert_eq!(answer["name"], "pointsIssued", "{answer}");
    }
    for cut in [
        r#"{"eventName":"tierRenewed","#,
        r#"{"eventName":"tierRenewed","data":{"a":1"#,
    ] {
        assert_eq!(
            answer(&mut mapper, cut.as_bytes())["reject"]["reason"],
            "not_json",
            "{cut}"
        );
    }
    // No name of a kind at all.
    for name in ["", " ", "null"] {
        let text = format!(r#"{{"eventName":"{name}","eventType":"tierRenewed"}}"#);
        assert_eq!(
            answer(&mut mapper, text.as_bytes())["skip"],
            "unwanted_kind",
            "{text}"
        );
    }
}
