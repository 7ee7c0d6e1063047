//! The records that are measured with: the documented samples of the kinds that are mapped by
//! default.
#![expect(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on fails there"
)]

use capillary_xdm::{Input, Mapper, Params};
use conformance::samples::samples;
use conformance::workload::CORE_KINDS;

/// All fields.
const PARAMS: [(&str, &str); 2] = [("tenant", "acme"), ("time-zone", "+05:30")];

/// A documented event.
pub(crate) fn sample(kind: &str) -> Vec<u8> {
    let mut samples = samples().unwrap().into_iter();
    samples.find(|sample| sample.name == kind).unwrap().bytes
}

/// A mapper of all fields.
pub(crate) fn mapper() -> Mapper {
    let pairs = PARAMS.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Mapper::new(Params::from_pairs(pairs).unwrap())
}

/// A record for the mapper.
pub(crate) fn input(value: &[u8]) -> Input<'_> {
    Input {
        offset: 1_000_000,
        timestamp: None,
        value,
    }
}

/// The answers to one record of each kind.
pub(crate) fn answers() -> Vec<Vec<u8>> {
    let mut mapper = mapper();
    let answer = |kind: &str| {
        let mut out = Vec::new();
        mapper.answer(input(&sample(kind)), &mut out);
        out
    };
    CORE_KINDS.into_iter().map(answer).collect()
}
