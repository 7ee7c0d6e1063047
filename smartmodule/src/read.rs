//! Lenient readers: Capillary writes "nothing" in many ways and the same number as integer, float or text.

use std::borrow::Cow;

use crate::json::{Kind, Number, Value};

/// Whether a value says nothing: null, an empty or blank text, the text `null`, an empty object or list.
#[inline(never)]
pub(crate) fn is_nothing(value: Value<'_>) -> bool {
    match value.kind() {
        Kind::Null => true,
        Kind::Plain | Kind::Escaped => value.string().is_none_or(|text| is_blank(&text)),
        Kind::Array => value.items().next().is_none(),
        Kind::Object => value.members().next().is_none(),
        Kind::True | Kind::False | Kind::Number => false,
    }
}

fn is_blank(text: &str) -> bool {
    // Nearly every text begins with something visible that is not the `n` of `null`.
    if let Some(b'!'..=b'm' | b'o'..=b'~') = text.as_bytes().first() {
        return false;
    }
    let text = text.trim();
    text.is_empty() || text == "null"
}

/// A member that says something.
#[inline(never)]
pub(crate) fn member<'a>(value: Option<Value<'a>>, key: &str) -> Option<Value<'a>> {
    value?.get(key).filter(|value| !is_nothing(*value))
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => match text.as_bytes() {
            // Nothing to trim at either end.
            [b'!'..=b'~'] | [b'!'..=b'~', .., b'!'..=b'~'] => Cow::Borrowed(text),
            _ => Cow::Borrowed(text.trim()),
        },
        Cow::Owned(text) if text.trim().len() == text.len() => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

/// A text without the blanks around it; numbers and booleans as their text. `None` for what says nothing.
#[inline(never)]
pub(crate) fn text(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value.kind() {
        Kind::Plain | Kind::Escaped => value.string().map(trimmed).filter(|text| !is_blank(text)),
        Kind::Number => Some(whole_or_raw(value)),
        Kind::True | Kind::False => Some(Cow::Borrowed(value.raw())),
        _ => None,
    }
}

fn whole_or_raw(value: Value<'_>) -> Cow<'_, str> {
    Number::parse(value.raw())
        .and_then(|number| number.whole())
        .unwrap_or(Cow::Borrowed(value.raw()))
}

/// An id as text: integers of any size, integral floats (`1676.0` is `1676`), or text. `-1` means none.
#[inline(never)]
pub(crate) fn id(value: Value<'_>) -> Option<Cow<'_, str>> {
    let id = match value.kind() {
        Kind::Number => value.number()?.whole()?,
        Kind::Plain | Kind::Escaped => text(value)?,
        _ => return None,
    };
    (id != "-1").then_some(id)
}

/// An id Capillary numbers itself: as [`id`], also when it comes as the text of a float; 0 means none, too.
#[inline(never)]
pub(crate) fn numbered(value: Value<'_>) -> Option<Cow<'_, str>> {
    let id = match id(value)? {
        Cow::Borrowed(id) => Number::parse(id)
            .and_then(|number| number.whole())
            .unwrap_or(Cow::Borrowed(id)),
        owned @ Cow::Owned(_) => owned,
    };
    (id != "0" && id != "-1").then_some(id)
}

/// A number, or a text that is one (`"14.000"`).
#[inline(never)]
pub(crate) fn number(value: Value<'_>) -> Option<Number<'_>> {
    match value.kind() {
        Kind::Number => value.number(),
        Kind::Plain => Number::parse(value.raw().trim()),
        _ => None,
    }
}

/// A boolean, or its text.
#[inline(never)]
pub(crate) fn boolean(value: Value<'_>) -> Option<bool> {
    match value.kind() {
        Kind::True => Some(true),
        Kind::False => Some(false),
        Kind::Plain if value.raw().eq_ignore_ascii_case("true") => Some(true),
        Kind::Plain if value.raw().eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}
