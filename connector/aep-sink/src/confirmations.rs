//! Observations that confirm each other: what may be late, or gone by mistake, is believed only
//! when several looks in a row found it.

use std::time::Duration;

use tokio::time::Instant;

/// Counts looks in a row that found the same thing wrong.
#[derive(Debug, Default)]
pub(crate) struct Confirmations {
    /// The least time between two looks that count.
    spacing: Duration,
    count: u32,
    last: Option<Instant>,
}

impl Confirmations {
    /// Observations sooner than `spacing` after the one before do not count: they are repeated
    /// because something else failed.
    pub(crate) fn spaced(spacing: Duration) -> Self {
        Self {
            spacing,
            ..Self::default()
        }
    }

    /// One more look found it. Gives how many there are, when this one counts.
    pub(crate) fn add(&mut self) -> Option<u32> {
        if self.last.is_some_and(|last| last.elapsed() < self.spacing) {
            return None;
        }
        self.last = Some(Instant::now());
        self.count += 1;
        Some(self.count)
    }

    /// One more look found it. Whether it counts and there are enough of them now.
    pub(crate) fn suffice(&mut self, enough: u32) -> bool {
        self.add().is_some_and(|count| count >= enough)
    }

    /// A look found nothing wrong.
    pub(crate) fn reset(&mut self) {
        self.count = 0;
        self.last = None;
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn confirmation_repeated_too_soon_does_not_count() {
        let spacing = Duration::from_secs(30);
        let mut confirmations = Confirmations::spaced(spacing);
        assert_eq!(confirmations.add(), Some(1));
        tokio::time::advance(Duration::from_millis(250)).await;
        assert_eq!(confirmations.add(), None, "the first look, repeated");
        tokio::time::advance(spacing).await;
        assert_eq!(confirmations.add(), Some(2));
    }

    #[test]
    fn confirmations_begin_again_after_a_reset() {
        let mut confirmations = Confirmations::default();
        assert!(!confirmations.suffice(2));
        confirmations.reset();
        assert!(!confirmations.suffice(2));
        assert!(confirmations.suffice(2));
    }
}
