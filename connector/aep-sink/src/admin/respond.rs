//! The response to each request. Only reading: nothing can be changed from here.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Response, StatusCode};

use super::page::Page;
use super::snapshot::Observer;
use super::{metrics, readiness, status};

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";
const CONTENT_SECURITY_POLICY: HeaderName = HeaderName::from_static("content-security-policy");
const REFERRER_POLICY: HeaderName = HeaderName::from_static("referrer-policy");

const PATHS: &str = "\
/         a page for people
/metrics  Prometheus
/ready    200 when records are being delivered, 503 with the reasons when not
/live     200 while the process runs
/status   everything as JSON
";

/// Responds to a request by its method and path.
pub(super) fn respond(
    observer: &Observer,
    page: &Page,
    method: &Method,
    path: &str,
) -> Response<Full<Bytes>> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        let mut refusal = response(
            StatusCode::METHOD_NOT_ALLOWED,
            TEXT,
            "only GET and HEAD are answered here\n",
        );
        refusal
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refusal;
    }
    match path {
        "/live" => response(StatusCode::OK, TEXT, "alive\n"),
        "/ready" => {
            let snapshot = observer.snapshot();
            let status = if snapshot.is_ready() {
                StatusCode::OK
            } else {
                StatusCode::SERVICE_UNAVAILABLE
            };
            response(status, TEXT, readiness::report(&snapshot))
        }
        "/metrics" => match metrics::text(&observer.metrics, &observer.snapshot()) {
            Ok(text) => response(StatusCode::OK, metrics::CONTENT_TYPE, text),
            Err(error) => response(
                StatusCode::INTERNAL_SERVER_ERROR,
                TEXT,
                format!("{error}\n"),
            ),
        },
        "/status" => match status::json(&observer.snapshot()) {
            Ok(json) => response(StatusCode::OK, JSON, json),
            Err(error) => response(
                StatusCode::INTERNAL_SERVER_ERROR,
                TEXT,
                format!("{error}\n"),
            ),
        },
        "/" => {
            let mut whole = response(StatusCode::OK, HTML, page.html());
            whole
                .headers_mut()
                .insert(CONTENT_SECURITY_POLICY, page.policy().clone());
            whole
        }
        _ => response(
            StatusCode::NOT_FOUND,
            TEXT,
            format!("there is nothing here; there is\n{PATHS}"),
        ),
    }
}

/// Refuses a request for a foreign host name: a web page whose own name was made to lead here.
pub(super) fn misdirected() -> Response<Full<Bytes>> {
    response(
        StatusCode::MISDIRECTED_REQUEST,
        TEXT,
        "this listens on the loopback interface and answers to localhost and IP addresses only\n",
    )
}

fn response(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
