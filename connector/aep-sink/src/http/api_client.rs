//! The client of what is requested now and then, such as a token of IMS.

use bytes::Bytes;
use hyper::{Request, Response, Uri};

use super::connection::connect;
use super::error::{HttpError, TransportError};
use super::inlet_client::{Connector, classify};
use super::setup::HttpSetup;

/// Sends requests by reqwest. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct ApiClient {
    client: reqwest::Client,
    /// What reqwest cannot tell is asked by it: with which status a proxy refuses a tunnel.
    proxied: Option<Connector>,
}

impl ApiClient {
    pub(super) fn new(setup: &HttpSetup<'_>) -> Result<Self, HttpError> {
        let (connector, _) = Connector::new(setup)?;
        Ok(Self {
            client: setup.reqwest()?,
            proxied: setup.proxy()?.map(|_| connector),
        })
    }

    /// Sends a request to its URL and reads the whole response, up to so many bytes, within
    /// `http.request-timeout`.
    pub(crate) async fn exchange(
        &self,
        request: Request<String>,
        longest: usize,
    ) -> Result<Response<Bytes>, TransportError> {
        let host = request.uri().clone();
        let broken = |error: reqwest::Error| {
            if error.is_timeout() {
                return TransportError::Timeout;
            }
            classify(&error, error.is_connect())
        };
        let request = reqwest::Request::try_from(request).map_err(broken)?;
        let mut received = match self.client.execute(request).await {
            Ok(received) => received,
            Err(error) if error.is_connect() => {
                return Err(self.refusal(host).await.unwrap_or_else(|| broken(error)));
            }
            Err(error) => return Err(broken(error)),
        };
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = received.status();
        *response.headers_mut() = std::mem::take(received.headers_mut());
        let mut body = Vec::new();
        while let Some(chunk) = received.chunk().await.map_err(broken)? {
            body.extend_from_slice(&chunk);
            if body.len() > longest {
                return Err(TransportError::Broken("the answer is too long".to_owned()));
            }
        }
        Ok(response.map(|_| Bytes::from(body)))
    }

    /// Whether it is the proxy that lets nobody through to this host.
    async fn refusal(&self, host: Uri) -> Option<TransportError> {
        let error = connect(self.proxied.as_ref()?, host).await.err()?;
        Some(classify(&*error, true)).filter(|error| matches!(error, TransportError::Proxy(_)))
    }
}
