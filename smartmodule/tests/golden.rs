//! What every documented sample becomes, held against files that a person has read.
//!
//! `CAPILLARY_GOLDEN=write cargo test --workspace --test golden` writes them anew; review the diff.

mod support;

use std::fs;

use support::{answer, mapper, samples};

#[test]
fn samples_map_to_their_golden_answers() {
    let write = std::env::var("CAPILLARY_GOLDEN").is_ok_and(|value| value == "write");
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");
    let mut mapper = mapper(&[
        ("events", "all"),
        ("tenant", "acme"),
        ("time-zone", "+05:30"),
        (
            "identities",
            r#"{"customerId":"CapillaryId","email":"Email","mobile":"Phone","externalId":"LoyaltyId"}"#,
        ),
    ]);
    let mut wrong = Vec::new();
    for (name, raw) in samples() {
        let mut pretty = serde_json::to_string_pretty(&answer(&mut mapper, &raw)).unwrap();
        pretty.push('\n');
        let path = format!("{directory}/{name}.json");
        if write {
            fs::write(&path, &pretty).unwrap();
        } else if fs::read_to_string(&path).ok().as_deref() != Some(pretty.as_str()) {
            wrong.push(name);
        }
    }
    assert!(
        wrong.is_empty(),
        "these answers differ from tests/golden: {wrong:?}"
    );
}
