//! Writes a dead letter until it is stored. Meanwhile its record stays pending: the stream stops
//! rather than lose it.

use std::future::Future;

use tokio::time::sleep;

use super::letter::DeadLetter;
use crate::backoff::Backoff;

/// A dead letter could not be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DeadLetterError {
    /// The topic does not take values of this size.
    #[error("the letter is larger than the dead-letter topic allows")]
    TooLarge,
    /// Anything else. When it does not heal by itself, somebody has to repair the topic or its
    /// rights.
    #[error("{message}")]
    Failed { message: String, heals: bool },
}

/// Where dead letters go.
pub(crate) trait DeadLetters: Send + Sync {
    /// What became of a record whose dead letter went here, and what to do, for the log.
    const END: &'static str;

    /// Returns when the dead letter is stored for good.
    fn write(
        &self,
        key: &str,
        value: Vec<u8>,
    ) -> impl Future<Output = Result<(), DeadLetterError>> + Send;
}

/// Learns how writing goes, for metrics.
pub(crate) trait WriteObserver: Sync {
    /// An attempt to write a dead letter failed; `first`: for the first time. `heals`: without
    /// anybody's help.
    fn write_failed(&self, first: bool, heals: bool, reason: &str);

    /// A dead letter that could not be written was written after all.
    fn write_recovered(&self);
}

/// Writes one dead letter, however long it takes.
///
/// # Errors
/// It cannot be turned into JSON: a defect of this program.
pub(crate) async fn write(
    letters: &impl DeadLetters,
    letter: &DeadLetter,
    backoff: &mut Backoff,
    observer: &impl WriteObserver,
) -> Result<(), serde_json::Error> {
    let mut value = letter.to_json()?;
    let mut is_whole = true;
    let mut failures = 0;
    let mut reported = false;
    loop {
        let error = match letters.write(letter.key(), value.clone()).await {
            Ok(()) => {
                if failures > 0 {
                    observer.write_recovered();
                }
                return Ok(());
            }
            Err(error) => error,
        };
        if error == DeadLetterError::TooLarge && is_whole {
            value = letter.without_record()?.to_json()?;
            is_whole = false;
            continue;
        }
        let heals = matches!(error, DeadLetterError::Failed { heals: true, .. });
        observer.write_failed(failures == 0, heals, &error.to_string());
        failures += 1;
        if !reported {
            reported = true;
            let source = letter.source();
            if heals {
                tracing::warn!(%source, %error, "a dead letter cannot be written yet; its record stays pending");
            } else {
                tracing::error!(%source, %error, "a dead letter cannot be written until this is repaired; its record stays pending");
            }
        }
        sleep(backoff.pause(failures)).await;
    }
}
