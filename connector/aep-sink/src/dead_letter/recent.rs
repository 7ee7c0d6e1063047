//! The last dead letters, for `/status` and the page.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::letter::DeadLetterSummary;

const KEPT: usize = 20;

/// The last dead letters that were written. The topic has all of them.
#[derive(Debug, Default)]
pub(crate) struct RecentDeadLetters(Mutex<VecDeque<DeadLetterSummary>>);

impl RecentDeadLetters {
    fn letters(&self) -> MutexGuard<'_, VecDeque<DeadLetterSummary>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds one that was written.
    pub(crate) fn push(&self, letter: DeadLetterSummary) {
        let mut letters = self.letters();
        if letters.len() >= KEPT {
            letters.pop_front();
        }
        letters.push_back(letter);
    }

    /// A copy, oldest first.
    pub(crate) fn all(&self) -> VecDeque<DeadLetterSummary> {
        self.letters().clone()
    }
}
