use bytes::Bytes;
use serde_json::json;

use super::*;
use crate::simulator::{Ingestion, Operation};

fn entity(facts: Value) -> Value {
    let mut entity = facts;
    entity["identityMap"] = json!({"C": [{"id": "1", "primary": true}]});
    entity
}

fn stated(offset: i64, at: i64, facts: Value) -> Statement {
    Statement {
        partition: 0,
        offset,
        at,
        dead_lettered: false,
        entity: entity(facts),
    }
}

fn arrived(facts: Value) -> Arc<Accepted> {
    Arc::new(Accepted {
        sequence: 1,
        at_ms: 0,
        request: 1,
        index: 0,
        inlet: "p".to_owned(),
        id: None,
        event_type: None,
        identities: Vec::new(),
        dataset_id: None,
        operation: Operation::Merge,
        ingestion: Ingestion::Stored,
        violations: Vec::new(),
        entity: Bytes::from(entity(facts).to_string()),
        message: Bytes::new(),
    })
}

fn verdict(stated: &[Statement], arrived: &[Arc<Accepted>]) -> Verdict {
    let mut verdict = Verdict::default();
    judge(&mut verdict, stated, arrived);
    verdict
}

fn two() -> [Statement; 2] {
    [
        stated(
            0,
            10,
            json!({"loyalty": {"points": 1, "lifetimePoints": 9}}),
        ),
        stated(1, 11, json!({"loyalty": {"points": 2}})),
    ]
}

#[test]
fn merged_statement_counts_for_both() {
    let verdict = verdict(
        &two(),
        &[arrived(
            json!({"loyalty": {"points": 2, "lifetimePoints": 9}}),
        )],
    );
    assert!(verdict.is_clean(), "{verdict}");
    assert_eq!(verdict.profiles_delivered, 2);
}

#[test]
fn field_only_the_older_one_states_must_arrive() {
    let verdict = verdict(&two(), &[arrived(json!({"loyalty": {"points": 2}}))]);
    assert_eq!(
        (verdict.lost.len(), verdict.profiles_delivered),
        (1, 0),
        "{verdict}"
    );
}

#[test]
fn profile_that_ends_with_an_older_value_is_found() {
    let newer = arrived(json!({"loyalty": {"points": 2, "lifetimePoints": 9}}));
    let older = arrived(json!({"loyalty": {"points": 1}}));
    assert!(
        !verdict(&two(), &[newer.clone(), older.clone()])
            .lost
            .is_empty()
    );
    assert!(verdict(&two(), &[older, newer]).is_clean());
}

#[test]
fn value_nobody_stated_is_found() {
    let strange = arrived(json!({"loyalty": {"points": 3}}));
    let right = arrived(json!({"loyalty": {"points": 2, "lifetimePoints": 9}}));
    assert_eq!(verdict(&two(), &[strange, right]).invented.len(), 1);
}

#[test]
fn newest_statement_by_event_time_counts_not_the_last() {
    let stated = [
        stated(0, 20, json!({"a": 1})),
        stated(1, 10, json!({"a": 2})),
    ];
    assert!(verdict(&stated, &[arrived(json!({"a": 1}))]).is_clean());
    assert!(
        !verdict(
            &stated,
            &[arrived(json!({"a": 1})), arrived(json!({"a": 2}))]
        )
        .is_clean()
    );
}
