//! The last dead letters, for `/status` and the page.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::compose::DeadLetterSummary;

const KEPT: usize = 20;

/// The last dead letters that were written. The topic has all of them.
#[derive(Debug, Default)]
pub(crate) struct RecentDeadLetters(Mutex<VecDeque<DeadLetterSummary>>);

impl RecentDeadLetters {
    fn dead_letters(&self) -> MutexGuard<'_, VecDeque<DeadLetterSummary>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds one that was written.
    pub(crate) fn push(&self, dead_letter: DeadLetterSummary) {
        let mut dead_letters = self.dead_letters();
        if dead_letters.len() >= KEPT {
            dead_letters.pop_front();
        }
        dead_letters.push_back(dead_letter);
    }

    /// A copy, oldest first.
    pub(crate) fn all(&self) -> VecDeque<DeadLetterSummary> {
        self.dead_letters().clone()
    }
}
