//! The page for people: one file, without anything from elsewhere.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use sha2::{Digest, Sha256};

const HTML: &str = include_str!("page.html");

/// The page and what a browser may do with it.
#[derive(Debug, Clone)]
pub(super) struct Page {
    policy: HeaderValue,
}

impl Page {
    /// The style and the script of the page are allowed by their hashes; anything that found its
    /// way into the page otherwise would not run.
    pub(super) fn new() -> Self {
        let (style, script) = (hash("<style>", "</style>"), hash("<script>", "</script>"));
        let policy = format!(
            "default-src 'none'; style-src '{style}'; script-src '{script}'; connect-src 'self'; \
            img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        // Hashes are base64, so it is a header; without them nothing of the page would run, which a
        // test would notice.
        let policy =
            HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
        Self { policy }
    }

    pub(super) fn html(&self) -> Bytes {
        Bytes::from_static(HTML.as_bytes())
    }

    pub(super) fn policy(&self) -> &HeaderValue {
        &self.policy
    }
}

/// The hash of what stands between two tags.
fn hash(open: &str, close: &str) -> String {
    let inner = HTML
        .split_once(open)
        .and_then(|(_, rest)| rest.split_once(close))
        .map_or("", |(inner, _)| inner);
    format!(
        "sha256-{}",
        STANDARD.encode(Sha256::digest(inner.as_bytes()))
    )
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_loads_nothing_from_elsewhere() {
        for foreign in [
            "http:",
            "https:",
            "src=",
            "@import",
            "url(",
            "innerHTML",
            "style=\"",
            "onclick=",
            "onload=",
            "onerror=",
        ] {
            assert!(!HTML.contains(foreign), "{foreign}");
        }
        assert_eq!(HTML.matches("<style>").count(), 1);
        assert_eq!(HTML.matches("<script>").count(), 1);
        assert!(
            Page::new()
                .policy()
                .to_str()
                .unwrap()
                .contains("script-src 'sha256-")
        );
    }
}
