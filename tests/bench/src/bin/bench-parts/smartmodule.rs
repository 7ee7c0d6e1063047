//! The mapping, natively. In the broker it runs as wasm: `bench-smartmodule` measures that.

use capillary_xdm::{Mapper, Params};
use conformance::workload::CORE_KINDS;
use divan::{Bencher, black_box};

use super::records::{input, mapper, sample};

/// The record before had the same shape, as nearly all have.
#[divan::bench(args = CORE_KINDS)]
fn same_shape(bencher: Bencher<'_, '_>, kind: &str) {
    let (mut mapper, record, mut out) = (mapper(), sample(kind), Vec::new());
    mapper.answer(input(&record), &mut out);
    bencher.bench_local(|| {
        out.clear();
        mapper.answer(input(black_box(&record)), &mut out);
        out.len()
    });
}

/// The first record of all.
#[divan::bench(args = CORE_KINDS)]
fn first_sight(bencher: Bencher<'_, '_>, kind: &str) {
    let record = sample(kind);
    bencher
        .with_inputs(|| (mapper(), Vec::with_capacity(8192)))
        .bench_local_refs(|(mapper, out)| {
            mapper.answer(input(black_box(&record)), out);
            out.len()
        });
}

/// Nobody asked for it.
#[divan::bench]
fn skipped(bencher: Bencher<'_, '_>) {
    let (mut mapper, record, mut out) = (
        Mapper::new(Params::default()),
        sample("streakStart"),
        Vec::new(),
    );
    bencher.bench_local(|| {
        out.clear();
        mapper.answer(input(black_box(&record)), &mut out);
        out.len()
    });
}
