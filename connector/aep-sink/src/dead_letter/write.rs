//! Writes dead letters until they are stored. Meanwhile their records stay pending: the stream
//! stops rather than lose one.

use std::future::Future;

use tokio::time::sleep;

use super::error::DeadLetterError;
use super::failures::{FailingWrite, WriteFailures};
use crate::backoff::Backoff;

/// Dead letters that are written together, all or none.
#[derive(Debug, Default)]
pub(crate) struct DeadLetterBatch {
    /// Key and value of each.
    pub(crate) records: Vec<(String, Vec<u8>)>,
    /// Set when an attempt ended without saying whether they were stored: where in the topic they
    /// would be then. They are looked for there before they are written once more.
    pub(crate) doubt: Option<i64>,
}

/// Where dead letters go.
pub(crate) trait DeadLetters: Send + Sync {
    /// What became of a record whose dead letter went here, and what to do, for the log.
    const END: &'static str;

    /// Returns when the dead letters are stored for good.
    fn write(
        &self,
        batch: &mut DeadLetterBatch,
    ) -> impl Future<Output = Result<(), DeadLetterError>> + Send;
}

/// Writes dead letters, however long it takes. `false`, and nothing written, when they are too
/// large; unless they are as small as they can be: then that, too, is waited out.
pub(crate) async fn write(
    dead_letters: &impl DeadLetters,
    batch: &mut DeadLetterBatch,
    is_smallest: bool,
    backoff: &mut Backoff,
    write_failures: &WriteFailures,
) -> bool {
    let mut failing: Option<FailingWrite<'_>> = None;
    let mut failures = 0;
    loop {
        let error = match dead_letters.write(batch).await {
            Ok(()) => return true,
            Err(DeadLetterError::TooLarge) if !is_smallest => return false,
            Err(error) => error,
        };
        write_failures.failed(&error);
        if failing.is_none() {
            failing = Some(write_failures.begin());
            let count = batch.records.len();
            if error.heals() {
                tracing::warn!(count, %error, "dead letters cannot be written yet; their records \
                    stay pending");
            } else {
                tracing::error!(count, %error, "dead letters cannot be written until this is \
                    repaired; their records stay pending");
            }
        }
        failures += 1;
        sleep(backoff.pause(failures)).await;
    }
}
