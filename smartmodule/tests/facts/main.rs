//! What the events say is in the platform: in standard fields, once, and nothing that is not so.

mod balances;
mod baskets;
mod consent;
mod deletion;
mod odd_forms;
mod revenue;
mod source_shape;
mod standard_facts;
#[path = "../support/mod.rs"]
mod support;
mod what_the_platform_shows;
