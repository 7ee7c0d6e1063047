//! The token endpoint of Adobe IMS: the request that gets a token for the credential.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use hyper::header::{ACCEPT, CONTENT_TYPE, DATE, HeaderName, RETRY_AFTER};
use hyper::{Request, Response};

use super::response::{self, RequestError, TokenGrant};
use super::server_clock::ServerClock;
use crate::config::Ims;
use crate::http::{ApiClient, TransportError};
use crate::secret::Secret;

/// A token is a few kilobytes; a longer response is something else.
const MAX_BODY: usize = 256 << 10;

/// Requests a token with one of the client secrets. A function, so that the cache is tested without
/// sockets.
pub(super) type TokenEndpoint =
    Box<dyn Fn(Secret) -> BoxFuture<'static, Result<TokenGrant, RequestError>> + Send + Sync>;

/// The endpoint of the configuration, over HTTP.
pub(super) fn over_http(ims: &Ims, client: ApiClient, clock: Arc<ServerClock>) -> TokenEndpoint {
    let (url, id, scope) = (
        ims.token_url.clone(),
        ims.client_id.clone(),
        ims.scope.clone(),
    );
    Box::new(move |secret| {
        let request = Request::post(url.as_str())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            // In the body, not in the query, as servers log queries.
            .body(form(&id, &secret, &scope));
        let (client, clock) = (client.clone(), Arc::clone(&clock));
        Box::pin(async move {
            let request = request.map_err(|error| RequestError::Network(error.to_string()))?;
            let received: Response<Bytes> = client.exchange(request, MAX_BODY).await?;
            let header = |name: HeaderName| {
                let value = received.headers().get(name)?;
                value.to_str().ok().map(str::to_owned)
            };
            // With every status.
            if let Some(date) = header(DATE) {
                clock.observe(&date);
            }
            let retry_after = header(RETRY_AFTER);
            let status = received.status().as_u16();
            response::parse(status, retry_after.as_deref(), received.body())
        })
    })
}

impl From<TransportError> for RequestError {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Proxy(status) => Self::Proxy(status),
            TransportError::Connect(reason) | TransportError::Broken(reason) => {
                Self::Network(reason)
            }
            TransportError::Timeout => Self::Network(error.to_string()),
        }
    }
}

/// The form of the client-credentials grant, every value percent-encoded: a secret may hold `&`,
/// `+`, `%` or `=`.
fn form(id: &Secret, secret: &Secret, scope: &str) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", id.expose())
        .append_pair("client_secret", secret.expose())
        .append_pair("scope", scope)
        .finish()
        // A space: `%20` is one to every server, `+` only to those that decode forms strictly. A
        // plus of a value is `%2B` here.
        .replace('+', "%20")
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
