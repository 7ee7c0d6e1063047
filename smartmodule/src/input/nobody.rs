//! Values that stand where an identifier should, and are nobody's: as an identity they would join
//! strangers in one profile, for good.
//!
//! `docs/mapping.md` lists them for users.

use crate::catalog::lexicon::Lexicon;
use crate::simd::scan::is_unreserved;
use crate::values::text::Text;

/// What people and systems write for "none", without case and without anything but letters and
/// digits (`N/A`, `[null]`, `no-reply`).
const WORDS: &[&str] = &[
    "anon",
    "anonymised",
    "anonymized",
    "anonymous",
    "blank",
    "default",
    "deleted",
    "donotreply",
    "dummy",
    "empty",
    "guest",
    "invalid",
    "masked",
    "missing",
    "na",
    "nan",
    "nil",
    "nobody",
    "noemail",
    "noid",
    "nomail",
    "nomobile",
    "none",
    "nophone",
    "noreply",
    "notapplicable",
    "notavailable",
    "notprovided",
    "notset",
    "null",
    "redacted",
    "removed",
    "string",
    "tbd",
    "test",
    "unassigned",
    "undef",
    "undefined",
    "unknown",
    "unspecified",
    "void",
];

static LEXICON: Lexicon<{ WORDS.len() }> = Lexicon::of(WORDS);

/// The longest of them has no more letters.
const LONGEST: usize = 16;

/// Top-level domains that no mail can be sent to (RFC 2606, RFC 6762).
const NO_MAIL: &[&str] = &["invalid", "local", "localhost", "test"];

/// The second and the third letters of the words that begin with each letter, as bits.
static NEXT: [(u32, u32); 26] = {
    let (mut next, mut at) = ([(0, 0); 26], 0);
    while at < WORDS.len() {
        let word = WORDS[at].as_bytes();
        let (second, third) = &mut next[(word[0] - b'a') as usize];
        *second |= 1 << (word[1] - b'a');
        *third |= if word.len() > 2 {
            1 << (word[2] - b'a')
        } else {
            0
        };
        at += 1;
    }
    next
};

/// Whether it begins as none of the words does, nor anything that hides what stood there: of nearly
/// all values that tells.
#[inline(always)]
fn begins_plainly(bytes: &[u8]) -> bool {
    let &[first, second, third, ..] = bytes else {
        return false;
    };
    let place = |byte: u8| (byte | 0x20).wrapping_sub(b'a');
    let has = |bits: u32, byte: u8| place(byte) < 26 && bits >> place(byte) & 1 == 1;
    let is_letter = |byte: u8| place(byte) < 26;
    let Some((seconds, thirds)) = NEXT.get(usize::from(place(first))) else {
        return false;
    };
    place(first) != b'x' - b'a'
        && is_letter(second)
        && (!has(*seconds, second) || is_letter(third) && !has(*thirds, third))
}

/// The value, without what nobody sees, unless it is nobody's.
#[inline(always)]
pub(super) fn somebodys(text: Text<'_>) -> Option<Text<'_>> {
    let bytes = text.as_bytes();
    if begins_plainly(bytes) && is_unreserved(bytes) {
        return Some(text);
    }
    Some(visible(text)).filter(|text| !is_nobodys(text))
}

/// Whether a value is nobody's: a word for "none", nothing but zeros or signs, a number below zero,
/// or masked.
#[inline(never)]
pub(crate) fn is_nobodys(text: &str) -> bool {
    let mut word = [0; LONGEST];
    let (mut length, mut zeros) = (0, true);
    // Letters that hide what stood there, in a row; whether there are others.
    let (mut hidden, mut most_hidden, mut is_written_out) = (0, 0, false);
    let (mut stars, mut hashes) = (0, 0);
    for c in text.chars() {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' => {
                let letter = c.to_ascii_lowercase() as u8;
                if let Some(place) = word.get_mut(length) {
                    *place = letter;
                }
                length += 1;
                zeros &= letter == b'0';
                hidden = if letter == b'x' { hidden + 1 } else { 0 };
                most_hidden = most_hidden.max(hidden);
                is_written_out |= letter > b'9' && letter != b'x';
            }
            '*' => stars += 1,
            '#' => hashes += 1,
            '\u{2022}' | '\u{25cf}' | '\u{2217}' | '\u{ff0a}' | '\u{2588}' => return true,
            c if c.is_alphanumeric() => {
                (length, zeros, is_written_out) = (LONGEST + 1, false, true)
            }
            _ => {}
        }
    }
    if zeros || stars > 1 || hashes > 2 || most_hidden > 2 && !is_written_out {
        return true;
    }
    if let Some(magnitude) = text.strip_prefix('-')
        && magnitude
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'.'))
    {
        return true;
    }
    word.get(..length)
        .is_some_and(|word| LEXICON.find(word) != 0)
}

/// Whether an address, in lower case, is nobody's: its name is, it has no domain mail could be sent
/// to, or it only repeats a letter or two (`a@a.com`).
pub(super) fn is_nobodys_address(address: &str) -> bool {
    let Some((name, domain)) = address.split_once('@') else {
        return true;
    };
    let Some((labels, top)) = domain.rsplit_once('.') else {
        return true;
    };
    let is_plain_top = matches!(top.as_bytes(), [b'a'..=b'z', b'a'..=b'z', ..]);
    if !is_plain_top && (top.chars().count() < 2 || !top.contains(char::is_alphabetic)) {
        return true;
    }
    let is_word = |part: &str| !begins_plainly(part.as_bytes()) && is_nobodys(part);
    if NO_MAIL.contains(&top) || is_word(name) && !is_a_name(name) {
        return true;
    }
    // Of a longer domain the first label may be a region: `na.shop.example`.
    (is_word(labels) || labels == name && name.len() <= 3) && !labels.contains('.')
}

/// Whether the name of an address may be somebody's though the same value elsewhere is nobody's:
/// people are called Nan, Guest or Blank, and have initials.
fn is_a_name(name: &str) -> bool {
    matches!(name, "nan" | "nil" | "guest" | "blank") || name.contains('.')
}

/// Whether a telephone number, digits with or without a plus before them, is nobody's: its last ten
/// digits are one and the same, or count up from 0 or 1, or it ends in eight zeros.
#[inline(always)]
pub(super) fn is_nobodys_number(number: &str) -> bool {
    // Of nearly all numbers the last two digits tell.
    let [.., last_but_one, last] = *number.as_bytes() else {
        return true;
    };
    let next = if last_but_one == b'9' {
        b'0'
    } else {
        last_but_one + 1
    };
    (last == last_but_one || last == next) && is_made_up(number)
}

#[inline(never)]
fn is_made_up(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or(number).as_bytes();
    let tail = digits
        .get(digits.len().saturating_sub(10)..)
        .unwrap_or_default();
    let pairs = || tail.iter().zip(tail.iter().skip(1));
    let zeros = digits
        .iter()
        .rev()
        .take_while(|digit| **digit == b'0')
        .count();
    let counts_up = matches!(tail, [b'0' | b'1', ..])
        && pairs().all(|(one, two)| {
            if *one == b'9' {
                *two == b'0'
            } else {
                one + 1 == *two
            }
        });
    zeros >= 8 || counts_up || pairs().all(|(one, two)| one == two)
}

/// The text without characters nobody sees: they came along when it was copied, and make two
/// identities of one.
#[inline(never)]
pub(super) fn visible(text: Text<'_>) -> Text<'_> {
    // Most texts have letters, digits and signs only.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text;
    }
    text.map(|text| {
        let visible: String = text.chars().filter(|c| !is_invisible(*c)).collect();
        let trimmed = visible.trim();
        (trimmed.len() < text.len()).then(|| trimmed.to_owned())
    })
}

/// Control characters, blanks other than the space, marks of direction, joiners, fillers, and the
/// byte order mark.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || !c.is_ascii() && c.is_whitespace()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'
                | '\u{1160}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_as_they_are_compared() {
        for word in WORDS {
            assert!(word.len() <= LONGEST && is_nobodys(word), "{word}");
            assert!(is_nobodys(&format!("<{}>", word.to_uppercase())), "{word}");
            assert!(!is_nobodys(&format!("{word}77")), "{word}");
        }
    }

    #[test]
    fn values_that_begin_plainly_are_somebodys() {
        for text in [
            "HP-000201",
            "mara.ellison",
            "example",
            "Ab",
            "natalie",
            "abcxxx1",
        ] {
            let plain = begins_plainly(text.as_bytes());
            assert!(!plain || !is_nobodys(text), "{text}");
        }
        assert!(begins_plainly(b"HP-000201") && begins_plainly(b"mara.ellison"));
        for word in WORDS {
            assert!(!begins_plainly(word.as_bytes()), "{word}");
            assert!(!begins_plainly(word.to_uppercase().as_bytes()), "{word}");
            for at in 1..word.len() {
                let parted = format!("{}-{}", &word[..at], &word[at..]);
                assert!(!begins_plainly(parted.as_bytes()), "{parted}");
            }
        }
    }

    #[test]
    fn values_that_are_nobodys_are_told_from_ids() {
        for text in [
            "",
            "-",
            "---",
            "?",
            "N/A",
            "n.a.",
            "#N/A",
            "(none)",
            "0",
            "00000",
            "0.0",
            "-1",
            "-17",
            "00000000-0000-0000-0000-000000000000",
            "xxxx1234",
            "XXXXXXXX",
            "12xxx",
            "xxx-xxx-9",
            "******1234",
            "12**",
            "####99",
            "••1234",
            "Not Available",
            "NO_EMAIL",
        ] {
            assert!(is_nobodys(text), "{text}");
        }
        for text in [
            "1", "42", "10000", "A-17", "EXT-1", "x1", "xx12", "Xaver", "MAXXX1", "C*1", "#1",
            "6f0a1c2d", "natalie", "testa", "null1", "nonesuch", "匿名", "0x1f", "1e5", "Nana",
        ] {
            assert!(!is_nobodys(text), "{text}");
        }
    }

    #[test]
    fn addresses_that_are_nobodys_are_told_from_others() {
        for address in [
            "a@b",
            "na@na.com",
            "test@test.com",
            "abc@abc.com",
            "a@a.co",
            "none@shop.example",
            "no-reply@shop.example",
            "0@mail.example",
            "000@mail.example",
            "x@shop.invalid",
            "a.b@localhost",
            "a.b@printer.local",
            "someone@na.com",
            "someone@none.none",
            "a.b@1.2.3.4",
            "a.b@shop.c",
            "xxxx1234@mail.example",
            "someone@xxx.com",
            "someone@noemail.com",
        ] {
            assert!(is_nobodys_address(address), "{address}");
        }
        for address in [
            "mara.ellison@example.com",
            "a@example.com",
            "ab@na.shop.example",
            "natalie@shop.co.uk",
            "x1@shop.example",
            "tesla@tesla.example",
            "testa@shop.example",
            "éva@exämple.com",
            "n.a@shop.example",
            "guest@shop.example",
        ] {
            assert!(!is_nobodys_address(address), "{address}");
        }
    }

    #[test]
    fn numbers_that_are_nobodys_are_told_from_others() {
        for number in [
            "00000",
            "0000000000",
            "+910000000000",
            "9999999999",
            "919999999999",
            "+11111111111",
            "1234567890",
            "911234567890",
            "0123456789",
            "12345",
            "4400000000000",
            "12300000000",
        ] {
            assert!(is_nobodys_number(number), "{number}");
        }
        for number in [
            "12025550143",
            "+12025550100",
            "919000000001",
            "9876543210",
            "919888888888",
            "10000",
            "6789012345",
            "4915112345678",
            "4420000000",
        ] {
            assert!(!is_nobodys_number(number), "{number}");
        }
    }

    #[test]
    fn invisible_characters_are_left_out() {
        for (text, expected) in [
            ("\u{200b}700\u{feff}1", "7001"),
            ("\u{202a}+1 202\u{202c}", "+1 202"),
            ("a\u{a0}b\u{2007}", "ab"),
            ("\u{2066} é \u{2069}", "é"),
            ("\u{0}a\u{7f}", "a"),
            ("plain text", "plain text"),
            ("naïve", "naïve"),
        ] {
            assert_eq!(&*visible(Text::Any(text.into())), expected, "{text:?}");
        }
    }
}
