//! Bytes as text: hexadecimal and base64.

use crate::output::buffer::OutBuf;

/// Appends bytes as lower-case hexadecimal digits.
pub(crate) fn write_hex(out: &mut OutBuf, bytes: &[u8]) {
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
pub(crate) fn write_base64(out: &mut OutBuf, bytes: &[u8]) {
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
    fn base64_is_that_of_rfc_4648() {
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
            let mut out = OutBuf::default();
            write_base64(&mut out, bytes);
            assert_eq!(out.written(), text.as_bytes(), "{bytes:?}");
        }
    }
}
