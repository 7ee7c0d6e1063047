//! Characters of strings with escapes.

/// The characters of a string whose escapes the parser has checked.
pub(super) fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        out.push_str(rest.get(..at).unwrap_or(""));
        let escape = rest.get(at + 1..).unwrap_or("");
        let letter = escape.chars().next().unwrap_or('\\');
        rest = escape.get(letter.len_utf8()..).unwrap_or("");
        match letter {
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'u' => {
                let high = unit(rest);
                rest = rest.get(4..).unwrap_or("");
                let low = match (high, rest.strip_prefix("\\u")) {
                    (0xD800..=0xDBFF, Some(after)) => {
                        Some(unit(after)).filter(|low| (0xDC00..=0xDFFF).contains(low))
                    }
                    _ => None,
                };
                if let Some(low) = low {
                    rest = rest.get(6..).unwrap_or("");
                    out.push(pair(high, low));
                } else {
                    out.push(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
            }
            other => out.push(other),
        }
    }
    out.push_str(rest);
    out
}

/// Whether no half of a surrogate pair was lost; the replacement character itself counts as one.
pub(super) fn is_whole(text: &str) -> bool {
    !text.contains(char::REPLACEMENT_CHARACTER)
}

fn unit(digits: &str) -> u32 {
    digits
        .get(..4)
        .and_then(|digits| u32::from_str_radix(digits, 16).ok())
        .unwrap_or(0xFFFD)
}

fn pair(high: u32, low: u32) -> char {
    char::from_u32(0x1_0000 + ((high & 0x3FF) << 10) + (low & 0x3FF))
        .unwrap_or(char::REPLACEMENT_CHARACTER)
}
