//! Dead letters on their way to the topic: what goes into one write.
//!
//! One batch is under way at a time, and whatever comes meanwhile goes into the next one: alone
//! when dead letters are rare, by the hundred when a deployment upstream breaks every record. A
//! batch that is too large is halved until the dead letter that is to blame is alone; that one goes
//! without its record, and blocks nobody.

use std::collections::VecDeque;

use super::compose::DeadLetter;
use super::write::DeadLetterBatch;

/// What one write holds at most.
const MOST: usize = 1_000;
/// From so many bytes on a write takes no further dead letter. The smallest limit a Fluvio topic
/// can be given by default is above.
const FULL: usize = 1 << 20;

/// A dead letter that is not written yet, and what is settled when it is.
#[derive(Debug)]
pub(crate) struct PendingDeadLetter<T> {
    pub(crate) dead_letter: DeadLetter,
    pub(crate) of: T,
    /// Without its record: as small as it can be.
    is_digest: bool,
}

/// What is written next.
#[derive(Debug)]
pub(crate) struct ToWrite {
    /// Names the write when it has ended.
    pub(crate) id: u64,
    pub(crate) batch: DeadLetterBatch,
    /// It cannot be made smaller: whatever keeps it from being written keeps no other.
    pub(crate) is_smallest: bool,
}

/// A write under way.
#[derive(Debug)]
struct UnderWay<T> {
    id: u64,
    /// How many are written; nobody may wait for some of them any more.
    sent: usize,
    pending: Vec<PendingDeadLetter<T>>,
    is_smallest: bool,
}

/// Dead letters that wait, in order.
#[derive(Debug)]
pub(crate) struct WriteQueue<T> {
    waiting: VecDeque<PendingDeadLetter<T>>,
    under_way: Vec<UnderWay<T>>,
    next_id: u64,
    /// How many may go together: fewer after a batch that was too large.
    most: usize,
}

impl<T> Default for WriteQueue<T> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            under_way: Vec::new(),
            next_id: 0,
            most: MOST,
        }
    }
}

impl<T> WriteQueue<T> {
    pub(crate) fn push(&mut self, dead_letter: DeadLetter, of: T) {
        self.waiting.push_back(PendingDeadLetter {
            dead_letter,
            of,
            is_digest: false,
        });
    }

    /// What may be written now.
    ///
    /// # Errors
    /// A dead letter cannot be turned into JSON: a defect of this program.
    pub(crate) fn next(&mut self) -> Result<Option<ToWrite>, serde_json::Error> {
        let is_smallest = self.waiting.front().is_some_and(|first| first.is_digest);
        let is_writing = self.under_way.iter().any(|write| !write.is_smallest);
        if self.waiting.is_empty() || (is_writing && !is_smallest) {
            return Ok(None);
        }
        let most = if is_smallest { 1 } else { self.most };
        let (mut pending, mut batch, mut bytes) = (Vec::new(), DeadLetterBatch::default(), 0);
        while pending.len() < most
            && bytes < FULL
            && self
                .waiting
                .front()
                .is_some_and(|next| next.is_digest == is_smallest)
            && let Some(next) = self.waiting.pop_front()
        {
            let value = next.dead_letter.to_json()?;
            bytes += value.len();
            batch
                .records
                .push((next.dead_letter.key().to_owned(), value));
            pending.push(next);
        }
        let id = self.next_id;
        self.next_id += 1;
        self.under_way.push(UnderWay {
            id,
            sent: pending.len(),
            pending,
            is_smallest,
        });
        Ok(Some(ToWrite {
            id,
            batch,
            is_smallest,
        }))
    }

    /// A write came to its end: the dead letters that are stored.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub(crate) fn ended(
        &mut self,
        id: u64,
        is_written: bool,
    ) -> Result<Vec<PendingDeadLetter<T>>, serde_json::Error> {
        let Some(place) = self.under_way.iter().position(|write| write.id == id) else {
            return Ok(Vec::new());
        };
        let mut write = self.under_way.swap_remove(place);
        if is_written {
            self.most = self.most.saturating_mul(2).min(MOST);
            return Ok(write.pending);
        }
        self.most = (write.sent / 2).max(1);
        if let [alone] = write.pending.as_mut_slice()
            && write.sent == 1
        {
            alone.dead_letter = alone.dead_letter.without_record()?;
            alone.is_digest = true;
        }
        for pending in write.pending.into_iter().rev() {
            self.waiting.push_front(pending);
        }
        Ok(Vec::new())
    }

    /// Forgets dead letters nobody waits for any more, and gives what they stood for. Those that
    /// are being written together with others may still be stored.
    pub(crate) fn remove(&mut self, is_unwanted: impl Fn(&T) -> bool) -> Vec<T> {
        let waiting = std::mem::take(&mut self.waiting);
        let (mut removed, wanted): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .partition(|pending| is_unwanted(&pending.of));
        self.waiting = wanted.into();
        for write in &mut self.under_way {
            let unwanted = write
                .pending
                .extract_if(.., |pending| is_unwanted(&pending.of));
            removed.extend(unwanted);
        }
        self.under_way.retain(|write| !write.pending.is_empty());
        removed.into_iter().map(|pending| pending.of).collect()
    }

    /// Whether somebody waits for the end of a write.
    pub(crate) fn is_under_way(&self, id: u64) -> bool {
        self.under_way.iter().any(|write| write.id == id)
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::compose::Origin;
    use super::*;
    use crate::answer::Rejected;
    use crate::offset_tracker::Position;

    fn dead_letter(offset: i64, bytes: usize) -> DeadLetter {
        let position = Position {
            partition: 0,
            offset,
        };
        let rejected = Rejected {
            reason: "not_json".to_owned(),
            pointer: None,
            message: String::new(),
            original: Bytes::from(format!(r#"{{"raw":"{}"}}"#, "x".repeat(bytes))),
        };
        DeadLetter::rejected(Origin::new("t", position, None), &rejected).unwrap()
    }

    fn queue(sizes: impl IntoIterator<Item = usize>) -> WriteQueue<i64> {
        let mut queue = WriteQueue::default();
        for (offset, bytes) in (0..).zip(sizes) {
            queue.push(dead_letter(offset, bytes), offset);
        }
        queue
    }

    /// Writes all there is to a topic with a limit for each batch; gives what was stored, in order,
    /// and how many writes it took.
    fn write_all(queue: &mut WriteQueue<i64>, limit: usize) -> (Vec<i64>, usize) {
        let (mut stored, mut writes) = (Vec::new(), 0);
        while let Some(write) = queue.next().unwrap() {
            writes += 1;
            let size: usize = write
                .batch
                .records
                .iter()
                .map(|(_, value)| value.len())
                .sum();
            let ended = queue.ended(write.id, size <= limit).unwrap();
            stored.extend(ended.into_iter().map(|pending| pending.of));
        }
        (stored, writes)
    }

    #[test]
    fn letters_that_came_during_a_write_go_together_into_the_next() {
        let mut queue = queue([10]);
        let first = queue.next().unwrap().unwrap();
        assert_eq!(first.batch.records.len(), 1, "a lone one waits for nobody");
        for offset in 1..=2_500 {
            queue.push(dead_letter(offset, 10), offset);
        }
        assert!(queue.next().unwrap().is_none(), "one write at a time");
        assert_eq!(queue.ended(first.id, true).unwrap().len(), 1);
        let (stored, writes) = write_all(&mut queue, usize::MAX);
        assert_eq!(stored, (1..=2_500).collect::<Vec<_>>());
        assert_eq!(writes, 3);
    }

    #[test]
    fn write_is_bounded_in_bytes() {
        let mut queue = queue([FULL / 3; 7]);
        let sizes: Vec<usize> = std::iter::from_fn(|| {
            let write = queue.next().unwrap()?;
            let count = write.batch.records.len();
            queue.ended(write.id, true).unwrap();
            Some(count)
        })
        .collect();
        assert_eq!(sizes, [3, 3, 1]);
    }

    #[test]
    fn letter_too_large_for_the_topic_goes_without_its_record_and_costs_no_other() {
        let mut queue = queue((0..64).map(|offset| if offset == 40 { 5_000 } else { 10 }));
        let (stored, writes) = write_all(&mut queue, 1_000);
        assert_eq!(stored, (0..64).collect::<Vec<_>>());
        assert!(writes < 64, "{writes}");
    }

    #[test]
    fn letter_that_cannot_be_written_at_all_blocks_no_other() {
        let mut queue = queue([5_000, 10, 10]);
        let mut all = queue.next().unwrap().unwrap();
        // Halved until it is alone, and without its record.
        while !all.is_smallest {
            assert!(queue.ended(all.id, false).unwrap().is_empty());
            all = queue.next().unwrap().unwrap();
        }
        assert!(all.batch.records[0].1.len() < 300);
        let (stored, _) = write_all(&mut queue, usize::MAX);
        assert_eq!(stored, [1, 2], "while it is still under way");
    }

    #[test]
    fn letter_keeps_its_record_when_one_removed_made_their_batch_too_large() {
        let mut queue = queue([10, 5_000]);
        let write = queue.next().unwrap().unwrap();
        assert_eq!(queue.remove(|offset| *offset == 1), [1]);
        assert!(queue.ended(write.id, false).unwrap().is_empty());
        let again = queue.next().unwrap().unwrap();
        assert!(!again.is_smallest);
        assert_eq!(again.batch.records[0].1, write.batch.records[0].1);
    }

    #[test]
    fn removed_letters_end_with_no_write_whether_they_wait_or_are_written() {
        let mut queue = queue([10, 10]);
        let write = queue.next().unwrap().unwrap();
        queue.push(dead_letter(2, 10), 2);
        queue.push(dead_letter(3, 10), 3);
        assert_eq!(queue.remove(|offset| [1, 2].contains(offset)), [2, 1]);
        let ended = queue.ended(write.id, true).unwrap();
        let stored: Vec<i64> = ended.into_iter().map(|pending| pending.of).collect();
        assert_eq!(stored, [0]);
        assert_eq!(write_all(&mut queue, usize::MAX).0, [3]);
    }
}
