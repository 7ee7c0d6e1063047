//! Which of the words that are known here a mistyped one was meant to be.

/// Longer words are cut: the distance takes time in the product of both lengths.
const MAX_CHARS: usize = 64;

/// The candidate nearest to a mistyped word; `None` when none is near.
pub(super) fn nearest<'c>(word: &str, candidates: &[&'c str]) -> Option<&'c str> {
    let word = canonical(word);
    candidates
        .iter()
        .map(|candidate| {
            let distance = strsim::levenshtein(&word, &canonical(candidate));
            (distance, *candidate)
        })
        .filter(|(distance, candidate)| *distance <= (candidate.len() / 3).max(2))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `clientId`, `client_id` and `client-id` are the same word.
fn canonical(word: &str) -> String {
    let letters = word
        .chars()
        .filter(|letter| letter.is_alphanumeric())
        .take(MAX_CHARS);
    letters.flat_map(char::to_lowercase).collect()
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistyped_key_finds_the_nearest_right_one() {
        let keys = ["client-id", "client-secret", "token-url"];
        assert_eq!(nearest("clientId", &keys), Some("client-id"));
        assert_eq!(nearest("client_secert", &keys), Some("client-secret"));
        assert_eq!(nearest("tokenurl", &keys), Some("token-url"));
        assert_eq!(nearest("colour", &keys), None);
    }
}
