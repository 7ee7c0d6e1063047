//! Access tokens of Adobe IMS, by the client-credentials grant.

mod error;
mod refusals;
pub mod response;
mod server_clock;
mod source;
#[cfg(test)]
mod tests;
mod token;
mod token_endpoint;

pub use error::TokenError;
pub(crate) use source::{TokenSource, TokenStatus};
pub(crate) use token::Token;
