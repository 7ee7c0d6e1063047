//! The form of the journal: one record of its topic holds the entries of a second.
//!
//! ```text
//! version 1
//! group*    inlet (1 byte), partition (4), sent (8), count (4), then `count` times:
//!           fingerprint (8), offset as its distance from the one before (1 to 10 bytes)
//! ```

use super::Entry;
use crate::inlet_name::InletName;
use crate::landing::fingerprint::Fingerprint;
use crate::offset_tracker::Position;

const VERSION: u8 = 1;
/// Entries of one chunk, so that it fits any topic.
const MOST: usize = 50_000;

/// What is written for these entries.
pub(in crate::landing) fn encode(entries: &[Entry]) -> Vec<Vec<u8>> {
    entries.chunks(MOST).map(encode_one).collect()
}

fn encode_one(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    let mut rest = entries;
    while let Some(first) = rest.first() {
        let belongs = |entry: &&Entry| {
            (entry.inlet, entry.position.partition, entry.sent)
                == (first.inlet, first.position.partition, first.sent)
        };
        let count = rest.iter().take_while(belongs).count();
        let (group, after) = rest.split_at(count);
        rest = after;
        bytes.push(match first.inlet {
            InletName::Events => 0,
            InletName::Profiles => 1,
        });
        bytes.extend(first.position.partition.to_be_bytes());
        bytes.extend(first.sent.to_be_bytes());
        bytes.extend(u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
        let mut before = 0_i64;
        for entry in group {
            bytes.extend(entry.fingerprint.0.to_be_bytes());
            let distance = entry.position.offset.wrapping_sub(before);
            put_varint(&mut bytes, distance);
            before = entry.position.offset;
        }
    }
    bytes
}

/// Calls `each` with every entry. `false` when it is no chunk of this version, or damaged.
pub(in crate::landing) fn decode(bytes: &[u8], mut each: impl FnMut(Entry)) -> bool {
    let Some((&VERSION, mut rest)) = bytes.split_first() else {
        return false;
    };
    while !rest.is_empty() {
        if group(&mut rest, &mut each).is_none() {
            return false;
        }
    }
    true
}

fn group(rest: &mut &[u8], each: &mut impl FnMut(Entry)) -> Option<()> {
    let inlet = match take::<1>(rest)? {
        [0] => InletName::Events,
        [1] => InletName::Profiles,
        _ => return None,
    };
    let partition = u32::from_be_bytes(take(rest)?);
    let sent = i64::from_be_bytes(take(rest)?);
    let count = u32::from_be_bytes(take(rest)?);
    let mut offset = 0_i64;
    for _ in 0..count {
        let fingerprint = Fingerprint(u64::from_be_bytes(take(rest)?));
        offset = offset.wrapping_add(varint(rest)?);
        each(Entry {
            inlet,
            position: Position { partition, offset },
            sent,
            fingerprint,
        });
    }
    Some(())
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*taken)
}

/// Seven bits a byte; small numbers of either sign are short.
fn put_varint(bytes: &mut Vec<u8>, number: i64) {
    let mut left = ((number << 1) ^ (number >> 63)) as u64;
    while left >= 0x80 {
        bytes.push((left & 0x7f) as u8 | 0x80);
        left >>= 7;
    }
    bytes.push(left as u8);
}

fn varint(rest: &mut &[u8]) -> Option<i64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let [byte] = take::<1>(rest)?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((number >> 1) as i64 ^ -((number & 1) as i64));
        }
    }
    None
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(inlet: InletName, partition: u32, offset: i64, sent: i64) -> Entry {
        Entry {
            inlet,
            position: Position { partition, offset },
            sent,
            fingerprint: Fingerprint(offset.unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        }
    }

    #[test]
    fn chunk_gives_back_its_entries_and_takes_ten_bytes_for_one() {
        let mut entries = Vec::new();
        for offset in 0..500 {
            entries.push(entry(InletName::Events, 3, 1_000_000 + offset, 7));
        }
        entries.push(entry(InletName::Profiles, 0, i64::MAX, 8));
        entries.push(entry(InletName::Profiles, 0, 4, 8));
        let chunks = encode(&entries);
        let mut read = Vec::new();
        for chunk in &chunks {
            assert!(decode(chunk, |entry| read.push(entry)));
        }
        assert_eq!(read, entries);
        assert!(chunks[0].len() < 500 * 10, "{} bytes", chunks[0].len());
    }

    #[test]
    fn damaged_chunk_is_told_and_not_read_on() {
        let chunk = &encode(&[entry(InletName::Events, 1, 2, 3)])[0];
        for length in 0..chunk.len() {
            let whole = length == 1;
            assert_eq!(decode(&chunk[..length], |_| ()), whole, "{length} bytes");
        }
        let mut other = chunk.clone();
        other[0] = 2;
        assert!(!decode(&other, |_| ()));
    }
}
