//! The buffer answers are written into.
//!
//! Most of what is written is a few bytes long, and a call into the allocator or the host
//! (`memory.copy`) costs more than such a copy. So the buffer is kept filled beyond what was
//! written, and short pieces are copied in fixed sizes, past its end: the next piece overwrites
//! the excess.

use std::ops::Range;

use crate::output::day::FormattedDay;
use crate::output::padded::{LONG, Padded32, Padded48, PaddedBytes, SHORT};
use crate::simd::chunk::copy_chunks;

/// No piece overwrites more bytes at once.
const SPARE: usize = 128;

/// The bytes written so far, in a buffer that is longer.
#[derive(Debug, Default)]
pub(crate) struct OutBuf {
    buffer: Vec<u8>,
    /// How many bytes of the buffer are written.
    at: usize,
    /// Below it [`SPARE`] bytes of the buffer follow; 0 for a buffer of fewer. Only
    /// [`grow`](Self::grow) changes both.
    limit: usize,
    /// Days that were written last: most times of a stream are of a few.
    days: [FormattedDay; DAYS],
}

/// How many days are remembered, each in the place of its number.
const DAYS: usize = 4;

/// Copies `N` bytes from the start of one to the start of the other; `false` where there are fewer.
#[inline(always)]
fn copy_fixed<const N: usize>(to: &mut [u8], from: &[u8]) -> bool {
    let (Some(to), Some(from)) = (to.first_chunk_mut::<N>(), from.first_chunk::<N>()) else {
        return false;
    };
    copy_chunks(to, from);
    true
}

impl OutBuf {
    pub(crate) fn clear(&mut self) {
        self.at = 0;
    }

    pub(crate) const fn len(&self) -> usize {
        self.at
    }

    /// The place of a day; the one that is there may be another.
    #[inline(always)]
    pub(crate) const fn day(&mut self, number: i64) -> &mut FormattedDay {
        let [zero, one, two, three] = &mut self.days;
        match number & (DAYS as i64 - 1) {
            0 => zero,
            1 => one,
            2 => two,
            _ => three,
        }
    }

    /// Forgets what was written after `length`.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.at = self.at.min(length);
    }

    /// Leaves `count` bytes to be written later.
    pub(crate) fn skip(&mut self, count: usize) {
        self.reserve(count);
        self.at += count;
    }

    /// What was written.
    pub(crate) fn written(&self) -> &[u8] {
        self.buffer.get(..self.at).unwrap_or_default()
    }

    /// The buffer after what was written, grown to at least `count` bytes.
    #[inline(always)]
    fn reserve(&mut self, count: usize) -> &mut [u8] {
        if self.buffer.len().wrapping_sub(self.at) < count {
            self.grow(count);
        }
        self.buffer.get_mut(self.at..).unwrap_or_default()
    }

    /// As [`reserve`](Self::reserve), for a number of bytes known at compile time.
    #[inline(always)]
    #[allow(unsafe_code)] // Safe code asks twice, and writes what it was asked for behind a third branch: some 5 % of a record's cost.
    fn reserve_fixed<const N: usize>(&mut self) -> &mut [u8; N] {
        const { assert!(N <= SPARE) }
        if self.at >= self.limit {
            self.grow(N);
        }
        // SAFETY: `at` is below `limit`, if need be since `grow`, so `SPARE` bytes of the buffer
        // follow, and `N` are no more. They are initialised, and borrowed as the buffer is.
        unsafe { &mut *self.buffer.as_mut_ptr().add(self.at).cast() }
    }

    /// Makes room for `count` bytes, and for [`SPARE`] behind them.
    #[cold]
    #[inline(never)]
    fn grow(&mut self, count: usize) {
        let wanted = (self.at + count + SPARE)
            .max(self.buffer.len() * 2)
            .max(1 << 12);
        self.buffer.resize(wanted, 0);
        self.limit = wanted - SPARE + 1;
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, byte: u8) {
        *self.reserve_fixed() = [byte];
        self.at += 1;
    }

    #[inline(never)]
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.put_inline(bytes);
    }

    /// As [`put`](Self::put), inlined: a call costs more than most copies.
    #[inline(always)]
    pub(crate) fn put_inline(&mut self, bytes: &[u8]) {
        if bytes.len() > LONG {
            if let Some(room) = self.reserve(bytes.len()).get_mut(..bytes.len()) {
                room.copy_from_slice(bytes);
            }
        } else {
            put_short(self.reserve_fixed(), bytes);
        }
        self.at += bytes.len();
    }

    /// Appends the first `length` bytes of sixteen.
    #[inline(always)]
    pub(crate) fn put_prefix16(&mut self, chunk: &[u8; 16], length: usize) {
        copy_chunks(self.reserve_fixed(), chunk);
        self.at += length;
    }

    /// Appends the first `length` bytes of eight.
    #[inline(always)]
    pub(crate) fn put_prefix8(&mut self, word: [u8; 8], length: usize) {
        *self.reserve_fixed() = word;
        self.at += length;
    }

    /// Appends a padded constant of at most 32 bytes.
    #[inline(always)]
    pub(crate) fn put32(&mut self, padded: &Padded32) {
        self.put_prefix32(&padded.padded, padded.length);
    }

    /// Appends the first `length` bytes of 32.
    #[inline(always)]
    pub(crate) fn put_prefix32(&mut self, padded: &[u8; 32], length: usize) {
        // Both halves, always: a branch that depends on a length is mispredicted too often.
        copy_chunks(self.reserve_fixed(), padded);
        self.at += length;
    }

    /// Appends the first `length` bytes of 32, then `text[start..end]`, then a quote,
    /// if that is to stay: a member.
    #[inline(always)]
    pub(crate) fn member(
        &mut self,
        padded: &[u8; 32],
        length: usize,
        (text, start, end): (&[u8], usize, usize),
        is_quoted: bool,
    ) {
        let count = end.wrapping_sub(start);
        let from = text
            .get(start..)
            .and_then(|from| from.first_chunk::<SHORT>());
        let room = self.reserve_fixed::<{ 32 + SHORT + 1 }>();
        copy_fixed::<32>(room, padded);
        if let (Some(from), true) = (from, count <= SHORT)
            && let Some(behind) = room
                .get_mut(length..)
                .and_then(|room| room.first_chunk_mut::<{ SHORT + 1 }>())
        {
            copy_fixed::<16>(behind, from);
            if count > 16 {
                copy_fixed::<SHORT>(behind, from);
            }
            if let Some(quote) = behind.get_mut(count) {
                *quote = b'"';
            }
            self.at += length + count + usize::from(is_quoted);
        } else {
            self.long_member(
                padded,
                length,
                text.get(start..end).unwrap_or_default(),
                is_quoted,
            );
        }
    }

    /// As [`member`](Self::member), of a text that is long, or stands at the end of the one it is
    /// from.
    #[inline(never)]
    fn long_member(&mut self, padded: &[u8; 32], length: usize, text: &[u8], is_quoted: bool) {
        self.put_prefix32(padded, length);
        self.put_inline(text);
        self.push(b'"');
        self.at -= usize::from(!is_quoted);
    }

    /// Appends bytes padded at run time.
    #[inline(always)]
    pub(crate) fn put_padded(&mut self, bytes: &PaddedBytes) {
        if bytes.length > LONG {
            return self.put(&bytes.long);
        }
        copy_chunks(self.reserve_fixed(), &bytes.padded);
        self.at += bytes.length;
    }

    /// Appends a padded constant of at most 48 bytes.
    #[inline(always)]
    pub(crate) fn put48(&mut self, word: &Padded48) {
        copy_chunks(self.reserve_fixed(), &word.padded);
        self.at += usize::from(word.length);
    }

    /// Appends what was written in `range` once more.
    pub(crate) fn repeat(&mut self, range: Range<usize>) {
        let count = range.len();
        self.reserve(count);
        if range.end <= self.at {
            self.buffer.copy_within(range, self.at);
            self.at += count;
        }
    }

    /// Turns what was written from `start` on into upper case.
    #[inline(always)]
    pub(crate) fn uppercase(&mut self, start: usize) {
        if let Some(written) = self.buffer.get_mut(start..self.at) {
            written.make_ascii_uppercase();
        }
    }

    /// Replaces a byte that was written.
    #[inline(always)]
    pub(crate) fn set(&mut self, at: usize, byte: u8) {
        if let Some(place) = self.buffer.get_mut(at) {
            *place = byte;
        }
    }

    /// Moves what was written from `from` on to `to`, and the end with it.
    pub(crate) fn move_tail(&mut self, from: usize, to: usize) {
        let length = self.at.saturating_sub(from);
        self.reserve(to.saturating_sub(from));
        if from < self.at {
            self.buffer.copy_within(from..self.at, to);
        }
        self.at = to + length;
    }
}

/// Copies at most [`LONG`] bytes from both ends inwards.
#[inline(always)]
fn put_short(room: &mut [u8; LONG], bytes: &[u8]) {
    let Some(room) = room.get_mut(..bytes.len()) else {
        return;
    };
    match bytes.len() {
        16.. => {
            copy_fixed::<16>(room, bytes);
            for at in [16, 32] {
                if bytes.len() > at + 16 {
                    copy_fixed::<16>(
                        room.get_mut(at..).unwrap_or_default(),
                        bytes.get(at..).unwrap_or_default(),
                    );
                }
            }
            copy_last::<16>(room, bytes);
        }
        8.. => {
            copy_fixed::<8>(room, bytes);
            copy_last::<8>(room, bytes);
        }
        4.. => {
            copy_last::<4>(room, bytes);
            if let (Some(to), Some(from)) = (room.first_chunk_mut::<4>(), bytes.first_chunk()) {
                *to = *from;
            }
        }
        _ => {
            // Not in a loop, which would become a call into the host.
            if let (Some(to), Some(from)) = (room.first_chunk_mut::<2>(), bytes.first_chunk()) {
                *to = *from;
            }
            if let (Some(to), Some(from)) = (room.last_mut(), bytes.last()) {
                *to = *from;
            }
        }
    }
}

/// Copies `N` bytes from the end of one to the end of the other.
#[inline(always)]
fn copy_last<const N: usize>(to: &mut [u8], from: &[u8]) {
    if let (Some(to), Some(from)) = (to.last_chunk_mut::<N>(), from.last_chunk::<N>()) {
        if N == 4 {
            *to = *from;
        } else {
            copy_fixed::<N>(to, from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn out_buf_appends_pieces_of_every_length_whole() {
        let text: Vec<u8> = (0..200).map(|n| b'a' + n % 26).collect();
        let mut out = OutBuf::default();
        let mut expected = Vec::new();
        for length in 0..text.len() {
            for start in [0, 1, text.len() - length] {
                let Some(part) = text.get(start..start + length) else {
                    continue;
                };
                out.put(part);
                out.push(b'|');
                out.member(&[b'-'; 32], 2, (&text, start, start + length), true);
                out.member(&[b'-'; 32], 1, (&text, start, start + length), false);
                expected.extend_from_slice(part);
                expected.extend_from_slice(b"|--");
                expected.extend_from_slice(part);
                expected.extend_from_slice(b"\"-");
                expected.extend_from_slice(part);
            }
        }
        let padded: [u8; 32] = std::array::from_fn(|n| b'A' + n as u8);
        for length in 0..=32 {
            out.put_prefix32(&padded, length);
            expected.extend_from_slice(&padded[..length]);
        }
        assert!(out.written() == expected);
    }

    #[test]
    fn out_buf_moves_and_truncates_what_was_written() {
        let mut out = OutBuf::default();
        out.put(b"abcdef");
        out.move_tail(2, 5);
        assert_eq!(&out.written()[5..], b"cdef");
        out.move_tail(5, 1);
        assert_eq!(out.written(), b"acdef");
        out.repeat(1..3);
        assert_eq!(out.written(), b"acdefcd");
        out.truncate(2);
        out.set(1, b'x');
        assert_eq!(out.written(), b"ax");
    }
}
