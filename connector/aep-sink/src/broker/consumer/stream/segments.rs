//! Checks that every offset of the log has its answer, and finds the gaps.

use std::ops::RangeInclusive;

use bytes::Bytes;

/// An answer and the offset it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RawAnswer {
    pub(crate) offset: i64,
    /// The record's Fluvio timestamp, milliseconds since the epoch.
    pub(crate) timestamp: Option<i64>,
    pub(crate) value: Bytes,
}

/// One step through a response, in offset order.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Answer(RawAnswer),
    /// Offsets for which the broker gave no answer.
    Gap(RangeInclusive<i64>),
}

/// Answers that are not in the order of the log: the SmartModule is not a one-to-one map.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OutOfOrder {
    pub(super) offset: i64,
    pub(super) after: i64,
}

/// How far a partition was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    expected: i64,
}

impl Cursor {
    pub(super) fn new(expected: i64) -> Self {
        Self { expected }
    }

    /// The next offset that has to come.
    pub(super) fn expected(self) -> i64 {
        self.expected
    }

    /// Everything up to and including this offset came.
    pub(super) fn advance_past(&mut self, offset: i64) {
        self.expected = self.expected.max(offset.saturating_add(1));
    }

    /// Lays a response out as an unbroken row of offsets from the expected one up to, but not
    /// including, `next`. Answers below the expected offset were seen before (batches are sent
    /// whole) and are left out.
    pub(super) fn segments(
        self,
        answers: Vec<RawAnswer>,
        next: i64,
    ) -> Result<Vec<Segment>, OutOfOrder> {
        let mut segments = Vec::with_capacity(answers.len());
        let mut expected = self.expected;
        let mut previous = None;
        for answer in answers {
            if let Some(after) = previous
                .replace(answer.offset)
                .filter(|after| *after >= answer.offset)
            {
                let offset = answer.offset;
                return Err(OutOfOrder { offset, after });
            }
            if answer.offset < expected {
                continue;
            }
            if answer.offset > expected {
                segments.push(Segment::Gap(expected..=answer.offset - 1));
            }
            expected = answer.offset.saturating_add(1);
            segments.push(Segment::Answer(answer));
        }
        if expected < next {
            segments.push(Segment::Gap(expected..=next - 1));
        }
        Ok(segments)
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(offsets: &[i64]) -> Vec<RawAnswer> {
        offsets
            .iter()
            .map(|offset| RawAnswer {
                offset: *offset,
                timestamp: None,
                value: Bytes::new(),
            })
            .collect()
    }

    /// The plan as text: numbers are answers, ranges in brackets are missing.
    fn plan(expected: i64, offsets: &[i64], next: i64) -> String {
        let segments = Cursor::new(expected)
            .segments(answers(offsets), next)
            .unwrap();
        let texts: Vec<String> = segments
            .iter()
            .map(|segment| match segment {
                Segment::Answer(answer) => answer.offset.to_string(),
                Segment::Gap(range) => format!("[{}-{}]", range.start(), range.end()),
            })
            .collect();
        texts.join(" ")
    }

    #[test]
    fn unbroken_response_has_no_gaps() {
        assert_eq!(plan(3, &[3, 4, 5], 6), "3 4 5");
    }

    #[test]
    fn late_response_leaves_a_gap_in_front() {
        assert_eq!(plan(3, &[7, 8], 9), "[3-6] 7 8");
    }

    #[test]
    fn gaps_inside_and_at_the_end_are_found() {
        assert_eq!(plan(0, &[0, 2, 5], 8), "0 [1-1] 2 [3-4] 5 [6-7]");
    }

    #[test]
    fn response_without_answers_is_one_gap() {
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
        let out_of_order = Cursor::new(0).segments(answers(&[0, 2, 1]), 3);
        assert_eq!(
            out_of_order,
            Err(OutOfOrder {
                offset: 1,
                after: 2
            })
        );
        assert!(Cursor::new(0).segments(answers(&[0, 0]), 1).is_err());
    }

    #[test]
    fn cursor_never_goes_back() {
        let mut cursor = Cursor::new(5);
        cursor.advance_past(7);
        cursor.advance_past(2);
        assert_eq!(cursor.expected(), 8);
    }
}
