//! The answers: one JSON object per record.

use sha2::{Digest as _, Sha256};

use crate::input::unmapped::{Reject, Unmapped};
use crate::json::{write_integer, write_text};
use crate::output::buffer::OutBuf;
use crate::output::encode::{write_base64, write_hex};
use crate::output::padded::padded;

/// The version of the mapped and rejected answers.
pub const ANSWER_VERSION: u32 = 1;

/// A rejected record is carried along whole up to this many bytes.
pub const MAX_RAW_BYTES: usize = 256 * 1024;

/// Writes the answer to a record that is not mapped.
pub(crate) fn write_unmapped(
    out: &mut OutBuf,
    offset: i64,
    timestamp: Option<i64>,
    value: &[u8],
    unmapped: &Unmapped,
) {
    match unmapped {
        Unmapped::Skip(reason) => {
            out.put32(padded!(b"{\"offset\":"));
            write_integer(out, offset);
            out.put32(padded!(b",\"skip\":"));
            write_text(out, reason);
            out.push(b'}');
        }
        Unmapped::Reject(reject) => {
            write_head(out, offset, timestamp);
            write_reject(out, value, reject);
        }
    }
}

fn write_reject(out: &mut OutBuf, value: &[u8], reject: &Reject) {
    out.put(b",\"reject\":{\"reason\":");
    write_text(out, reject.reason);
    out.put(b",\"pointer\":");
    write_text(out, &reject.pointer);
    out.put(b",\"message\":");
    write_text(out, &reject.message);
    out.push(b'}');
    if value.len() > MAX_RAW_BYTES {
        out.put(b",\"rawBytes\":");
        out.put(value.len().to_string().as_bytes());
        out.put(b",\"rawSha256\":\"");
        write_hex(out, &Sha256::digest(value));
        out.push(b'"');
    } else if let Ok(text) = std::str::from_utf8(value) {
        out.put(b",\"raw\":");
        write_text(out, text);
    } else {
        out.put(b",\"rawBase64\":\"");
        write_base64(out, value);
        out.push(b'"');
    }
    out.push(b'}');
}

/// `{"v":1,"offset":N`, and `,"ts":N` where the record has a time: the broker drops it from what a
/// SmartModule returns.
pub(crate) fn write_head(out: &mut OutBuf, offset: i64, timestamp: Option<i64>) {
    const { assert!(ANSWER_VERSION == 1) }
    out.put32(padded!(b"{\"v\":1,\"offset\":"));
    write_integer(out, offset);
    if let Some(timestamp) = timestamp {
        out.put32(padded!(b",\"ts\":"));
        write_integer(out, timestamp);
    }
}
