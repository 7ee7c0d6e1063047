//! The log of one partition: batches as the producer sent them, encoded as they lie in an SPU's
//! segment files.

use std::collections::VecDeque;
use std::io;

use bytes::{BufMut, Bytes, BytesMut};
use fluvio_protocol::link::ErrorCode;
use fluvio_protocol::record::{Batch, Offset, RawRecords};
use fluvio_protocol::{Decoder, Encoder};

/// The SPU's `STORAGE_MAX_REQUEST_SIZE`: a larger batch is answered with `MessageTooLarge`.
const MAX_BATCH_BYTES: usize = 33_554_432;

/// A batch with its place in the log.
#[derive(Clone, Debug)]
pub(super) struct StoredBatch {
    pub(super) base: Offset,
    pub(super) last: Offset,
    /// Preamble, header and records, as sent to a consumer without SmartModule.
    encoded: Bytes,
}

impl StoredBatch {
    /// The batch as the protocol crate holds it.
    pub(super) fn to_batch(&self) -> io::Result<Batch<RawRecords>> {
        Batch::<RawRecords>::decode_from(&mut self.encoded.clone(), 0)
    }
}

/// Batches from `start` (what retention left) to `end` (the next offset to be written).
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    start: Offset,
    end: Offset,
    batches: VecDeque<StoredBatch>,
}

impl Log {
    pub(super) fn start(&self) -> Offset {
        self.start
    }

    /// Log end offset. Without replicas it is the high watermark as well.
    pub(super) fn end(&self) -> Offset {
        self.end
    }

    /// Checks what an SPU checks before it writes.
    pub(super) fn accepts(batch: &Batch<RawRecords>) -> Result<(), ErrorCode> {
        if batch.records_len() == 0 {
            return Err(ErrorCode::StorageError);
        }
        if batch.write_size(0) > MAX_BATCH_BYTES {
            return Err(ErrorCode::MessageTooLarge);
        }
        Ok(())
    }

    /// Appends at the end; the batch gets its base offset here, its deltas stay as they are.
    pub(super) fn append(&mut self, mut batch: Batch<RawRecords>) -> io::Result<()> {
        batch.set_base_offset(self.end);
        let mut encoded = BytesMut::with_capacity(batch.write_size(0));
        batch.encode(&mut encoded, 0)?;
        let last = batch.get_last_offset();
        self.batches.push_back(StoredBatch {
            base: self.end,
            last,
            encoded: encoded.freeze(),
        });
        self.end = last + 1;
        Ok(())
    }

    /// Whether a read may begin at `offset`: `Ok(false)` when there is nothing to read yet.
    pub(super) fn readable(&self, offset: Offset) -> Result<bool, ErrorCode> {
        if offset == self.end {
            Ok(false)
        } else if offset > self.end {
            Err(ErrorCode::Other(format!(
                "start offset: {offset} is greater than leo: {}",
                self.end
            )))
        } else if offset < self.start {
            Err(ErrorCode::OffsetEvicted {
                offset,
                next_available: self.start,
            })
        } else {
            Ok(true)
        }
    }

    /// The batch that holds `offset`, or the first one after it.
    pub(super) fn batch_at(&self, offset: Offset) -> Option<&StoredBatch> {
        self.batches
            .get(self.batches.partition_point(|batch| batch.last < offset))
    }

    /// The bytes from the batch that holds `offset`, at most `limit`: the SPU sends a slice of its
    /// file, so the last batch may be cut, and a first batch larger than the limit reaches no
    /// client whole. Batches from `end` on are left out.
    pub(super) fn slice(&self, offset: Offset, end: Offset, limit: usize) -> Bytes {
        let first = self.batches.partition_point(|batch| batch.last < offset);
        let mut slice = BytesMut::new();
        for batch in self.batches.range(first..) {
            if batch.base >= end {
                break;
            }
            let room = limit - slice.len();
            if batch.encoded.len() >= room {
                slice.put_slice(&batch.encoded[..room]);
                break;
            }
            slice.put_slice(&batch.encoded);
        }
        slice.freeze()
    }

    /// Every batch, for inspection.
    pub(super) fn batches(&self) -> impl Iterator<Item = &StoredBatch> {
        self.batches.iter()
    }

    /// Removes the batches that end at `end` or after.
    pub(super) fn truncate(&mut self, end: Offset) {
        while self.batches.back().is_some_and(|batch| batch.last >= end) {
            self.batches.pop_back();
        }
        self.end = self
            .batches
            .back()
            .map_or(self.start, |batch| batch.last + 1);
    }

    /// Removes the batches that end before `offset`, as retention removes whole segments.
    pub(super) fn evict(&mut self, offset: Offset) {
        while self
            .batches
            .front()
            .is_some_and(|batch| batch.last < offset)
        {
            self.batches.pop_front();
        }
        self.start = self.batches.front().map_or(self.end, |batch| batch.base);
    }
}
