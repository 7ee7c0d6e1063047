//! The parts by themselves, natively: where the time of the whole goes. `bench-connector` and
//! `bench-smartmodule` measure the whole.

mod delivery;
mod reading;
mod records;
mod smartmodule;

fn main() {
    divan::main();
}
