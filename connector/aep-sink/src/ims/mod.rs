//! Access tokens of Adobe IMS, by the client-credentials grant.

pub mod answer;
mod error;
mod exchange;
mod refusals;
mod server_clock;
mod source;
#[cfg(test)]
mod tests;
mod token;

pub use error::TokenError;
pub(crate) use source::{TokenSource, TokenStatus};
pub(crate) use token::Token;
