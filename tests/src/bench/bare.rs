//! The bare client: posts ready-made bodies and reads the answers, and nothing else.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use serde::{Deserialize, Serialize};

use super::bodies;
use super::error::BenchError;
use super::role::{Outcome, Role};
use super::usage::Usage;

/// What the bare client is told.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Errand {
    pub(super) bodies: PathBuf,
    /// Where bodies go, by their place.
    pub(super) urls: [String; 3],
    pub(super) flow_id: String,
    pub(super) token: String,
    /// Requests under way at once.
    pub(super) in_flight: usize,
}

/// The connector's HTTP client: the same crate with the same settings.
pub(super) fn client(connections: usize) -> Result<Client, BenchError> {
    Client::builder()
        .user_agent("capillary-aep-sink/bench")
        .connect_timeout(Duration::from_secs(10))
        .timeout(Duration::from_secs(60))
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .http1_only()
        .pool_idle_timeout(Duration::from_secs(50))
        .pool_max_idle_per_host(connections)
        .no_proxy()
        .tls_certs_only(Vec::new())
        .build()
        .map_err(|error| failed(&error))
}

fn failed(error: &dyn std::error::Error) -> BenchError {
    BenchError::Client(Role::Bare.name(), error.to_string())
}

pub(super) async fn run(errand: Errand) -> Result<Outcome, BenchError> {
    let bodies = bodies::read(&errand.bodies)?;
    let client = client(errand.in_flight)?;
    let urls = errand
        .urls
        .iter()
        .map(|url| url.parse::<Url>())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| failed(&error))?;
    let mut headers = HeaderMap::new();
    let header = |text: &str| HeaderValue::from_str(text).map_err(|error| failed(&error));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(AUTHORIZATION, header(&format!("Bearer {}", errand.token))?);
    headers.insert("x-adobe-flow-id", header(&errand.flow_id)?);

    let before = Usage::own()?;
    let start = Instant::now();
    let mut answers = stream::iter(bodies)
        .map(|(place, body)| {
            let request = client.post(urls[place].clone()).headers(headers.clone()).body(body);
            async move { request.send().await?.error_for_status()?.bytes().await }
        })
        .buffer_unordered(errand.in_flight);
    while let Some(answer) = answers.next().await {
        answer.map_err(|error| failed(&error))?;
    }
    Ok(Outcome {
        seconds: start.elapsed().as_secs_f64(),
        processor: (Usage::own()?.processor - before.processor).as_secs_f64(),
    })
}
