//! Requests to the platform's API, with the credential the connector has.

use hyper::Request;
use hyper::header::{ACCEPT, AUTHORIZATION};
use serde_json::Value;
use url::Url;

use crate::config::Platform;
use crate::http::{ApiClient, USER_AGENT};
use crate::ims::TokenSource;
use crate::secret::Secret;

/// A list of batches takes a few hundred kilobytes, a file of failed records up to some megabytes.
const MAX_BODY: usize = 16 << 20;
/// Where the configuration names none: the name every organisation's first sandbox has.
const SANDBOX: &str = "prod";

/// Why the platform could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LookError {
    /// The credential may not.
    #[error("the credential may not look at {what} ({status} {reason})")]
    Forbidden {
        what: &'static str,
        /// What somebody has to grant.
        permission: &'static str,
        status: u16,
        /// The platform's own code, if it gives one.
        reason: String,
    },
    /// It does not answer, or not as documented.
    #[error("{what}: {reason}")]
    Failed { what: &'static str, reason: String },
}

/// What is asked for, and the permission it takes. No page of Adobe's gives it for each call; these
/// are those of the page on permissions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject {
    pub(super) what: &'static str,
    pub(super) permission: &'static str,
}

/// Asks the platform. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct PlatformApi {
    client: ApiClient,
    tokens: TokenSource,
    url: Url,
    client_id: Secret,
    organization_id: String,
    sandbox: String,
}

impl PlatformApi {
    pub(crate) fn new(platform: &Platform, client: ApiClient, tokens: TokenSource) -> Self {
        Self {
            client,
            tokens,
            url: platform.api_url.clone(),
            client_id: platform.ims.client_id.clone(),
            organization_id: platform.organization_id.clone(),
            sandbox: platform
                .sandbox
                .clone()
                .unwrap_or_else(|| SANDBOX.to_owned()),
        }
    }

    /// The body of a response; `None` for 404.
    pub(super) async fn get(
        &self,
        subject: Subject,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Option<Vec<u8>>, LookError> {
        let failed = |reason: String| LookError::Failed {
            what: subject.what,
            reason,
        };
        let token = self.tokens.token().await;
        let token = token.map_err(|error| failed(error.to_string()))?;
        let mut url = self.url.clone();
        url.set_path(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = Request::get(url.as_str())
            .header(ACCEPT, "application/json")
            .header(AUTHORIZATION, token.bearer())
            .header("x-api-key", self.client_id.expose())
            .header("x-gw-ims-org-id", &self.organization_id)
            .header("x-sandbox-name", &self.sandbox)
            .header("user-agent", USER_AGENT)
            .body(String::new())
            .map_err(|error| failed(error.to_string()))?;
        let response = self.client.exchange(request, MAX_BODY).await;
        let response = response.map_err(|error| failed(error.to_string()))?;
        match response.status().as_u16() {
            200 => Ok(Some(response.into_body().to_vec())),
            404 => Ok(None),
            status @ (401 | 403) => Err(LookError::Forbidden {
                what: subject.what,
                permission: subject.permission,
                status,
                reason: code(response.body()),
            }),
            status => Err(failed(format!("it answers {status}"))),
        }
    }

    /// The same, read as JSON.
    pub(super) async fn json(
        &self,
        subject: Subject,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Option<Value>, LookError> {
        let Some(body) = self.get(subject, path, query).await? else {
            return Ok(None);
        };
        let json = serde_json::from_slice(&body).map_err(|error| LookError::Failed {
            what: subject.what,
            reason: format!("its answer is no JSON: {error}"),
        })?;
        Ok(Some(json))
    }
}

/// The gateway's code of a refusal. Only digits: nothing else of a body is logged.
fn code(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let code = body["error_code"].as_str().unwrap_or_default();
    code.chars().filter(char::is_ascii_digit).take(8).collect()
}
