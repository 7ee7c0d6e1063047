//! A Rust source as words and punctuation, without comments, lifetimes and most literals.

/// The tokens of a source, in order: words, `::`, plain strings, and other punctuation one
/// character at a time.
pub(super) fn tokens(source: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        if let Some(length) = skipped(rest) {
            let (literal, after) = rest.split_at(length);
            rest = after;
            if first == '"' {
                tokens.push(literal);
            }
            continue;
        }
        let length = if is_word(first) {
            rest.find(|next| !is_word(next)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after;
    }
    tokens
}

pub(super) fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The length of what starts here and is not a token.
fn skipped(rest: &str) -> Option<usize> {
    let first = rest.chars().next()?;
    if first.is_whitespace() {
        return Some(first.len_utf8());
    }
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(block_comment(rest));
    }
    if first == '\'' {
        return Some(character_or_lifetime(rest));
    }
    string(rest)
}

/// Block comments nest.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(next) = rest.get(at..).and_then(|rest| rest.find(['/', '*'])) {
        at += next;
        let here = rest.get(at..).unwrap_or_default();
        if here.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// `'a'`, `'\n'`, or the lifetime `'a`.
fn character_or_lifetime(rest: &str) -> usize {
    let mut characters = rest.char_indices().skip(1);
    let Some((_, first)) = characters.next() else {
        return rest.len();
    };
    if first == '\\' {
        // What is escaped may be a quote itself.
        return rest
            .get(3..)
            .and_then(|rest| rest.find('\''))
            .map_or(rest.len(), |end| 3 + end + 1);
    }
    match characters.next() {
        Some((at, '\'')) => at + 1,
        Some(_) => rest
            .char_indices()
            .skip(1)
            .find(|(_, next)| !is_word(*next))
            .map_or(rest.len(), |(at, _)| at),
        None => rest.len(),
    }
}

/// A string of any kind: plain, of bytes, of C, raw.
fn string(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|prefix| {
        let after = rest.strip_prefix(prefix);
        after.is_some_and(|after| {
            let hashes = after.trim_start_matches('#');
            hashes.starts_with('"') && (hashes.len() == after.len() || prefix.ends_with('r'))
        })
    })?;
    let after = rest.get(prefix.len()..)?;
    if prefix.ends_with('r') {
        let hashes = after.len() - after.trim_start_matches('#').len();
        let end = format!("\"{}", "#".repeat(hashes));
        let start = prefix.len() + hashes + 1;
        let length = rest.get(start..)?.find(&end);
        return Some(length.map_or(rest.len(), |length| start + length + end.len()));
    }
    let mut escaped = false;
    for (at, next) in after.char_indices().skip(1) {
        match next {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(prefix.len() + at + 1),
            _ => {}
        }
    }
    Some(rest.len())
}
