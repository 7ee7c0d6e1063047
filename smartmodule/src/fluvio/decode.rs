//! Decodes Fluvio's encoding in place.
//!
//! Fluvio's own types would add a tenth to the wasm's size; tests compare both.

/// From these protocol versions on, parameters carry a lookback by records, and by age.
const FIRST_WITH_LOOKBACK: i16 = 20;
const FIRST_WITH_AGE: i16 = 21;

/// One record, in place.
pub(crate) struct RecordParts<'a> {
    /// Attributes, deltas and key, as they came.
    pub(crate) before: &'a [u8],
    pub(crate) offset_delta: i64,
    pub(crate) timestamp_delta: i64,
    pub(crate) value: &'a [u8],
    pub(crate) headers: &'a [u8],
}

pub(crate) struct Decoder<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Decoder<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(count)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    pub(crate) fn int64(&mut self) -> Option<i64> {
        Some(i64::from_be_bytes(self.take(8)?.try_into().ok()?))
    }

    pub(crate) fn int32(&mut self) -> Option<i32> {
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
        Some(i64::from(
            (number >> 1).cast_signed() ^ -(number & 1).cast_signed(),
        ))
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

    #[inline(always)]
    fn data(&mut self) -> Option<&'a [u8]> {
        let length = self.varint()?;
        self.take(usize::try_from(length).ok()?)
    }

    pub(crate) fn record(&mut self) -> Option<RecordParts<'a>> {
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
            // Neither "none" nor "some": Fluvio's own types refuse it, and would refuse an answer
            // that repeats it.
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

    /// Whether an optional value follows.
    fn is_some(&mut self) -> Option<bool> {
        match *self.take(1)?.first()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = i16::from_be_bytes(self.take(2)?.try_into().ok()?);
        str::from_utf8(self.take(usize::try_from(length).unwrap_or(0))?).ok()
    }

    /// `SmartModuleExtraParams`: a map of texts, and from version 20 on how far to look back, which
    /// is passed over.
    pub(crate) fn params(&mut self, version: i16) -> Option<Vec<(String, String)>> {
        let count = u16::from_be_bytes(self.take(2)?.try_into().ok()?);
        let mut params = Vec::new();
        for _ in 0..count {
            params.push((self.text()?.to_owned(), self.text()?.to_owned()));
        }
        if version >= FIRST_WITH_LOOKBACK && self.is_some()? {
            self.take(8)?;
            if version >= FIRST_WITH_AGE && self.is_some()? {
                self.take(12)?;
            }
        }
        Some(params)
    }
}
