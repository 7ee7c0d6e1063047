//! What every documented sample becomes, held against files that a person has read.
//!
//! `CAPILLARY_GOLDEN=write cargo test --workspace --test golden` writes them anew; review the diff.

mod support;

use std::fs;

use capillary_xdm::Mapper;
use support::{answer, mapper, samples};

#[test]
fn samples_map_to_their_golden_answers() {
    let mut mapper = mapper(&[
        ("events", "all"),
        ("tenant", "acme"),
        ("time-zone", "+05:30"),
        (
            "identities",
            r#"{"customerId":"CapillaryId","email":"Email","mobile":"Phone","externalId":"LoyaltyId"}"#,
        ),
    ]);
    hold("", samples(), &mut mapper).unwrap();
}

#[test]
fn records_of_adobes_source_map_to_their_golden_answers() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures");
    let records = ["event", "profile"].map(|name| {
        let path = format!("{root}/capillary-source/{name}.json");
        (name.to_owned(), fs::read(path).unwrap())
    });
    let mut mapper = mapper(&[("primary-identity", "email"), ("tenant", "acme")]);
    hold("capillary-source.", records.to_vec(), &mut mapper).unwrap();
}

/// Holds answers against the files with their names, or writes the files.
fn hold(prefix: &str, records: Vec<(String, Vec<u8>)>, mapper: &mut Mapper) -> std::io::Result<()> {
    let write = std::env::var("CAPILLARY_GOLDEN").is_ok_and(|value| value == "write");
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");
    let mut wrong = Vec::new();
    for (name, raw) in records {
        let mut pretty = serde_json::to_string_pretty(&answer(mapper, &raw))?;
        pretty.push('\n');
        let path = format!("{directory}/{prefix}{name}.json");
        if write {
            fs::write(&path, &pretty)?;
        } else if fs::read_to_string(&path).ok().as_deref() != Some(pretty.as_str()) {
            wrong.push(name);
        }
    }
    assert!(
        wrong.is_empty(),
        "these answers differ from tests/golden: {wrong:?}"
    );
    Ok(())
}
