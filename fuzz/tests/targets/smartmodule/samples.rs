//! The documented events, and short ways to map them.

use capillary_xdm::{Input, Mapper, Params};
use conformance::samples;

/// The offset of every record.
pub(super) const OFFSET: i64 = 4_711;
const RECORDED_AT: i64 = 1_789_373_735_000;

/// Names and texts of events.
pub(super) const KEYS: &[&str] = &[
    "eventName",
    "pointsIssued",
    "tierUpgraded",
    "customerAdded",
    "transactionAdded",
    "eventId",
    "orgId",
    "createdAt",
    "data",
    "attributes",
    "body",
    "event",
    "customerId",
    "email",
    "a@b.example",
    "mobile",
    "+14155550100",
    "lineItems",
    "lineItemsV2",
    "productLineItems",
    "identityMap",
    "loyalty",
    "commerce",
    "amount",
    "billType",
    "MIXED",
    "loyaltyProgramDetails",
    "customFields",
    "extendedFields",
    "1e-7",
    "2121-01-01",
];

/// The names of all parameters, and one that is none.
pub(super) const PARAMETER_NAMES: &[&str] = &[
    "tenant",
    "events",
    "organizations",
    "primary-identity",
    "identities",
    "program-id",
    "tiers",
    "time-zone",
    "omit-fields",
    "qualify-identity",
    "tenants",
];

/// Values that some parameter takes, and some that none does.
pub(super) const PARAMETER_VALUES: &[&str] = &[
    "",
    "all",
    "acme",
    "true",
    "false",
    "7",
    "email",
    "mobile",
    "externalId",
    "customerId",
    "pointsIssued",
    "pointsIssued,tierUpgraded",
    "-12:00",
    "+14:00",
    "+14:01",
    "loyalty.points",
    r#"["loyalty.points"]"#,
    r#"{"1":"Gold"}"#,
    r#"{"customerId":"C"}"#,
    r#"{"email":"Email"}"#,
    "[",
    "\u{e9}",
];

/// What the documented events do not say themselves.
pub(super) const DICTIONARY: &[&str] = &[
    "\"eventName\":\"pointsIssued\"",
    "\"eventName\":\"tierUpgraded\"",
    "\"eventName\":\"customerAdded\"",
    "\"eventName\":\"transactionAdded\"",
    "\"eventId\":",
    "\"orgId\":",
    "\"createdAt\":",
    "\"data\":",
    "\"attributes\":",
    "\"body\":",
    "\"event\":{\"body\":",
    "\"customerId\":",
    "\"email\":\"a@b.example\"",
    "\"mobile\":\"+14155550100\"",
    "\"lineItems\":",
    "\"lineItemsV2\":",
    "\"productLineItems\":",
    "\"identityMap\":{\"email\":[{\"id\":\"a@b.example\"}]}",
    "\"loyalty\":",
    "\"commerce\":",
    "\"amount\":",
    "\"billType\":\"MIXED\"",
    "\"loyaltyProgramDetails\":",
    "\"customFields\":",
    "\"extendedFields\":",
    "\\ud83d\\ude00",
    "\\ud800",
    "\\u0000",
    "\u{feff}",
    "1e-7",
    "2121-01-01",
    "\\\"",
];

/// Parameter sets that together switch everything on and off; the input chooses one.
pub(super) const PARAMETERS: [&[(&str, &str)]; 4] = [
    &[
        ("events", "all"),
        ("tenant", "harborpine"),
        ("time-zone", "+05:30"),
    ],
    &[],
    &[
        ("events", "all"),
        (
            "identities",
            r#"{"customerId":"CapillaryId","email":"Email","mobile":"Phone_E.164","externalId":"CRMID"}"#,
        ),
        ("primary-identity", "email"),
        ("mobile-format", "e164"),
        (
            "omit-fields",
            r#"["loyalty.lifetimePoints","commerce.commerceScope"]"#,
        ),
    ],
    &[
        ("events", "all"),
        ("tenant", "hp7"),
        ("qualify-identity", "true"),
        ("tiers", r#"{"1":"Gold"}"#),
    ],
];

/// A mapper that has seen nothing.
pub(super) fn mapper(pairs: &[(&str, &str)]) -> Mapper {
    let pairs = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Mapper::new(Params::from_pairs(pairs).unwrap())
}

/// The answer to a record.
pub(super) fn answer(mapper: &mut Mapper, value: &[u8]) -> Vec<u8> {
    let input = Input {
        offset: OFFSET,
        timestamp: Some(RECORDED_AT),
        value,
    };
    let mut out = b"before".to_vec();
    mapper.answer(input, &mut out);
    assert!(out.starts_with(b"before"), "an answer is appended");
    out.split_off(6)
}

/// Every documented event.
pub(super) fn samples() -> Vec<Vec<u8>> {
    samples::samples()
        .unwrap()
        .into_iter()
        .map(|sample| sample.bytes)
        .collect()
}

/// The documented event of a name.
pub(super) fn sample(name: &str) -> Vec<u8> {
    samples::samples()
        .unwrap()
        .into_iter()
        .find(|sample| sample.name == name)
        .unwrap()
        .bytes
}
