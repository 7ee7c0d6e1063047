//! Numbers as they come (integers, integral floats, text) and as they go out (shortest form).

use crate::output::buffer::OutBuf;

/// A decimal of at most this many characters and without exponent survives the way through a
/// double: its text only needs trimming. (Fifteen significant digits do.)
pub(super) const PLAIN: usize = 15;

/// A finite number, as the decimal text it came as. The double is worked out only where one is
/// needed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number<'a> {
    text: &'a str,
}

impl<'a> Number<'a> {
    /// Reads a number of the JSON grammar; `None` for anything else and for what no double can hold
    /// (`1e999`).
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        if is_json_number(text) {
            Self::checked(text)
        } else {
            None
        }
    }

    /// As [`parse`](Self::parse), of a text that is known to be of the grammar.
    #[inline(always)]
    pub(super) fn checked(text: &'a str) -> Option<Self> {
        let number = Self { text };
        (text.len() <= PLAIN && !has_exponent(text) || number.value().is_finite()).then_some(number)
    }

    /// Digits alone, at most [`PLAIN`] of them.
    pub(super) const fn integer_text(text: &'a str) -> Self {
        Self { text }
    }

    pub(crate) fn value(&self) -> f64 {
        self.text.parse().unwrap_or(f64::INFINITY)
    }

    /// Whether it is 0, however written.
    pub(crate) fn is_zero(&self) -> bool {
        let is_above = |digit: u8| matches!(digit, b'1'..=b'9');
        if self.text.len() <= PLAIN && !has_exponent(self.text) {
            return !self.text.bytes().any(is_above);
        }
        self.value() == 0.0
    }

    /// Whether it is below 0.
    pub(crate) fn is_negative(&self) -> bool {
        self.text.starts_with('-') && !self.is_zero()
    }

    /// The number without its sign.
    pub(crate) fn absolute(self) -> Self {
        Self {
            text: self.text.strip_prefix('-').unwrap_or(self.text),
        }
    }

    /// The sum, exactly; `None` where it is too long, or a number has an exponent.
    pub(crate) fn plus(self, other: Self) -> Option<String> {
        let ((one, places), (two, of_two)) = (self.scaled()?, other.scaled()?);
        let most = places.max(of_two);
        let up = |number: i64, by: u32| number.checked_mul(10_i64.checked_pow(by)?);
        let sum = up(one, most - places)?.checked_add(up(two, most - of_two)?)?;
        let digits = format!("{:0>1$}", sum.unsigned_abs(), most as usize + 1);
        let (whole, fraction) = digits.split_at(digits.len() - most as usize);
        let sign = if sum < 0 { "-" } else { "" };
        Some(match fraction {
            "" => format!("{sign}{whole}"),
            _ => format!("{sign}{whole}.{fraction}"),
        })
    }

    /// As [`plus`](Self::plus), the difference.
    pub(crate) fn minus(self, other: Self) -> Option<String> {
        match other.text.strip_prefix('-') {
            Some(text) => self.plus(Number { text }),
            None => self.plus(Number {
                text: &format!("-{}", other.text),
            }),
        }
    }

    /// Its digits as a whole number, and how many of them stand behind the point.
    fn scaled(self) -> Option<(i64, u32)> {
        if self.text.len() > PLAIN || has_exponent(self.text) {
            return None;
        }
        let (whole, fraction) = self.text.split_once('.').unwrap_or((self.text, ""));
        let number = format!("{whole}{fraction}").parse().ok()?;
        Some((number, u32::try_from(fraction.len()).ok()?))
    }

    /// The digits of a whole number, however long and however written (`1676`, `1676.0`,
    /// `1.676e3`); no `-0`. `None` when there is a fraction.
    pub(crate) fn whole(&self) -> Option<std::borrow::Cow<'a, str>> {
        if is_digits(self.text) {
            return Some(self.text.into());
        }
        let digits = match self.text.split_once('.') {
            Some((whole, fraction)) if fraction.bytes().all(|b| b == b'0') => whole,
            Some(_) => "",
            None => self.text,
        };
        if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
            return Some(if digits == "-0" {
                "0".into()
            } else {
                digits.into()
            });
        }
        // With an exponent: exact up to 2^53, beyond which a double no longer holds every integer.
        let value = has_exponent(self.text).then(|| self.value())?;
        let exact = value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0;
        exact.then(|| (value as i64).to_string().into())
    }

    /// The number as an integer, when it is one.
    pub(crate) fn integer(&self) -> Option<i64> {
        let digits = self.text.as_bytes();
        if digits.len() <= PLAIN && is_digits(self.text) {
            return Some(
                digits
                    .iter()
                    .fold(0, |number, digit| number * 10 + i64::from(digit & 0xF)),
            );
        }
        self.whole()?.parse().ok()
    }
}

fn has_exponent(text: &str) -> bool {
    text.bytes().any(|b| b | 0x20 == b'e')
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_json_number(text: &str) -> bool {
    // Most texts that are asked for are ids or words.
    if is_digits(text) {
        return text == "0" || !text.starts_with('0');
    }
    if !text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
        return false;
    }
    let rest = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (
            mantissa,
            Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)),
        ),
        None => (rest, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    is_digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(is_digits)
        && exponent.is_none_or(is_digits)
}

/// Appends the number in the form of RFC 8785 (ECMAScript's), which is also the shortest: `73.60`
/// becomes `73.6`.
pub(crate) fn write_number(out: &mut OutBuf, number: Number<'_>) {
    let text = number.text;
    if text.len() <= PLAIN && is_digits(text) {
        return out.put(text.as_bytes());
    }
    if let Some(trimmed) = trimmed(text.as_bytes()) {
        return out.put(trimmed);
    }
    let magnitude = text.strip_prefix('-').unwrap_or(text);
    let plain = text.len() <= PLAIN && !has_exponent(text) && !magnitude.starts_with("0.000000");
    if !plain {
        return write_double(out, number.value());
    }
    let trimmed = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => text,
    };
    out.put(if trimmed == "-0" {
        b"0"
    } else {
        trimmed.as_bytes()
    });
}

/// Appends a number of the JSON grammar, of equal numbers the same text and of others another: as
/// [`write_number`] does, unless a double would lose digits.
pub(super) fn write_exact_number(out: &mut OutBuf, text: &str) {
    let start = out.len();
    if let Some(number) = Number::parse(text) {
        write_number(out, number);
        let written = out.written().get(start..).unwrap_or_default();
        let is_plain = text.len() <= PLAIN && !has_exponent(text);
        if is_plain || Decimal::of(text.as_bytes()) == Decimal::of(written) {
            return;
        }
        out.truncate(start);
    }
    let decimal = Decimal::of(text.as_bytes());
    if decimal.is_negative {
        out.push(b'-');
    }
    out.put(&decimal.digits);
    out.push(b'e');
    out.put(decimal.exponent.to_string().as_bytes());
}

/// The value of a number, exactly: that of its digits, which neither begin nor end with a zero,
/// times a power of ten.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    is_negative: bool,
    digits: Vec<u8>,
    /// Beyond what 64 bits hold it is the largest or smallest one.
    exponent: i64,
}

impl Decimal {
    fn of(text: &[u8]) -> Self {
        let is_exponent = |byte: &u8| byte | 0x20 == b'e';
        let mut parts = text.splitn(2, is_exponent);
        let mantissa = parts.next().unwrap_or_default();
        let exponent = parts.next().map_or(0, power_of);
        let is_negative = mantissa.first() == Some(&b'-');
        let mut fraction = mantissa.splitn(2, |byte| *byte == b'.').skip(1);
        let places = fraction.next().map_or(0, <[u8]>::len);
        let mut digits: Vec<u8> = mantissa
            .iter()
            .copied()
            .filter(u8::is_ascii_digit)
            .skip_while(|digit| *digit == b'0')
            .collect();
        let before = digits.len();
        digits.truncate(
            digits
                .iter()
                .rposition(|digit| *digit != b'0')
                .map_or(0, |last| last + 1),
        );
        if digits.is_empty() {
            return Self {
                is_negative: false,
                digits,
                exponent: 0,
            };
        }
        let zeros = i64::try_from(before - digits.len()).unwrap_or(i64::MAX);
        let places = i64::try_from(places).unwrap_or(i64::MAX);
        Self {
            is_negative,
            digits,
            exponent: exponent.saturating_add(zeros).saturating_sub(places),
        }
    }
}

/// The number behind an `e`.
fn power_of(text: &[u8]) -> i64 {
    let is_negative = text.first() == Some(&b'-');
    let digits = text.iter().filter(|byte| byte.is_ascii_digit());
    let power = digits.fold(0_i64, |power, digit| {
        power
            .saturating_mul(10)
            .saturating_add(i64::from(digit - b'0'))
    });
    if is_negative { -power } else { power }
}

/// An amount without the zeros behind it: digits, a point, digits, as most are. `None` for anything
/// else.
fn trimmed(text: &[u8]) -> Option<&[u8]> {
    if text.len() > PLAIN {
        return None;
    }
    let (mut point, mut last) = (None, 0);
    for (place, byte) in text.iter().enumerate() {
        match byte {
            b'0' => {}
            b'1'..=b'9' => last = place,
            b'.' => point = Some(place),
            _ => return None,
        }
    }
    let point = point?;
    // Below 1 it may be so small that it is written in another way.
    if text.first() == Some(&b'0') {
        return None;
    }
    text.get(..if last > point { last + 1 } else { point })
}

/// ECMAScript's `Number::toString`: digits without exponent from 1e-6 up to below 1e21.
#[cold]
#[inline(never)]
fn write_double(out: &mut OutBuf, value: f64) {
    if value == 0.0 || !value.is_finite() {
        out.push(b'0');
        return;
    }
    if value < 0.0 {
        out.push(b'-');
    }
    // The shortest digits that read back as the same double, in a form of its own; the standard
    // library's way to them is three times as much code.
    let mut buffer = ryu::Buffer::new();
    let shortest = buffer.format_finite(value.abs());
    let (mantissa, power) = shortest.split_once('e').unwrap_or((shortest, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = [whole.as_bytes(), fraction.as_bytes()].concat();
    let zeros = all.iter().take_while(|digit| **digit == b'0').count();
    let end = all
        .iter()
        .rposition(|digit| *digit != b'0')
        .map_or(0, |last| last + 1);
    let digits = all.get(zeros..end).unwrap_or_default();
    // Of the first digit.
    let exponent = power.parse().unwrap_or(0) + whole.len() as i32 - zeros as i32 - 1;
    let count = i32::try_from(digits.len()).unwrap_or(1);
    let zeros = |out: &mut OutBuf, n: i32| (0..n).for_each(|_| out.push(b'0'));
    match exponent {
        0..=20 if exponent >= count - 1 => {
            out.put(digits);
            zeros(out, exponent - count + 1);
        }
        0..=20 => {
            let (whole, fraction) = digits.split_at(usize::try_from(exponent).unwrap_or(0) + 1);
            out.put(whole);
            out.push(b'.');
            out.put(fraction);
        }
        -6..=-1 => {
            out.put(b"0.");
            zeros(out, -exponent - 1);
            out.put(digits);
        }
        _ => {
            let (first, rest) = digits.split_at(1);
            out.put(first);
            if !rest.is_empty() {
                out.push(b'.');
                out.put(rest);
            }
            out.put(if exponent < 0 { b"e" } else { b"e+" });
            out.put(exponent.to_string().as_bytes());
        }
    }
}
