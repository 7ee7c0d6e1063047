//! Access tokens of Adobe IMS, by the client-credentials grant.

mod answer;
mod error;
mod exchange;
#[cfg(test)]
mod fuzz;
mod refusals;
mod server_clock;
mod source;
#[cfg(test)]
mod tests;
mod token;

pub(crate) use error::TokenError;
pub(crate) use source::{TokenSource, TokenStatus};
pub(crate) use token::Token;
