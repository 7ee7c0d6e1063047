//! Coerces values: Capillary writes "nothing" in many ways, and the same number as integer, float
//! or text.

use std::borrow::Cow;

use crate::catalog::key::Key;
use crate::json::{Kind, Number, Value};
use crate::values::text::Text;

/// Whether a value is blank: null, an empty or blank text, the text `null`, an empty object or
/// list.
#[inline(always)]
pub(crate) fn is_blank(value: Value<'_>) -> bool {
    match value.kind() {
        Kind::True | Kind::False | Kind::Integer | Kind::Number | Kind::Word => false,
        Kind::Array | Kind::Object => value.is_empty_container(),
        Kind::Null | Kind::Plain | Kind::Escaped => is_blank_string(value),
    }
}

#[inline(never)]
fn is_blank_string(value: Value<'_>) -> bool {
    value.trimmed().is_none_or(|text| is_blank_text(&text))
}

/// Of a text without blanks around it.
fn is_blank_text(text: &str) -> bool {
    text.is_empty() || text == "null"
}

/// A member, whatever it says.
#[inline(always)]
pub(crate) fn find<'a>(value: Option<Value<'a>>, key: Key) -> Option<Value<'a>> {
    value?.get(key)
}

/// A member that says something.
#[inline(never)]
pub(crate) fn member<'a>(value: Option<Value<'a>>, key: Key) -> Option<Value<'a>> {
    value?.find(key).filter(|value| !is_blank(*value))
}

/// A text without the blanks around it; numbers and booleans as their text. `None` for what says
/// nothing.
#[inline(never)]
pub(crate) fn text(value: Value<'_>) -> Option<Text<'_>> {
    text_inline(value)
}

/// As [`text`], inlined where it is needed for nearly every event.
#[inline(always)]
pub(crate) fn text_inline(value: Value<'_>) -> Option<Text<'_>> {
    match value.kind() {
        Kind::Word | Kind::Integer | Kind::True | Kind::False => Some(Text::Plain(value.raw())),
        kind => coerce_text(value, kind),
    }
}

#[inline(never)]
fn coerce_text(value: Value<'_>, kind: Kind) -> Option<Text<'_>> {
    let text = match kind {
        Kind::Plain | Kind::Escaped => match value.trimmed()? {
            Cow::Borrowed(text) => Text::Plain(text),
            Cow::Owned(text) => Text::made(text),
        },
        Kind::Number => match Number::parse(value.raw()).and_then(|number| number.whole()) {
            Some(Cow::Owned(whole)) => Text::made(whole),
            Some(Cow::Borrowed(whole)) => Text::Plain(whole),
            None => Text::Plain(value.raw()),
        },
        _ => return None,
    };
    (!is_blank_text(&text)).then_some(text)
}

/// An id as text: integers of any size, integral floats (`1676.0` is `1676`), or text. `-1` means
/// none.
#[inline(never)]
pub(crate) fn id(value: Value<'_>) -> Option<Text<'_>> {
    id_inline(value)
}

/// As [`id`], inlined where it is needed for nearly every event.
#[inline(always)]
pub(crate) fn id_inline(value: Value<'_>) -> Option<Text<'_>> {
    match value.kind() {
        Kind::Integer | Kind::Word => Some(Text::Plain(value.raw())),
        kind => coerce_id(value, kind),
    }
}

#[inline(never)]
fn coerce_id(value: Value<'_>, kind: Kind) -> Option<Text<'_>> {
    let id = match kind {
        Kind::Number => whole(value.number()?)?,
        Kind::Plain | Kind::Escaped => text(value)?,
        _ => return None,
    };
    (*id != *"-1").then_some(id)
}

fn whole(number: Number<'_>) -> Option<Text<'_>> {
    number.whole().map(|whole| match whole {
        Cow::Borrowed(whole) => Text::Plain(whole),
        Cow::Owned(whole) => Text::made(whole),
    })
}

/// An id Capillary numbers itself: as [`id`], also when it comes as the text of a float; 0 means
/// none, too.
#[inline(always)]
pub(crate) fn numbered(value: Value<'_>) -> Option<Text<'_>> {
    let (_, start, end) = value.place();
    if value.kind() == Kind::Integer && end.wrapping_sub(start) > 1 {
        return Some(Text::Plain(value.raw()));
    }
    coerce_numbered(value)
}

#[inline(never)]
fn coerce_numbered(value: Value<'_>) -> Option<Text<'_>> {
    let id = match id_inline(value)? {
        Text::Plain(id) if value.kind() == Kind::Integer => Text::Plain(id),
        Text::Plain(id) => Number::parse(id).and_then(whole).unwrap_or(Text::Plain(id)),
        made @ Text::Any(_) => made,
    };
    (*id != *"0" && *id != *"-1").then_some(id)
}

/// A number, or a text that is one (`"14.000"`).
#[inline(never)]
pub(crate) fn number(value: Value<'_>) -> Option<Number<'_>> {
    match value.kind() {
        Kind::Integer | Kind::Number => value.number(),
        // What needs an escape is no number.
        _ => match value.trimmed()? {
            Cow::Borrowed(text) => Number::parse(text),
            Cow::Owned(_) => None,
        },
    }
}

/// A number without fraction.
#[inline(never)]
pub(crate) fn integer(value: Value<'_>) -> Option<i64> {
    match value.small_integer() {
        Some(number) => Some(i64::from(number)),
        None => number(value)?.integer(),
    }
}

/// A boolean, or its text.
#[inline(never)]
pub(crate) fn boolean(value: Value<'_>) -> Option<bool> {
    match value.kind() {
        Kind::True => Some(true),
        Kind::False => Some(false),
        _ => {
            let word = value.trimmed()?;
            let is = |wanted: &str| word.eq_ignore_ascii_case(wanted);
            (is("true") || is("false")).then(|| is("true"))
        }
    }
}
