//! Access tokens of Adobe IMS, by the client-credentials grant.

mod error;
#[cfg(test)]
mod fuzz;
mod refusals;
mod response;
mod server_clock;
mod source;
#[cfg(test)]
mod tests;
mod token;
mod token_endpoint;

pub(crate) use error::TokenError;
pub(crate) use source::{TokenSource, TokenStatus};
pub(crate) use token::Token;
