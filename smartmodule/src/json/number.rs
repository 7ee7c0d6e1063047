//! Numbers as they come (integers, integral floats, text) and as they go out (shortest form).

/// A finite number and the decimal text it came from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number<'a> {
    text: &'a str,
    value: f64,
}

impl<'a> Number<'a> {
    /// Reads a number of the JSON grammar; `None` for anything else and for what no double can hold (`1e999`).
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        if !is_json_number(text) {
            return None;
        }
        text.parse::<f64>()
            .ok()
            .filter(|value| value.is_finite())
            .map(|value| Self { text, value })
    }

    pub(crate) const fn value(&self) -> f64 {
        self.value
    }

    /// The number without its sign.
    pub(crate) fn absolute(self) -> Self {
        Self {
            text: self.text.strip_prefix('-').unwrap_or(self.text),
            value: self.value.abs(),
        }
    }

    /// The digits of a whole number, however long and however written (`1676`, `1676.0`, `1.676e3`); no `-0`.
    /// `None` when there is a fraction.
    pub(crate) fn whole(&self) -> Option<std::borrow::Cow<'a, str>> {
        let digits = match self.text.split_once('.') {
            Some((whole, fraction)) if fraction.bytes().all(|b| b == b'0') => whole,
            Some(_) => "",
            None => self.text,
        };
        if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
            return Some(if digits == "-0" { "0".into() } else { digits.into() });
        }
        // With an exponent: exact up to 2^53, beyond which a double no longer holds every integer.
        let exact = self.value.fract() == 0.0 && self.value.abs() <= 9_007_199_254_740_992.0;
        exact.then(|| (self.value as i64).to_string().into())
    }

    /// The number as an integer, when it is one.
    pub(crate) fn integer(&self) -> Option<i64> {
        self.whole()?.parse().ok()
    }
}

fn is_json_number(text: &str) -> bool {
    let rest = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (rest, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(digits)
}

/// Appends the number in the form of RFC 8785 (ECMAScript's), which is also the shortest: `73.60` becomes `73.6`.
pub(crate) fn write_number(out: &mut Vec<u8>, number: Number<'_>) {
    // Up to 15 significant digits a decimal survives the way through a double, so its text only needs trimming.
    let plain = number.text.len() <= 16 && !number.text.contains(['e', 'E']);
    let magnitude = number.value.abs();
    if plain && (1e-6..1e15).contains(&magnitude) {
        let text = match number.text.contains('.') {
            true => number.text.trim_end_matches('0').trim_end_matches('.'),
            false => number.text,
        };
        out.extend_from_slice(text.as_bytes());
    } else {
        write_double(out, number.value);
    }
}

/// ECMAScript's `Number::toString`: digits without exponent from 1e-6 up to below 1e21.
fn write_double(out: &mut Vec<u8>, value: f64) {
    if value == 0.0 || !value.is_finite() {
        out.push(b'0');
        return;
    }
    if value < 0.0 {
        out.push(b'-');
    }
    // "d.ddde-n": Rust prints the shortest digits that read back as the same double.
    let shortest = format!("{:e}", value.abs());
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
    let count = i32::try_from(digits.len()).unwrap_or(1);
    let zeros = |out: &mut Vec<u8>, n: i32| out.extend(std::iter::repeat_n(b'0', usize::try_from(n).unwrap_or(0)));
    match exponent {
        0..=20 if exponent >= count - 1 => {
            out.extend_from_slice(&digits);
            zeros(out, exponent - count + 1);
        }
        0..=20 => {
            let (whole, fraction) = digits.split_at(usize::try_from(exponent).unwrap_or(0) + 1);
            out.extend_from_slice(whole);
            out.push(b'.');
            out.extend_from_slice(fraction);
        }
        -6..=-1 => {
            out.extend_from_slice(b"0.");
            zeros(out, -exponent - 1);
            out.extend_from_slice(&digits);
        }
        _ => {
            let (first, rest) = digits.split_at(1);
            out.extend_from_slice(first);
            if !rest.is_empty() {
                out.push(b'.');
                out.extend_from_slice(rest);
            }
            out.extend_from_slice(if exponent < 0 { b"e" } else { b"e+" });
            out.extend_from_slice(exponent.to_string().as_bytes());
        }
    }
}
