//! Documents whose strings hide plain characters behind escapes, written without.

use super::unescape::{is_whole, unescape};
use super::write::write_text;
use crate::output::buffer::OutBuf;

/// The same document with every string in its shortest form; `None` when that would change nothing
/// for the mapping, as for nearly every document.
///
/// `"4\u0038.60"` is the text `48.60`. Numbers, words, days and ids are read where they stand in
/// the document: behind such escapes they would not be found.
#[cold]
#[inline(never)]
pub(super) fn without_needless_escapes(text: &str) -> Option<String> {
    if !hides_characters(text) {
        return None;
    }
    let mut out = OutBuf::default();
    let mut rest = text;
    while let Some((before, string)) = rest.split_once('"') {
        let end = end_of_string(string);
        let (raw, behind) = string.split_at_checked(end)?;
        out.put(before.as_bytes());
        let text = unescape(raw);
        if is_whole(&text) {
            write_text(&mut out, &text);
        } else {
            out.push(b'"');
            out.put(raw.as_bytes());
            out.push(b'"');
        }
        rest = behind.strip_prefix('"')?;
    }
    out.put(rest.as_bytes());
    String::from_utf8(out.written().to_vec()).ok()
}

/// Whether an escape stands for a character that tells values apart: a letter or digit of ASCII,
/// what numbers have besides, a blank.
fn hides_characters(text: &str) -> bool {
    let tells = |code: u32| {
        char::from_u32(code).is_some_and(|c| {
            c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.') || c.is_whitespace()
        })
    };
    let mut rest = text;
    while let Some((_, escape)) = rest.split_once('\\') {
        let code = escape.strip_prefix('u').and_then(|code| code.get(..4));
        if code.is_some_and(|code| u32::from_str_radix(code, 16).is_ok_and(tells)) {
            return true;
        }
        // Behind a backslash another one begins no escape.
        rest = escape.get(1..).unwrap_or("");
    }
    false
}

/// Where the string ends whose characters `text` begins with.
fn end_of_string(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}
