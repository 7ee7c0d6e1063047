//! The request that exchanges the credential for a token.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use reqwest::Client;
use reqwest::header::{ACCEPT, CONTENT_TYPE, DATE, HeaderName, RETRY_AFTER};

use super::answer::{self, Failure, Grant};
use super::server_clock::ServerClock;
use crate::config::Ims;
use crate::http_date;
use crate::secret::Secret;

/// A token is a few kilobytes; a longer answer is something else.
const MAX_BODY: usize = 256 << 10;

/// Asks for a token with one of the client secrets. A function of its own, so that the cache is
/// tested without sockets.
pub(super) type Exchange =
    Box<dyn Fn(Secret) -> BoxFuture<'static, Result<Grant, Failure>> + Send + Sync>;

/// The real exchange, over HTTP.
pub(super) fn over_http(ims: &Ims, client: Client, clock: Arc<ServerClock>) -> Exchange {
    let (url, id, scope) = (
        ims.token_url.clone(),
        ims.client_id.clone(),
        ims.scope.clone(),
    );
    Box::new(move |secret| {
        let request = client
            .post(url.clone())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            // In the body, not in the query, as servers log queries.
            .body(form(&id, &secret, &scope));
        let clock = Arc::clone(&clock);
        Box::pin(async move {
            let mut response = request.send().await.map_err(network)?;
            let status = response.status().as_u16();
            let header = |name: HeaderName| {
                let value = response.headers().get(name)?;
                value.to_str().ok().map(str::to_owned)
            };
            let retry_after = header(RETRY_AFTER);
            // Whatever it says of the token.
            if let Some(date) = header(DATE).as_deref().and_then(http_date::parse) {
                clock.tell(date);
            }
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(network)? {
                body.extend_from_slice(&chunk);
                if body.len() > MAX_BODY {
                    return Err(Failure::Unusable("it is longer than any token"));
                }
            }
            answer::read(status, retry_after.as_deref(), &body)
        })
    })
}

/// The form of the client-credentials grant, every value percent-encoded: a secret may hold `&`,
/// `+`, `%` or `=`.
fn form(id: &Secret, secret: &Secret, scope: &str) -> String {
    format!(
        "grant_type=client_credentials&client_id={}&client_secret={}&scope={}",
        encoded(id.expose()),
        encoded(secret.expose()),
        encoded(scope)
    )
}

fn encoded(text: &str) -> String {
    text.bytes()
        .fold(String::with_capacity(text.len()), |mut out, byte| {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    out.push(char::from(byte))
                }
                _ => out.push_str(&format!("%{byte:02X}")),
            }
            out
        })
}

/// The innermost cause says most ("connection refused"); the outer ones repeat the URL.
fn network(error: reqwest::Error) -> Failure {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let reason = if error.is_timeout() {
        "no answer in time".to_owned()
    } else {
        cause.to_string()
    };
    Failure::Network(reason)
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_the_form_is_percent_encoded() {
        let form = form(
            &Secret::new("i d"),
            &Secret::new("a&b+c%d=é"),
            "openid,AdobeID",
        );
        assert_eq!(
            form,
            "grant_type=client_credentials&client_id=i%20d&client_secret=a%26b%2Bc%25d%3D%C3%A9&scope=openid%2CAdobeID"
        );
    }
}
