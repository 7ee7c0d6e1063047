//! Checks that several sections share. Each reports what is wrong and passes on what is right.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use url::Url;

use crate::config::problem::Problems;
use crate::config::schema;
use crate::config::yaml::path::KeyPath;
use crate::config::yaml::scalar::{Period, Size};

/// Fluvio's own bound on names of topics.
const MAX_TOPIC_NAME: usize = 63;
/// Headers carry some of these values; servers bound a header line at a few thousand bytes.
const MAX_TOKEN: usize = 512;

/// What the messages call a credential or another value: its secrets, or its key when it is written
/// out.
pub(super) fn name_of(path: &KeyPath, problems: &Problems<'_>) -> String {
    let secrets = problems
        .tree()
        .get(path)
        .and_then(|node| node.as_text())
        .map(|text| text.secrets.as_slice());
    match secrets {
        Some(secrets) if !secrets.is_empty() => secrets
            .iter()
            .map(|name| format!("secrets.{name}"))
            .collect::<Vec<_>>()
            .join(" and "),
        _ => path.to_string(),
    }
}

/// Whether what stands here may be repeated in a message.
pub(super) fn is_open(path: &KeyPath, problems: &Problems<'_>) -> bool {
    let of_secrets = |text: &crate::config::yaml::tree::TextScalar| !text.secrets.is_empty();
    !schema::is_confidential(path)
        && !problems
            .tree()
            .get(path)
            .and_then(|node| node.as_text())
            .is_some_and(of_secrets)
}

/// A text that is not empty and has no blank at its ends (a line break at the end of a secret is
/// easily made).
pub(super) fn text(path: &KeyPath, value: String, problems: &mut Problems<'_>) -> Option<String> {
    if value.trim().is_empty() {
        problems.add(path, format!("{} is empty", name_of(path, problems)));
        return None;
    }
    if value.trim() != value || value.contains(char::is_control) {
        let name = name_of(path, problems);
        problems.add(
            path,
            format!(
                "{name} begins or ends with a blank, or holds a line break or other control \
                character"
            ),
        );
        return None;
    }
    Some(value)
}

/// An identifier that travels in a header: printable ASCII without blanks.
pub(super) fn identifier(
    path: &KeyPath,
    value: String,
    problems: &mut Problems<'_>,
) -> Option<String> {
    let fits = !value.is_empty()
        && value.len() <= MAX_TOKEN
        && value.chars().all(|letter| letter.is_ascii_graphic());
    if !fits {
        problems.expected(
            path,
            "an identifier of printable ASCII characters without blanks",
        );
    }
    fits.then_some(value)
}

/// A name the cluster accepts for a topic.
pub(super) fn topic_name(
    path: &KeyPath,
    value: String,
    problems: &mut Problems<'_>,
) -> Option<String> {
    if !is_topic_name(&value) {
        problems.expected(
            path,
            "a topic name: lower-case letters, digits and hyphens, at most 63, no hyphen at the \
            ends",
        );
        return None;
    }
    Some(value)
}

pub(super) fn is_topic_name(value: &str) -> bool {
    (1..=MAX_TOPIC_NAME).contains(&value.len())
        && value
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && !value.starts_with('-')
        && !value.ends_with('-')
}

/// An `https` or `http` URL. What the standard for browsers mends (blanks, backslashes, missing
/// slashes, capitals in the scheme) is a slip in a configuration.
pub(super) fn url(value: &str) -> Option<Url> {
    let plain = (value.starts_with("https://") || value.starts_with("http://"))
        && !value.contains(|letter: char| {
            letter.is_whitespace() || letter.is_control() || letter == '\\'
        });
    Url::parse(value).ok().filter(|url| plain && url.has_host())
}

/// A URL that secrets or personal data are sent to: https, or plain http to this machine (the
/// simulator).
pub(super) fn secure_url(path: &KeyPath, value: &str, problems: &mut Problems<'_>) -> Option<Url> {
    let Some(url) = url(value) else {
        problems.expected(path, "a URL such as https://…");
        return None;
    };
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        _ => {
            problems.expected(path, "an https URL (plain http only to localhost)");
            return None;
        }
    }
    if !url.username().is_empty() || url.password().is_some() {
        // Not `expected`: that would show the password.
        problems.add(
            path,
            "a user name or password in this URL is not understood",
        );
        return None;
    }
    if url.query().is_some() || url.fragment().is_some() {
        problems.expected(path, "a URL without `?…` and `#…`");
        return None;
    }
    Some(url)
}

/// Whether the host of a URL is this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || bare
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
        || bare
            .parse::<Ipv6Addr>()
            .is_ok_and(|address| address.is_loopback())
}

/// A duration greater than nothing.
pub(super) fn period(
    path: &KeyPath,
    value: Option<Period>,
    default: Duration,
    problems: &mut Problems<'_>,
) -> Duration {
    match value {
        Some(Period(Duration::ZERO)) => {
            problems.expected(path, "a duration greater than 0");
            default
        }
        Some(Period(period)) => period,
        None => default,
    }
}

/// A whole number from 1 to `max`.
pub(super) fn count(
    path: &KeyPath,
    value: Option<u64>,
    max: u64,
    problems: &mut Problems<'_>,
) -> Option<u64> {
    let value = value?;
    if !(1..=max).contains(&value) {
        problems.expected(path, &format!("a whole number from 1 to {max}"));
        return None;
    }
    Some(value)
}

/// A size from 1 byte to `max`.
pub(super) fn size(
    path: &KeyPath,
    value: Option<Size>,
    max: u64,
    problems: &mut Problems<'_>,
) -> Option<u64> {
    let Size(bytes) = value?;
    if !(1..=max).contains(&bytes) {
        problems.expected(path, &format!("a size from 1 to {max} bytes"));
        return None;
    }
    Some(bytes)
}

/// A checked number in the type of the model.
pub(super) fn non_zero_u32(value: Option<u64>) -> Option<NonZeroU32> {
    value
        .and_then(|value| u32::try_from(value).ok())
        .and_then(NonZeroU32::new)
}

/// A checked number in the type of the model.
pub(super) fn non_zero_usize_of(value: Option<u64>) -> Option<NonZeroUsize> {
    value
        .and_then(|value| usize::try_from(value).ok())
        .and_then(NonZeroUsize::new)
}

/// A checked number in the type of the model, or the default.
pub(super) fn non_zero_usize(value: Option<u64>, default: NonZeroUsize) -> NonZeroUsize {
    non_zero_usize_of(value).unwrap_or(default)
}

/// One of a few words.
pub(super) fn choice<T: Copy>(
    path: &KeyPath,
    value: Option<&str>,
    choices: &[(&str, T)],
    problems: &mut Problems<'_>,
) -> Option<T> {
    let value = value?;
    let chosen = choices
        .iter()
        .find(|(word, _)| *word == value)
        .map(|(_, choice)| *choice);
    if chosen.is_none() {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        problems.expected_one_of(path, &words);
    }
    chosen
}
