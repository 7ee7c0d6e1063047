//! What becomes of single records: their order, their time, their size, their copies.

mod clocks;
mod merging;
mod order;
mod repeated;
mod sizes;
mod turns;
