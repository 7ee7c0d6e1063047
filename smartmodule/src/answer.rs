//! The answers: one JSON object per record.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::json::{write_escaped, write_text};
use crate::verdict::{Reject, Verdict};

/// The version of the mapped and rejected answers.
pub const ANSWER_VERSION: u32 = 1;

/// A rejected record is carried along whole up to this many bytes.
pub const MAX_RAW_BYTES: usize = 256 * 1024;

/// Writes the answer to a record that is not mapped.
pub(crate) fn write_verdict(out: &mut Vec<u8>, offset: i64, value: &[u8], verdict: &Verdict) {
    match verdict {
        Verdict::Skip(reason) => {
            out.extend_from_slice(b"{\"offset\":");
            out.extend_from_slice(offset.to_string().as_bytes());
            out.extend_from_slice(b",\"skip\":");
            write_text(out, reason);
            out.push(b'}');
        }
        Verdict::Reject(reject) => write_reject(out, offset, value, reject),
    }
}

fn write_reject(out: &mut Vec<u8>, offset: i64, value: &[u8], reject: &Reject) {
    write_head(out, offset);
    out.extend_from_slice(b",\"reject\":{\"reason\":");
    write_text(out, reject.reason);
    out.extend_from_slice(b",\"pointer\":");
    write_text(out, &reject.pointer);
    out.extend_from_slice(b",\"message\":");
    write_text(out, &reject.message);
    out.push(b'}');
    if value.len() > MAX_RAW_BYTES {
        out.extend_from_slice(b",\"rawBytes\":");
        out.extend_from_slice(value.len().to_string().as_bytes());
        out.extend_from_slice(b",\"rawSha256\":\"");
        write_hex(out, &Sha256::digest(value));
        out.push(b'"');
    } else if let Ok(text) = std::str::from_utf8(value) {
        out.extend_from_slice(b",\"raw\":");
        write_text(out, text);
    } else {
        out.extend_from_slice(b",\"rawBase64\":\"");
        write_escaped(out, &STANDARD.encode(value));
        out.push(b'"');
    }
    out.push(b'}');
}

/// `{"v":1,"offset":N`
pub(crate) fn write_head(out: &mut Vec<u8>, offset: i64) {
    out.extend_from_slice(b"{\"v\":");
    out.extend_from_slice(ANSWER_VERSION.to_string().as_bytes());
    out.extend_from_slice(b",\"offset\":");
    out.extend_from_slice(offset.to_string().as_bytes());
}

/// Appends bytes as lower-case hexadecimal digits.
pub(crate) fn write_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        for half in [byte >> 4, byte & 0xf] {
            out.push(if half < 10 { b'0' + half } else { b'a' + half - 10 });
        }
    }
}
