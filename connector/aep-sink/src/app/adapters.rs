//! Implements what delivery needs from outside: tokens by the source of IMS, dead letters by the
//! writer of their topic.

use hyper::header::HeaderValue;
use tokio::time::Instant;

use crate::broker::{BrokerError, DeadLetterWriter};
use crate::dead_letter::{DeadLetterBatch, DeadLetterError, DeadLetters};
use crate::delivery::{NoToken, Tokens};
use crate::error::Retry;
use crate::ims::{Token, TokenSource};
use crate::inlet_name::InletName;

impl Tokens for TokenSource {
    type Token = Token;

    async fn token(&self, inlet: InletName) -> Result<Token, NoToken> {
        self.token_for(inlet).await.map_err(|error| NoToken {
            heals: error.retry() != Retry::Never,
            message: error.to_string(),
        })
    }

    fn refuse(&self, inlet: InletName, token: &Token) {
        Self::refuse(self, inlet, token);
    }

    fn accept(&self, inlet: InletName, token: &Token) {
        Self::accept(self, inlet, token);
    }

    fn bearer<'a>(&self, token: &'a Token) -> &'a HeaderValue {
        token.bearer()
    }

    fn server_time(&self, now: Instant) -> Option<i64> {
        Self::server_time(self, now)
    }
}

/// Dead letters, written to their topic in the cluster.
pub(crate) struct BrokerDeadLetters(DeadLetterWriter);

impl BrokerDeadLetters {
    pub(crate) fn new(writer: DeadLetterWriter) -> Self {
        Self(writer)
    }
}

impl DeadLetters for BrokerDeadLetters {
    const END: &'static str = "dead-lettered; once its cause is mended, `replay` sends it again";

    async fn write(&self, batch: &mut DeadLetterBatch) -> Result<(), DeadLetterError> {
        self.0
            .write(&batch.records, &mut batch.doubt)
            .await
            .map(|_first| ())
            .map_err(|error| match error {
                BrokerError::DeadLetterTooLarge { .. } => DeadLetterError::TooLarge,
                error => DeadLetterError::Failed {
                    heals: error.retry() != Retry::Never,
                    message: error.to_string(),
                },
            })
    }
}
