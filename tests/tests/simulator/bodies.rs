//! Bodies, byte for byte where a document shows them.

use conformance::simulator::Dialect;
use conformance::simulator::answer::{self, Batch, Single};
use serde_json::json;

const INLET: &str = "d5262d48f4f3c4e1a0c6d8e7f9b0a1c2d3e4f5061728394a5b6c7d8e9fa0b1c2";
const ORG: &str = "0A7D42FC5DB9D3360A495FD3@AdobeOrg";

#[test]
fn single_message_is_answered_as_the_validation_page_shows() {
    let answer = Single {
        inlet_id: INLET,
        xaction_id: "1555445493896:8600:8",
        received_time_ms: 1_555_445_493_932,
        sync_validation: Some(json!({"skipped": true})),
        flow_id: None,
    };
    assert_eq!(
        serde_json::to_string(&answer).unwrap(),
        format!(
            r#"{{"inletId":"{INLET}","xactionId":"1555445493896:8600:8","receivedTimeMs":1555445493932,"syncValidation":{{"skipped":true}}}}"#
        )
    );
}

#[test]
fn batch_is_answered_as_the_batch_page_shows() {
    let batch_id = "1565628583792:1485:153";
    let answer = Batch {
        inlet_id: INLET,
        batch_id,
        received_time_ms: 1_565_628_583_854,
        responses: Some(
            (0..2)
                .map(|index| Dialect::StatusCode.accepted(batch_id, index))
                .collect(),
        ),
    };
    assert_eq!(
        serde_json::to_string(&answer).unwrap(),
        format!(
            r#"{{"inletId":"{INLET}","batchId":"1565628583792:1485:153","receivedTimeMs":1565628583854,"responses":[{{"xactionId":"1565628583792:1485:153:0"}},{{"xactionId":"1565628583792:1485:153:1"}}]}}"#
        )
    );
}

#[test]
fn refused_message_has_no_id_in_the_documents_dialect() {
    let text = answer::about(INLET, ORG, "Message has unknown xdm format");
    let item = Dialect::StatusCode.refused("1565628583792:1485:153", 1, 400, text);
    assert_eq!(
        serde_json::to_string(&item).unwrap(),
        format!(
            r#"{{"statusCode":400,"message":"inletId: [{INLET}] imsOrgId: [{ORG}] Message has unknown xdm format"}}"#
        )
    );
}

#[test]
fn refused_message_carries_its_index_in_the_connectors_dialect() {
    let text =
        "The 'header' field is mandatory. Provide a valid 'header' value and try again.".to_owned();
    let item = Dialect::Status.refused("9c1f8a52-3d4e-4b6f-a7c8-d9e0f1a2b3c4", 0, 400, text);
    assert_eq!(
        serde_json::to_string(&item).unwrap(),
        r#"{"xactionId":"9c1f8a52-3d4e-4b6f-a7c8-d9e0f1a2b3c4-0","status":400,"message":"The 'header' field is mandatory. Provide a valid 'header' value and try again."}"#
    );
}

#[test]
fn missing_token_is_a_problem_whose_status_is_text() {
    assert_eq!(
        answer::unauthorized(401),
        r#"{"type":"https://ns.adobe.com/adobecloud/problem/data-collection-service-authorization","status":"401","title":"Authorization","report":{"message":"[id] Ims service token is empty"}}"#
    );
}

#[test]
fn bad_message_is_a_problem_whose_status_is_a_number() {
    let text = answer::about(
        INLET,
        ORG,
        "Message has an absent or wrong ims org in the header",
    );
    assert_eq!(
        answer::problem(400, &text),
        format!(
            r#"{{"type":"http://ns.adobe.com/adobecloud/problem/data-collection-service/inlet","status":400,"title":"Invalid XDM Message Format","report":{{"message":"inletId: [{INLET}] imsOrgId: [{ORG}] Message has an absent or wrong ims org in the header"}}}}"#
        )
    );
}

#[test]
fn violations_are_reported_up_to_five() {
    let names: Vec<String> = (0..7).map(|number| format!("field{number}")).collect();
    let body: serde_json::Value =
        serde_json::from_str(&answer::invalid(INLET, ORG, &names)).unwrap();
    let validation = &body["report"]["cause"]["_streamingValidation"][0];
    assert_eq!(validation["causingExceptions"].as_array().unwrap().len(), 5);
    assert_eq!(validation["causingExceptions"][0]["keyword"], "required");
}
