//! Access tokens of Adobe IMS, by the client-credentials grant.

mod answer;
mod error;
mod exchange;
#[cfg(test)]
mod fuzz;
mod source;
#[cfg(test)]
mod tests;

pub(crate) use error::TokenError;
pub(crate) use source::{Token, TokenSource, TokenStanding};
