//! The bare client: posts ready-made bodies and reads the answers, and nothing else.

use std::fmt::Display;
use std::future::Future;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use serde::{Deserialize, Serialize};

use super::bodies;
use super::role::{Outcome, Role};
use crate::error::BenchError;
use crate::usage::Usage;

/// With which HTTP client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Library {
    /// `reqwest`, as a sink would usually use it.
    Reqwest,
    /// `hyper-util`, below `reqwest`: the one the connector has for its inlets.
    HyperUtil,
}

/// What the bare client is told.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Errand {
    pub(crate) library: Library,
    pub(crate) bodies: PathBuf,
    /// Where bodies go, by their place.
    pub(crate) urls: [String; 3],
    pub(crate) flow_id: String,
    pub(crate) token: String,
    /// Requests under way at once.
    pub(crate) in_flight: usize,
}

/// How long a connection is kept that nothing goes over.
const IDLE: Duration = Duration::from_secs(50);

/// A client with the connector's settings.
pub(crate) fn client(connections: usize) -> Result<Client, BenchError> {
    Client::builder()
        .user_agent("capillary-aep-sink/bench")
        .connect_timeout(Duration::from_secs(10))
        .timeout(Duration::from_secs(60))
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .http1_only()
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(connections)
        .no_proxy()
        .tls_certs_only(Vec::new())
        .build()
        .map_err(|error| failed(&error))
}

fn failed(error: &dyn std::error::Error) -> BenchError {
    BenchError::Client(Role::Bare.name(), error.to_string())
}

pub(crate) async fn run(errand: Errand) -> Result<Outcome, BenchError> {
    let bodies = bodies::read(&errand.bodies)?;
    let mut headers = HeaderMap::new();
    let header = |text: &str| HeaderValue::from_str(text).map_err(|error| failed(&error));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(AUTHORIZATION, header(&format!("Bearer {}", errand.token))?);
    headers.insert("x-adobe-flow-id", header(&errand.flow_id)?);
    match errand.library {
        Library::Reqwest => {
            let (client, urls) = (client(errand.in_flight)?, urls::<Url>(&errand)?);
            let post = |place: usize, body: Bytes| {
                let request = client
                    .post(urls[place].clone())
                    .headers(headers.clone())
                    .body(body);
                async move { request.send().await?.error_for_status()?.bytes().await }
            };
            measure(bodies, errand.in_flight, post).await
        }
        Library::HyperUtil => {
            let mut tcp = HttpConnector::new();
            tcp.set_nodelay(true);
            let client = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE)
                .pool_max_idle_per_host(errand.in_flight)
                .build::<_, Full<Bytes>>(tcp);
            let urls = urls::<Uri>(&errand)?;
            let post = |place: usize, body: Bytes| {
                let mut request = Request::new(Full::new(body));
                *request.method_mut() = hyper::Method::POST;
                *request.uri_mut() = urls[place].clone();
                *request.headers_mut() = headers.clone();
                let answer = client.request(request);
                async move {
                    let answer = answer.await.map_err(|error| error.to_string())?;
                    if !answer.status().is_success() {
                        return Err(answer.status().to_string());
                    }
                    let body = answer.into_body().collect().await;
                    body.map(|body| body.to_bytes())
                        .map_err(|error| error.to_string())
                }
            };
            measure(bodies, errand.in_flight, post).await
        }
    }
}

fn urls<T: FromStr<Err: std::error::Error>>(errand: &Errand) -> Result<Vec<T>, BenchError> {
    let parsed = errand.urls.iter().map(|url| url.parse::<T>());
    parsed
        .collect::<Result<_, _>>()
        .map_err(|error| failed(&error))
}

/// Posts all bodies, so many at once.
async fn measure<F, E>(
    bodies: Vec<(usize, Bytes)>,
    at_once: usize,
    post: impl Fn(usize, Bytes) -> F,
) -> Result<Outcome, BenchError>
where
    F: Future<Output = Result<Bytes, E>>,
    E: Display,
{
    let before = Usage::own()?;
    let start = Instant::now();
    let mut answers = stream::iter(bodies)
        .map(|(place, body)| post(place, body))
        .buffer_unordered(at_once);
    while let Some(answer) = answers.next().await {
        answer.map_err(|error| BenchError::Client(Role::Bare.name(), error.to_string()))?;
    }
    Ok(Outcome {
        seconds: start.elapsed().as_secs_f64(),
        processor: (Usage::own()?.processor - before.processor).as_secs_f64(),
    })
}
