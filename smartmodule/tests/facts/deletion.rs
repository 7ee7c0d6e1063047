//! A deleted customer: the status says it, nothing personal is sent, and nothing is linked.

use crate::support::{map_json, sample};
use serde_json::{Value, json};

const IDENTITIES: (&str, &str) = (
    "identities",
    r#"{"customerId":"C","email":"E","mobile":"M","externalId":"X"}"#,
);
const PARAMS: [(&str, &str); 3] = [IDENTITIES, ("tenant", "acme"), ("events", "all")];

fn primary() -> Value {
    json!({"C": [{"id": "700100201", "primary": true}]})
}

fn deletion(status: &str) -> Value {
    let mut event = sample("requestUpdated");
    let data = &mut event["data"];
    data["requestType"] = json!("CUSTOMER");
    data["requestBaseType"] = json!("DELETE");
    data["status"] = json!(status);
    data["comments"] = json!("Mara asked");
    data["customFields"] = json!([{"key": "nickname", "value": "Mara"}]);
    event
}

fn assert_impersonal(answer: &Value) {
    for personal in ["mara", "Mara", "12025550143", "HP-000201"] {
        assert!(
            !answer.to_string().contains(personal),
            "{personal}: {answer}"
        );
    }
}

#[test]
fn deletion_request_links_no_identifier_again() {
    for status in ["PENDING", "APPROVED", "SUCCESS", "REJECTED", ""] {
        let answer = map_json(&PARAMS, &deletion(status));
        assert_eq!(answer["event"]["identityMap"], primary(), "{status}");
        assert_impersonal(&answer);
    }
    let mut spelt = deletion("SUCCESS");
    spelt["data"]["requestBaseType"] = json!("pii_deletion");
    let answer = map_json(&PARAMS, &spelt);
    assert_eq!(answer["event"]["identityMap"], primary());
}

#[test]
fn deletion_that_is_done_shows_in_the_status() {
    for status in ["SUCCESS", "success", "COMPLETED"] {
        let answer = map_json(&PARAMS, &deletion(status));
        assert_eq!(
            answer["profile"],
            json!({"identityMap": primary(), "loyalty": {"status": "Deleted"}})
        );
    }
    for status in ["PENDING", "APPROVED", "REJECTED"] {
        assert!(
            map_json(&PARAMS, &deletion(status))
                .get("profile")
                .is_none()
        );
    }
    let answer = map_json(&[], &deletion("SUCCESS"));
    assert_eq!(answer["profile"]["loyalty"]["status"], "Deleted");
}

#[test]
fn older_deletion_request_has_its_keys_beside_the_body() {
    let mut event = deletion("SUCCESS");
    let data = event["data"].as_object_mut().map(std::mem::take);
    for (key, value) in data.into_iter().flatten() {
        if ["requestType", "requestBaseType", "status", "comments"].contains(&key.as_str()) {
            event[key] = value;
        }
    }
    event["customerId"] = json!(700_100_201);
    event["data"] = json!({"requestId": "r-1", "updatedFields": []});
    let answer = map_json(&PARAMS, &event);
    assert_eq!(
        answer["profile"],
        json!({"identityMap": primary(), "loyalty": {"status": "Deleted"}})
    );
    assert_eq!(
        answer["event"]["_acme"]["capillary"]["request"],
        json!({"type": "CUSTOMER", "baseType": "DELETE", "status": "SUCCESS"})
    );
    assert_impersonal(&answer);
    for nobody in [json!("NULL"), json!("anonymous"), json!(-7), json!("0")] {
        event["customerId"] = nobody;
        let answer = map_json(&PARAMS, &event);
        assert_eq!(answer["skip"], "no_identity", "{answer}");
    }
}

#[test]
fn request_about_a_transaction_is_no_deletion() {
    let answer = map_json(&PARAMS, &sample("requestUpdated"));
    let identities = answer["event"]["identityMap"]
        .as_object()
        .map(serde_json::Map::len);
    assert_eq!(identities, Some(4));
    assert_eq!(
        answer["event"]["_acme"]["capillary"]["request"]["comments"],
        "Receipt not readable"
    );
    assert!(answer.get("profile").is_none());
    let mut event = deletion("SUCCESS");
    event["data"]["requestType"] = json!("TRANSACTION");
    let answer = map_json(&PARAMS, &event);
    assert!(answer.get("profile").is_none());
}

#[test]
fn labels_that_mean_deleted_are_a_parameter() {
    let mut event = sample("customerUpdated");
    event["data"]["customerStatus"]["currentLabel"] = json!(" Gel\u{f6}scht ");
    let answer = map_json(&PARAMS, &event);
    assert_eq!(answer["profile"]["person"]["name"]["firstName"], "Mara");
    let labels = ("deleted-labels", r#"["Erased","Gel\u00f6scht"]"#);
    let mut params = PARAMS.to_vec();
    params.push(labels);
    let answer = map_json(&params, &event);
    assert_eq!(
        answer["profile"],
        json!({"identityMap": primary(), "loyalty": {"status": "Gel\u{f6}scht"}})
    );
    assert_impersonal(&answer);
    event["data"]["customerStatus"]["currentLabel"] = json!("Deleted");
    let answer = map_json(&params, &event);
    assert_eq!(answer["profile"]["person"]["name"]["firstName"], "Mara");
    // A request has no label of its own.
    let answer = map_json(&params, &deletion("SUCCESS"));
    assert_eq!(answer["profile"]["loyalty"]["status"], "Erased");
}

#[test]
fn deletion_is_known_in_other_words_and_its_undoing_is_none() {
    for word in [
        "ERASURE",
        "gdpr_erase",
        "FORGET_ME",
        "ANONYMIZE",
        "anonymisation",
    ] {
        let mut event = deletion("DONE");
        event["data"]["requestBaseType"] = json!(word);
        let answer = map_json(&PARAMS, &event);
        assert_eq!(answer["event"]["identityMap"], primary(), "{word}");
        assert_eq!(answer["profile"]["loyalty"]["status"], "Deleted", "{word}");
        assert_impersonal(&answer);
    }
    let mut event = deletion("SUCCESS");
    event["data"]["requestBaseType"] = json!("UNDELETE");
    assert!(map_json(&PARAMS, &event).get("profile").is_none());
}

#[test]
fn status_that_is_the_label_alone_means_deleted_too() {
    let mut event = sample("customerUpdated");
    event["data"]["customerStatus"] = json!("Deleted");
    let answer = map_json(&PARAMS, &event);
    assert_eq!(answer["event"]["identityMap"], primary());
    assert_eq!(answer["profile"]["loyalty"], json!({"status": "Deleted"}));
    assert_impersonal(&answer);
}
