//! The canonical form of a value after RFC 8785, which gives equal values equal bytes.

use std::borrow::Cow;

use super::kind::Kind;
use super::number::write_exact_number;
use super::unescape::is_whole;
use super::value::Value;
use super::write::write_text;
use crate::catalog::key::Key;
use crate::output::buffer::OutBuf;

/// Appends the canonical form of `value`, leaving out the members of its top level that `skip`
/// names.
///
/// Two departures from the letter of the RFC, both for input it does not admit: of a repeated key
/// the last value counts, and a number that is no double's shortest form keeps all of its digits:
/// two ids of twenty digits may be one double.
pub(crate) fn write_canonical(out: &mut OutBuf, value: Value<'_>, skip: &[Key]) {
    match value.kind() {
        Kind::Null | Kind::True | Kind::False => out.put(value.raw().as_bytes()),
        Kind::Integer | Kind::Number => write_exact_number(out, value.raw()),
        Kind::Word | Kind::Plain | Kind::Escaped => {
            let text = value.string().unwrap_or_default();
            if is_whole(&text) {
                write_text(out, &text);
            } else {
                // As it came, quotes around it.
                out.push(b'"');
                out.put(value.raw().as_bytes());
                out.push(b'"');
            }
        }
        Kind::Array => {
            out.push(b'[');
            for (index, item) in value.items().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_canonical(out, item, &[]);
            }
            out.push(b']');
        }
        Kind::Object => {
            let mut members: Vec<(Cow<'_, str>, Value<'_>)> = value
                .members()
                .filter(|value| !skip.iter().any(|key| *key as u8 == value.key()))
                .map(|value| (value.name(), value))
                .collect();
            // The RFC orders by UTF-16 code units. By position, too, so that of a repeated key the
            // last stays last.
            members.sort_unstable_by(|(a, one), (b, two)| {
                a.encode_utf16()
                    .cmp(b.encode_utf16())
                    .then_with(|| one.position().cmp(&two.position()))
            });
            out.push(b'{');
            let mut first = true;
            for (index, (name, value)) in members.iter().enumerate() {
                if members.get(index + 1).is_some_and(|(next, _)| next == name) {
                    continue;
                }
                if !first {
                    out.push(b',');
                }
                first = false;
                write_text(out, name);
                out.push(b':');
                write_canonical(out, *value, &[]);
            }
            out.push(b'}');
        }
    }
}
