//! The answers: one JSON object per record.

use sha2::{Digest as _, Sha256};

use crate::json::{write_integer, write_text};
use crate::ready::piece;
use crate::sink::Sink;
use crate::verdict::{Reject, Verdict};

/// The version of the mapped and rejected answers.
pub const ANSWER_VERSION: u32 = 1;

/// A rejected record is carried along whole up to this many bytes.
pub const MAX_RAW_BYTES: usize = 256 * 1024;

/// Writes the answer to a record that is not mapped.
pub(crate) fn write_verdict(out: &mut Sink, offset: i64, value: &[u8], verdict: &Verdict) {
    match verdict {
        Verdict::Skip(reason) => {
            out.piece(piece!(b"{\"offset\":"));
            write_integer(out, offset);
            out.piece(piece!(b",\"skip\":"));
            write_text(out, reason);
            out.push(b'}');
        }
        Verdict::Reject(reject) => write_reject(out, offset, value, reject),
    }
}

fn write_reject(out: &mut Sink, offset: i64, value: &[u8], reject: &Reject) {
    write_head(out, offset);
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

/// `{"v":1,"offset":N`
pub(crate) fn write_head(out: &mut Sink, offset: i64) {
    const { assert!(ANSWER_VERSION == 1) }
    out.piece(piece!(b"{\"v\":1,\"offset\":"));
    write_integer(out, offset);
}

/// Appends bytes as lower-case hexadecimal digits.
pub(crate) fn write_hex(out: &mut Sink, bytes: &[u8]) {
    for byte in bytes {
        for half in [byte >> 4, byte & 0xf] {
            out.push(if half < 10 {
                b'0' + half
            } else {
                b'a' + half - 10
            });
        }
    }
}

/// Appends bytes in the standard alphabet of RFC 4648, padded.
fn write_base64(out: &mut Sink, bytes: &[u8]) {
    let letter = |six: u32| match six as u8 & 0x3f {
        six @ 0..26 => b'A' + six,
        six @ 26..52 => b'a' + six - 26,
        six @ 52..62 => b'0' + six - 52,
        62 => b'+',
        _ => b'/',
    };
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        let mut four = [bits >> 18, bits >> 12, bits >> 6, bits].map(letter);
        for missing in four.iter_mut().skip(three.len() + 1) {
            *missing = b'=';
        }
        out.put(&four);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        // RFC 4648, 10, and the two letters it has no example of.
        for (bytes, text) in [
            (&b""[..], ""),
            (b"f", "Zg=="),
            (b"fo", "Zm8="),
            (b"foo", "Zm9v"),
            (b"foob", "Zm9vYg=="),
            (b"fooba", "Zm9vYmE="),
            (b"foobar", "Zm9vYmFy"),
            (b"\xff\xfe\xfb\xef\xbe\x00", "//77774A"),
        ] {
            let mut out = Sink::default();
            write_base64(&mut out, bytes);
            assert_eq!(out.written(), text.as_bytes(), "{bytes:?}");
        }
    }
}
