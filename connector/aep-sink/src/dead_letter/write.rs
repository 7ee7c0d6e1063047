//! Writes a dead letter until it is stored. Meanwhile its record stays pending: the stream stops
//! rather than lose it.

use std::future::Future;

use tokio::time::sleep;

use super::compose::DeadLetter;
use super::error::DeadLetterError;
use super::failures::WriteFailures;
use crate::backoff::Backoff;

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

/// Writes one dead letter, however long it takes.
///
/// # Errors
/// It cannot be turned into JSON: a defect of this program.
pub(crate) async fn write(
    dead_letters: &impl DeadLetters,
    dead_letter: &DeadLetter,
    backoff: &mut Backoff,
    write_failures: &WriteFailures,
) -> Result<(), serde_json::Error> {
    let mut value = dead_letter.to_json()?;
    let mut is_whole = true;
    let mut failures = 0;
    let mut is_logged = false;
    loop {
        let error = match dead_letters.write(dead_letter.key(), value.clone()).await {
            Ok(()) => {
                if failures > 0 {
                    write_failures.recovered();
                }
                return Ok(());
            }
            Err(error) => error,
        };
        if error == DeadLetterError::TooLarge && is_whole {
            value = dead_letter.without_record()?.to_json()?;
            is_whole = false;
            continue;
        }
        let heals = error.heals();
        write_failures.failed(&error, failures == 0);
        failures += 1;
        if !is_logged {
            is_logged = true;
            let source = dead_letter.source();
            if heals {
                tracing::warn!(%source, %error, "a dead letter cannot be written yet; its record \
                    stays pending");
            } else {
                tracing::error!(%source, %error, "a dead letter cannot be written until this is \
                    repaired; its record stays pending");
            }
        }
        sleep(backoff.pause(failures)).await;
    }
}
