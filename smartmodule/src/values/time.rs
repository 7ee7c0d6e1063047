//! Instants, days and zones, without a clock.

use crate::json::{Kind, Number, Value};
use crate::output::buffer::OutBuf;
use crate::output::day::FormattedDay;
use crate::output::digits::{divide, eight_digits, number_of_eight};
use crate::values::coerce;
use crate::values::zone::{Zone, digits, offset};

const DAY_MS: i64 = 86_400_000;

/// A calendar day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Day {
    year: i64,
    month: i64,
    day: i64,
}

impl Day {
    /// `YYYY-MM-DD`, and only days that exist.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let [a, b, c, d, b'-', e, f, b'-', g, h] = *text.as_bytes() else {
            return None;
        };
        let digits = [a, b, c, d, e, f, g, h];
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let number = i64::from(number_of_eight(digits));
        let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
        let parsed = Self { year, month, day };
        // XDM has no year 0.
        (year > 0 && Self::of(parsed.number() * DAY_MS) == parsed).then_some(parsed)
    }

    /// Days since 1970-01-01 (Howard Hinnant's `days_from_civil`).
    const fn number(self) -> i64 {
        let year = if self.month <= 2 {
            self.year - 1
        } else {
            self.year
        };
        let era = year.div_euclid(400);
        let of_era = year.rem_euclid(400);
        let of_year = (153 * ((self.month + 9) % 12) + 2) / 5 + self.day - 1;
        era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
    }

    /// The UTC day of an instant (Howard Hinnant's `civil_from_days`).
    const fn of(ms: i64) -> Self {
        let days = ms.div_euclid(DAY_MS) + 719_468;
        // An ordinary date takes the divisions of 32 bits, which are multiplications.
        if 0 <= days && days < 1 << 24 {
            let (days, in_era) = (days as u32, 146_097);
            let (era, of_era) = (days / in_era, days % in_era);
            let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
            let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
            let shifted = (5 * of_year + 2) / 153;
            let month = if shifted < 10 {
                shifted + 3
            } else {
                shifted - 9
            };
            return Self {
                year: (year_of_era + era * 400 + (month <= 2) as u32) as i64,
                month: month as i64,
                day: (of_year - (153 * shifted + 2) / 5 + 1) as i64,
            };
        }
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let month = if shifted < 10 {
            shifted + 3
        } else {
            shifted - 9
        };
        let year = year_of_era + era * 400 + (month <= 2) as i64;
        Self {
            year,
            month,
            day: of_year - (153 * shifted + 2) / 5 + 1,
        }
    }

    pub(crate) fn start(self) -> i64 {
        self.number() * DAY_MS
    }
}

/// A point in time as Capillary writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Milliseconds since the epoch.
    Instant(i64),
    /// A day in the organisation's zone.
    Day(Day),
    /// Wall time in the organisation's zone, as if that zone were UTC.
    Local(i64),
}

impl Moment {
    /// Reads what the events hold: epoch milliseconds (10 digits: seconds), `YYYY-MM-DD`,
    /// `YYYY-MM-DD HH:mm:ss`, ISO 8601.
    pub(crate) fn read(value: Value<'_>) -> Option<Self> {
        match value.kind() {
            Kind::Integer | Kind::Number => epoch(value).ok().map(Self::Instant),
            Kind::Word | Kind::Plain | Kind::Escaped => {
                let text = value.trimmed()?;
                Self::parse(&text).or_else(|| {
                    Number::parse(&text)
                        .and_then(|n| epoch_number(n))
                        .map(Self::Instant)
                })
            }
            _ => None,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (date, rest) = text.split_at_checked(10)?;
        let day = Day::parse(date)?;
        let Some(rest) = rest.strip_prefix(['T', ' ']) else {
            return rest.is_empty().then_some(Self::Day(day));
        };
        let (clock, rest) = rest.split_at_checked(8)?;
        let mut parts = clock.split(':');
        let (hour, minute, second) = (
            digits(parts.next()?, 2)?,
            digits(parts.next()?, 2)?,
            digits(parts.next()?, 2)?,
        );
        if hour > 23 || minute > 59 || second > 60 || parts.next().is_some() {
            return None;
        }
        let (fraction, zone) = match rest.strip_prefix('.') {
            Some(rest) => {
                let end = rest
                    .find(|c: char| !c.is_ascii_digit())
                    .unwrap_or(rest.len());
                let (fraction, zone) = rest.split_at_checked(end)?;
                let ms = format!("{fraction:0<3}");
                (digits(ms.get(..3)?, 3)?, zone)
            }
            None => (0, rest),
        };
        let wall = day.start() + ((hour * 60 + minute) * 60 + second) * 1000 + fraction;
        match zone.trim_start() {
            "" => Some(Self::Local(wall)),
            "Z" | "z" => Some(Self::Instant(wall)),
            // `+0530` and `+05:30`.
            text => {
                let colon = if text.len() == 5 {
                    format!("{}:{}", text.get(..3)?, text.get(3..)?)
                } else {
                    text.to_owned()
                };
                offset(&colon).map(|offset| Self::Instant(wall - offset))
            }
        }
    }

    /// Whether it is so far away that it means never (tiers "expire" in 2121).
    pub(crate) fn is_never(self) -> bool {
        let day = match self {
            Self::Instant(ms) | Self::Local(ms) => Day::of(ms),
            Self::Day(day) => day,
        };
        day.year >= 2100
    }

    /// Whether it is the start of some count (1970, 1900), which stands for no time at all.
    pub(crate) fn is_unset(self) -> bool {
        let day = match self {
            Self::Instant(ms) | Self::Local(ms) => Day::of(ms),
            Self::Day(day) => day,
        };
        day.year < 2000
    }

    /// The instant a thing that is valid until this moment ends: a day ends at 23:59:59 in the
    /// organisation's zone; in UTC, when that is not known.
    pub(crate) fn end(self, zone: Option<&Zone>) -> i64 {
        let utc = |wall: i64| zone.map_or(wall, |zone| zone.utc(wall));
        match self {
            Self::Instant(ms) => ms,
            Self::Day(day) => utc(day.start() + DAY_MS - 1000),
            Self::Local(ms) => utc(ms),
        }
    }

    /// Whether `ms` lies on this day: in the given zone, or, not knowing it, anywhere on earth.
    pub(crate) fn agrees(self, ms: i64, zone: Option<&Zone>) -> bool {
        let Self::Day(day) = self else { return true };
        match zone {
            Some(zone) => Day::of(ms.saturating_add(zone.offset(ms))) == day,
            None => {
                (day.start() - 14 * 3_600_000..day.start() + DAY_MS + 12 * 3_600_000).contains(&ms)
            }
        }
    }
}

/// Why an epoch time was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadTime;

/// Milliseconds since the epoch: 13 digits as they are, 10 digits are seconds, anything else is
/// refused.
pub(crate) fn epoch(value: Value<'_>) -> Result<i64, BadTime> {
    if let Some(time) = epoch_millis(value) {
        return Ok(time);
    }
    let number = match value.kind() {
        Kind::Integer => return epoch_digits(value.raw()).ok_or(BadTime),
        _ => coerce::number(value),
    };
    number.and_then(epoch_number).ok_or(BadTime)
}

/// The year 2100, in milliseconds since the epoch.
const NEVER: i64 = 4_102_444_800_000;

/// Milliseconds since the epoch that stand there as thirteen digits, before [`NEVER`]: what nearly
/// every time is.
#[inline(always)]
pub(crate) fn epoch_millis(value: Value<'_>) -> Option<i64> {
    let (text, start, end) = value.place();
    if value.kind() != Kind::Integer || end.wrapping_sub(start) != 13 {
        return None;
    }
    let digits = text.get(start..)?;
    let (high, low) = (digits.first_chunk()?, digits.get(5..)?.first_chunk()?);
    // Five digits of the first eight are those before the last eight.
    let time = i64::from(divide::<1000>(number_of_eight(*high))) * 100_000_000
        + i64::from(number_of_eight(*low));
    (time < NEVER).then_some(time)
}

fn epoch_number(number: Number<'_>) -> Option<i64> {
    epoch_digits(&number.whole()?)
}

fn epoch_digits(digits: &str) -> Option<i64> {
    let seconds = match digits.len() {
        13 => false,
        10 => true,
        _ => return None,
    };
    let mut time: i64 = 0;
    for digit in digits.bytes() {
        if !digit.is_ascii_digit() {
            return None;
        }
        time = time * 10 + i64::from(digit - b'0');
    }
    (time > 0).then_some(if seconds { time * 1000 } else { time })
}

/// An instant; `None` when it is far away, or a day.
pub(crate) fn instant_of(value: Value<'_>) -> Option<i64> {
    match Moment::read(value)? {
        moment if moment.is_never() => None,
        Moment::Instant(ms) => Some(ms),
        Moment::Day(_) | Moment::Local(_) => None,
    }
}

/// Appends an instant as RFC 3339 in UTC with milliseconds.
#[inline(always)]
pub(crate) fn write_instant(out: &mut OutBuf, ms: i64) {
    let (number, of_day) = day_and_rest(ms);
    if out.day(number).number != number {
        *out.day(number) = format_day(number);
    }
    let seconds = divide::<1000>(of_day);
    let minutes = divide::<60>(seconds);
    let hours = divide::<60>(minutes);
    let millis = of_day - seconds * 1000;
    let tens = divide::<10>(millis);
    let clock =
        ((hours * 100 + (minutes - hours * 60)) * 100 + (seconds - minutes * 60)) * 100 + tens;
    let digits = u64::from_le_bytes(eight_digits(clock));
    let last = u64::from(b'0') + u64::from(millis - tens * 10);
    let two = |place: u32| (digits >> (16 * place)) & 0xFFFF;
    // `HH:MM:SS` and `.mmmZ`, a byte beside the other.
    const COLONS: u64 = u64::from_le_bytes(*b"\0\0:\0\0:\0\0");
    const AROUND: u64 = u64::from_le_bytes(*b".\0\0\0Z\0\0\0");
    let seconds = two(0) | two(1) << 24 | two(2) << 48 | COLONS;
    let rest = two(3) << 8 | last << 24 | AROUND;
    let day = out.day(number).text;
    out.put_prefix16(&day, 11);
    out.put_prefix8(seconds.to_le_bytes(), 8);
    out.put_prefix8(rest.to_le_bytes(), 5);
}

/// Days since 1970-01-01, and the milliseconds of the day.
#[inline(always)]
fn day_and_rest(ms: i64) -> (i64, u32) {
    // A day is 2^10 times 84 375 milliseconds.
    match u32::try_from(ms >> 10) {
        Ok(units) if units < 1 << 31 => {
            let day = i64::from(divide::<84_375>(units));
            (day, (ms - day * DAY_MS) as u32)
        }
        _ => (ms.div_euclid(DAY_MS), ms.rem_euclid(DAY_MS) as u32),
    }
}

#[inline(never)]
fn format_day(number: i64) -> FormattedDay {
    let Day { year, month, day } = Day::of(number * DAY_MS);
    // From year 0 to 9999: texts have four digits, numbers thirteen.
    let date = (year * 10_000 + month * 100 + day).unsigned_abs() as u32;
    let [a, b, c, d, e, f, g, h] = eight_digits(date);
    FormattedDay {
        number,
        text: [a, b, c, d, b'-', e, f, b'-', g, h, b'T', 0, 0, 0, 0, 0],
    }
}
