//! The concurrency limit of the connector against a fixed number and the textbook algorithms, on a
//! simulated inlet in virtual time. Nothing here is part of the connector.
#![cfg(test)]

mod comparison;
mod rivals;
mod simulation;
