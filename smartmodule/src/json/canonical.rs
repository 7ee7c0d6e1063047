//! The canonical form of a value after RFC 8785, which gives equal values equal bytes.

use std::borrow::Cow;

use super::number::{Number, write_number};
use super::value::{Kind, Value};
use super::write::write_text;

/// Appends the canonical form of `value`, leaving out the members of its top level that `skip` names.
///
/// Two departures from the letter of the RFC, both for input it does not admit: of a repeated key the last value
/// counts, and a number no double can hold keeps its text.
pub(crate) fn write_canonical(out: &mut Vec<u8>, value: Value<'_>, skip: &[&str]) {
    match value.kind() {
        Kind::Null | Kind::True | Kind::False => out.extend_from_slice(value.raw().as_bytes()),
        Kind::Number => match Number::parse(value.raw()) {
            Some(number) => write_number(out, number),
            None => out.extend_from_slice(value.raw().as_bytes()),
        },
        Kind::Plain | Kind::Escaped => write_text(out, &value.string().unwrap_or_default()),
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
                .filter_map(|(name, value)| Some((name.string()?, value)))
                .filter(|(name, _)| !skip.contains(&name.as_ref()))
                .collect();
            // Stable, so of a repeated key the last stays last. The RFC orders by UTF-16 code units.
            members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
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
