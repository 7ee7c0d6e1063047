//! Maps one encoded batch of the broker: records in, one answer for each out.
//!
//! The records are walked in place, because the stock codec copies every record three times and
//! byte by byte. Tests hold both against each other.

use crate::fluvio::decode::{Decoder, RecordParts};
use crate::mapper::{Input, Mapper};
use crate::output::buffer::OutBuf;
use crate::params::Params;

/// Why a call cannot be answered: the engine speaks another protocol than this module was built
/// for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireError {
    /// The call's own fields.
    Input,
    /// The records in it.
    Records,
}

/// Version 16 to 22 of the call carry the parameters and the other side of a join.
const LAST_WITH_PARAMS: i16 = 22;
const FIRST_WITH_JOIN: i16 = 16;
const FIRST_WITH_TIMESTAMP: i16 = 22;

/// Maps batches, and keeps its buffers from call to call.
#[derive(Debug)]
pub struct BatchMapper {
    mapper: Mapper,
    out: OutBuf,
}

impl BatchMapper {
    /// A batch mapper with these parameters.
    #[must_use]
    pub fn new(params: Params) -> Self {
        Self {
            mapper: Mapper::new(params),
            out: OutBuf::default(),
        }
    }

    /// Answers every record of an encoded `SmartModuleInput`: returns how many, and an encoded
    /// `SmartModuleOutput` that is good until the next call. Key, deltas and headers of each record
    /// stay as they are.
    ///
    /// # Errors
    /// When the input is not what this version of the protocol says.
    pub fn answer(&mut self, input: &[u8], version: i16) -> Result<(i32, &[u8]), WireError> {
        self.transform(input, version, |mapper, input, out| {
            mapper.answer_into(input, out);
            true
        })
    }

    /// As [`Self::answer`], but the output holds the bare events of the mapped records and nothing
    /// of the others.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub fn events(&mut self, input: &[u8], version: i16) -> Result<(i32, &[u8]), WireError> {
        self.transform(input, version, Mapper::event_into)
    }

    /// Writes what `write` makes of each record; a record of which it makes nothing is left out.
    fn transform(
        &mut self,
        input: &[u8],
        version: i16,
        write: impl Fn(&mut Mapper, Input<'_>, &mut OutBuf) -> bool,
    ) -> Result<(i32, &[u8]), WireError> {
        let call = Call::decode(input, version).ok_or(WireError::Input)?;
        self.out.clear();
        let mut records = Decoder::new(call.records);
        let count = match records.int32() {
            Some(count) => count.max(0),
            None if call.records.is_empty() => 0,
            None => return Err(WireError::Records),
        };
        self.out.put(&count.to_be_bytes());
        let mut written: i32 = 0;
        let mut widths = Widths {
            inside: 2,
            value: 2,
        };
        for _ in 0..count {
            let record = records.record().ok_or(WireError::Records)?;
            let timestamp = call
                .base_timestamp
                .and_then(|base| base.checked_add(record.timestamp_delta));
            let input = Input {
                offset: call.base_offset.saturating_add(record.offset_delta),
                timestamp: timestamp.filter(|ms| *ms > 0),
                value: record.value,
            };
            let answered = write_record(&mut self.out, &record, widths, |out| {
                write(&mut self.mapper, input, out)
            });
            if let Some(answered) = answered {
                written += 1;
                widths = answered;
            }
        }
        for (at, byte) in written.to_be_bytes().into_iter().enumerate() {
            self.out.set(at, byte);
        }
        // No error.
        self.out.push(0);
        Ok((written, self.out.written()))
    }
}

/// How many bytes the two lengths of a record take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Widths {
    /// Of the length of all that follows it.
    inside: usize,
    /// Of the value's length.
    value: usize,
}

/// Writes a record as it came, with the value that `answer` writes; gives the widths of its
/// lengths. `None`, and nothing written, when `answer` has no value for it.
///
/// The value is written in its place before its length is known. Its length most likely takes as
/// many bytes as that of the record before; else the value is moved.
fn write_record(
    out: &mut OutBuf,
    record: &RecordParts<'_>,
    guess: Widths,
    answer: impl FnOnce(&mut OutBuf) -> bool,
) -> Option<Widths> {
    let start = out.len();
    let place = |widths: Widths| start + widths.inside + record.before.len() + widths.value;
    out.skip(place(guess) - start);
    if !answer(out) {
        out.truncate(start);
        return None;
    }
    let value = out.len() - place(guess);
    let value_width = varint_size(value);
    let inside = record.before.len() + value_width + value + record.headers.len();
    let widths = Widths {
        inside: varint_size(inside),
        value: value_width,
    };
    if widths != guess {
        out.move_tail(place(guess), place(widths));
    }
    let end = out.len();
    out.truncate(start);
    write_varint(out, inside);
    out.put_inline(record.before);
    write_varint(out, value);
    out.skip(end - out.len());
    out.put_inline(record.headers);
    Some(widths)
}

/// The fields of a `SmartModuleInput`.
struct Call<'a> {
    base_offset: i64,
    base_timestamp: Option<i64>,
    records: &'a [u8],
}

impl<'a> Call<'a> {
    fn decode(input: &'a [u8], version: i16) -> Option<Self> {
        let mut reader = Decoder::new(input);
        let base_offset = reader.int64()?;
        let length = reader.int32()?.max(0);
        let records = reader.take(usize::try_from(length).ok()?)?;
        if version <= LAST_WITH_PARAMS {
            reader.params(version)?;
            if version >= FIRST_WITH_JOIN {
                let length = reader.int32()?.max(0);
                reader.take(usize::try_from(length).ok()?)?;
            }
        }
        let base_timestamp = if version >= FIRST_WITH_TIMESTAMP {
            Some(reader.int64()?)
        } else {
            None
        };
        // 0 and -1 both mean that there is none.
        Some(Self {
            base_offset,
            base_timestamp: base_timestamp.filter(|base| *base > 0),
            records,
        })
    }
}

/// Appends a length as a zigzag varint.
fn write_varint(out: &mut OutBuf, length: usize) {
    let mut rest = (length as u64) << 1;
    while rest >= 0x80 {
        out.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

const fn varint_size(length: usize) -> usize {
    match length {
        0..0x40 => 1,
        0x40..0x2000 => 2,
        0x2000..0x10_0000 => 3,
        _ => (64 - ((length as u64) << 1).leading_zeros() as usize).div_ceil(7),
    }
}

/// Reads the parameters of an encoded `SmartModuleInitInput`.
///
/// # Errors
/// [`InitError::Input`] when the input cannot be decoded, else what is wrong with a parameter,
/// encoded for the engine.
#[cold]
#[inline(never)]
pub fn init(input: &[u8], version: i16) -> Result<Params, InitError> {
    let pairs = Decoder::new(input)
        .params(version)
        .ok_or(InitError::Input)?;
    Params::from_pairs(pairs)
        .map_err(|error| InitError::Parameter(encode_error(&error.to_string())))
}

/// An encoded `SmartModuleInitOutput`: its error's one text, which has a length of 16 bits.
fn encode_error(text: &str) -> Vec<u8> {
    let mut end = text.len().min(usize::from(i16::MAX.unsigned_abs()));
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut encoded = (end as i16).to_be_bytes().to_vec();
    encoded.extend_from_slice(text.as_bytes().get(..end).unwrap_or_default());
    encoded
}

/// Why `init` failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InitError {
    /// The input cannot be decoded.
    Input,
    /// A parameter is wrong: an encoded `SmartModuleInitOutput` that names it.
    Parameter(Vec<u8>),
}
