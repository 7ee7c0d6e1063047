//! Checks that every offset of the log has its answer, and finds the holes.

use std::ops::RangeInclusive;

use bytes::Bytes;

/// An answer and the offset it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) offset: i64,
    /// The record's Fluvio timestamp, milliseconds since the epoch.
    pub(super) timestamp: Option<i64>,
    pub(super) value: Bytes,
}

/// One step through a response, in offset order.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Answer(Answer),
    /// Offsets for which the broker gave no answer.
    Missing(RangeInclusive<i64>),
}

/// Answers that are not in the order of the log: the SmartModule is not a one-to-one map.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Disorder {
    pub(super) offset: i64,
    pub(super) after: i64,
}

/// How far a partition was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sequence {
    expected: i64,
}

impl Sequence {
    pub(super) fn new(expected: i64) -> Self {
        Self { expected }
    }

    /// The next offset that has to come.
    pub(super) fn expected(self) -> i64 {
        self.expected
    }

    /// Everything up to and including this offset came.
    pub(super) fn came(&mut self, offset: i64) {
        self.expected = self.expected.max(offset.saturating_add(1));
    }

    /// Lays a response out as an unbroken row of offsets from the expected one up to, but not
    /// including, `next`. Answers below the expected offset were seen before (batches are sent
    /// whole) and are left out.
    pub(super) fn plan(self, answers: Vec<Answer>, next: i64) -> Result<Vec<Piece>, Disorder> {
        let mut pieces = Vec::with_capacity(answers.len());
        let mut expected = self.expected;
        let mut previous = None;
        for answer in answers {
            if let Some(after) = previous
                .replace(answer.offset)
                .filter(|after| *after >= answer.offset)
            {
                let offset = answer.offset;
                return Err(Disorder { offset, after });
            }
            if answer.offset < expected {
                continue;
            }
            if answer.offset > expected {
                pieces.push(Piece::Missing(expected..=answer.offset - 1));
            }
            expected = answer.offset.saturating_add(1);
            pieces.push(Piece::Answer(answer));
        }
        if expected < next {
            pieces.push(Piece::Missing(expected..=next - 1));
        }
        Ok(pieces)
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(offsets: &[i64]) -> Vec<Answer> {
        offsets
            .iter()
            .map(|offset| Answer {
                offset: *offset,
                timestamp: None,
                value: Bytes::new(),
            })
            .collect()
    }

    /// The plan as text: numbers are answers, ranges in brackets are missing.
    fn plan(expected: i64, offsets: &[i64], next: i64) -> String {
        let pieces = Sequence::new(expected)
            .plan(answers(offsets), next)
            .unwrap();
        let texts: Vec<String> = pieces
            .iter()
            .map(|piece| match piece {
                Piece::Answer(answer) => answer.offset.to_string(),
                Piece::Missing(range) => format!("[{}-{}]", range.start(), range.end()),
            })
            .collect();
        texts.join(" ")
    }

    #[test]
    fn an_unbroken_response_has_no_holes() {
        assert_eq!(plan(3, &[3, 4, 5], 6), "3 4 5");
    }

    #[test]
    fn a_response_that_starts_late_leaves_a_hole_in_front() {
        assert_eq!(plan(3, &[7, 8], 9), "[3-6] 7 8");
    }

    #[test]
    fn holes_inside_and_at_the_end_are_found() {
        assert_eq!(plan(0, &[0, 2, 5], 8), "0 [1-1] 2 [3-4] 5 [6-7]");
    }

    #[test]
    fn a_response_without_answers_is_one_hole() {
        assert_eq!(plan(4, &[], 6), "[4-5]");
        assert_eq!(plan(6, &[], 6), "");
    }

    #[test]
    fn answers_seen_before_are_left_out() {
        assert_eq!(plan(5, &[3, 4, 5], 6), "5");
        assert_eq!(plan(9, &[3, 4, 5], 6), "");
    }

    #[test]
    fn answers_out_of_order_are_an_error() {
        let disorder = Sequence::new(0).plan(answers(&[0, 2, 1]), 3);
        assert_eq!(
            disorder,
            Err(Disorder {
                offset: 1,
                after: 2
            })
        );
        assert!(Sequence::new(0).plan(answers(&[0, 0]), 1).is_err());
    }

    #[test]
    fn what_came_is_never_expected_again() {
        let mut sequence = Sequence::new(5);
        sequence.came(7);
        sequence.came(2);
        assert_eq!(sequence.expected(), 8);
    }
}
