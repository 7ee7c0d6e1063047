//! How large responses to a partition must be: the broker gives no answers to a batch whose answers
//! do not fit.

use std::time::Duration;

use tokio::time::Instant;

/// How long a large batch makes responses larger. Another one after that costs a gap in the
/// answers; large responses for good would cost their memory, for each partition that once had one.
const LARGE_FOR: Duration = Duration::from_secs(600);

/// The largest batch of late.
#[derive(Debug, Default)]
pub(super) struct LargeBatches(Option<(u64, Instant)>);

impl LargeBatches {
    /// Notes how many bytes some part of the log came to, a batch as a rule; nothing if a regular
    /// response holds it.
    pub(super) fn note(&mut self, bytes: u64, regular: u64) {
        if bytes > regular {
            self.0 = Some((self.required().max(bytes), Instant::now()));
        }
    }

    /// What a response must be able to hold; 0 when there was no large one for a while.
    pub(super) fn required(&self) -> u64 {
        self.0
            .filter(|(_, at)| at.elapsed() < LARGE_FOR)
            .map_or(0, |(bytes, _)| bytes)
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn large_batch_is_forgotten_when_no_other_follows() {
        let mut batches = LargeBatches::default();
        batches.note(400, 500);
        assert_eq!(batches.required(), 0, "a regular response holds it");
        batches.note(900, 500);
        advance(LARGE_FOR / 2).await;
        batches.note(600, 500);
        advance(LARGE_FOR / 2).await;
        assert_eq!(batches.required(), 900, "large ones still come");
        advance(LARGE_FOR / 2).await;
        assert_eq!(batches.required(), 0);
    }
}
