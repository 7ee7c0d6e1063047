//! What the broker hands over and takes back: a batch of records in, as many answers out.
//!
//! The envelope of the call is decoded with Fluvio's own types; the records are walked in place, because the stock codec
//! copies every record three times and byte by byte. Tests hold both against each other.

use std::collections::BTreeMap;
use std::io::Cursor;

use fluvio_smartmodule::dataplane::core::{Decoder as _, Encoder as _};
use fluvio_smartmodule::dataplane::smartmodule::{
    SmartModuleExtraParams, SmartModuleInitInput, SmartModuleInitOutput, SmartModuleInitRuntimeError,
};

use crate::mapper::{Input, Mapper};
use crate::params::Params;
use crate::sink::Sink;

/// Why a call cannot be answered: the engine speaks another protocol than this module was built for.
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

/// A machine that answers batches, with the buffers it reuses from call to call.
#[derive(Debug)]
pub struct Machine {
    mapper: Mapper,
    out: Sink,
}

impl Machine {
    /// A machine with these parameters.
    #[must_use]
    pub fn new(params: Params) -> Self {
        Self {
            mapper: Mapper::new(params),
            out: Sink::default(),
        }
    }

    /// Answers every record of an encoded `SmartModuleInput`: returns how many, and an encoded `SmartModuleOutput` that
    /// is good until the next call. Key, deltas and headers of each record stay as they are.
    ///
    /// # Errors
    /// When the input is not what this version of the protocol says.
    pub fn answer(&mut self, input: &[u8], version: i16) -> Result<(i32, &[u8]), WireError> {
        self.transform(input, version, |mapper, input, out| {
            mapper.answer_into(input, out);
            true
        })
    }

    /// As [`Self::answer`], but the output holds the bare events of the mapped records and nothing of the others.
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
        write: impl Fn(&mut Mapper, Input<'_>, &mut Sink) -> bool,
    ) -> Result<(i32, &[u8]), WireError> {
        let call = Call::decode(input, version).ok_or(WireError::Input)?;
        self.out.clear();
        let mut records = Reader {
            bytes: call.records,
            at: 0,
        };
        let count = match records.int32() {
            Some(count) => count.max(0),
            None if call.records.is_empty() => 0,
            None => return Err(WireError::Records),
        };
        self.out.put(&count.to_be_bytes());
        let mut written: i32 = 0;
        let mut widths = Widths { inside: 2, value: 2 };
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

/// Writes a record as it came, with the value that `answer` writes; gives the widths of its lengths. `None`, and nothing
/// written, when `answer` has no value for it.
///
/// The value is written in its place before its length is known. Its length most likely takes as many bytes as that of
/// the record before; else the value is moved.
fn write_record(
    out: &mut Sink,
    record: &RecordParts<'_>,
    guess: Widths,
    answer: impl FnOnce(&mut Sink) -> bool,
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
        out.shift(place(guess), place(widths));
    }
    let end = out.len();
    out.truncate(start);
    write_varint(out, inside);
    out.put(record.before);
    write_varint(out, value);
    out.skip(end - out.len());
    out.put(record.headers);
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
        let mut reader = Reader { bytes: input, at: 0 };
        let base_offset = reader.int64()?;
        let length = reader.int32()?.max(0);
        let records = reader.take(usize::try_from(length).ok()?)?;
        if version <= LAST_WITH_PARAMS {
            let mut rest = Cursor::new(input.get(reader.at..)?);
            SmartModuleExtraParams::default().decode(&mut rest, version).ok()?;
            if version >= FIRST_WITH_JOIN {
                Vec::<u8>::new().decode(&mut rest, version).ok()?;
            }
            reader.at += usize::try_from(rest.position()).ok()?;
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

/// One record, in place.
struct RecordParts<'a> {
    /// Attributes, deltas and key, as they came.
    before: &'a [u8],
    offset_delta: i64,
    timestamp_delta: i64,
    value: &'a [u8],
    headers: &'a [u8],
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(count)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn int64(&mut self) -> Option<i64> {
        Some(i64::from_be_bytes(self.take(8)?.try_into().ok()?))
    }

    fn int32(&mut self) -> Option<i32> {
        Some(i32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// A zigzag varint of Fluvio's records.
    #[inline(always)]
    fn varint(&mut self) -> Option<i64> {
        // Most are below 8192.
        let short = match self.bytes.get(self.at..)? {
            [one @ ..0x80, ..] => (u32::from(*one), 1),
            [one, two @ ..0x80, ..] => (u32::from(*one & 0x7f) | u32::from(*two) << 7, 2),
            _ => return self.long_varint(),
        };
        self.at += short.1;
        let number = short.0;
        Some(i64::from((number >> 1).cast_signed() ^ -(number & 1).cast_signed()))
    }

    fn long_varint(&mut self) -> Option<i64> {
        let mut number: u64 = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.take(1)?.first()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let number = number.cast_signed();
                return Some((number >> 1) ^ -(number & 1));
            }
        }
        None
    }

    fn data(&mut self) -> Option<&'a [u8]> {
        let length = self.varint()?;
        self.take(usize::try_from(length).ok()?)
    }

    fn record(&mut self) -> Option<RecordParts<'a>> {
        self.varint()?;
        let start = self.at;
        self.take(1)?; // attributes
        let timestamp_delta = self.varint()?;
        let offset_delta = self.varint()?;
        match *self.take(1)?.first()? {
            0 => {}
            1 => {
                self.data()?; // key
            }
            // Neither "none" nor "some": Fluvio's own types refuse it, and would refuse an answer that repeats it.
            _ => return None,
        }
        let before = self.bytes.get(start..self.at)?;
        let value = self.data()?;
        let start = self.at;
        self.varint()?; // headers: a count, always 0
        let headers = self.bytes.get(start..self.at)?;
        Some(RecordParts {
            before,
            offset_delta,
            timestamp_delta,
            value,
            headers,
        })
    }
}

/// Appends a length as a zigzag varint.
fn write_varint(out: &mut Sink, length: usize) {
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
/// [`InitError::Input`] when the input cannot be decoded, else what is wrong with a parameter, encoded for the engine.
#[cold]
#[inline(never)]
pub fn init(input: &[u8], version: i16) -> Result<Params, InitError> {
    let mut decoded = SmartModuleInitInput::default();
    decoded
        .decode(&mut Cursor::new(input), version)
        .map_err(|_| InitError::Input)?;
    let pairs = pairs(&decoded.params).ok_or(InitError::Input)?;
    Params::from_pairs(pairs).map_err(|error| {
        let output = SmartModuleInitOutput {
            error: SmartModuleInitRuntimeError {
                hint: error.to_string(),
            },
        };
        let mut encoded = Vec::new();
        match output.encode(&mut encoded, version) {
            Ok(()) => InitError::Parameter(encoded),
            Err(_) => InitError::Output,
        }
    })
}

/// Why `init` failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InitError {
    /// The input cannot be decoded.
    Input,
    /// The error cannot be encoded.
    Output,
    /// A parameter is wrong: an encoded `SmartModuleInitOutput` that names it.
    Parameter(Vec<u8>),
}

/// All parameters. Fluvio's type has only `get`; at version 0 its encoding is that of its map alone.
fn pairs(params: &SmartModuleExtraParams) -> Option<BTreeMap<String, String>> {
    let mut encoded = Vec::new();
    params.encode(&mut encoded, 0).ok()?;
    let mut pairs = BTreeMap::new();
    pairs.decode(&mut Cursor::new(encoded), 0).ok()?;
    Some(pairs)
}
