//! Exchanges over real sockets, and how they fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;
use crate::aep::Endpoint;
use crate::config::{Platform, SecretStore, parse};

const SAMPLE: &str = include_str!("../../../../../connector.yaml");
const FINE: &[u8] = b"HTTP/1.1 200 OK\r\nretry-after: 7\r\ncontent-length: 2\r\n\r\n{}";

/// The sample's, with its events inlet at this address.
fn platform(address: &str) -> Platform {
    let store = SecretStore::from_text("IMS_CLIENT_ID=a\nIMS_CLIENT_SECRET=b");
    let mut platform = parse("sample", SAMPLE, &store).unwrap().platform;
    if let crate::config::Events::Xdm { inlet, .. } = &mut platform.events {
        inlet.batch_url = format!("http://{address}/collection/batch/ab?x=1")
            .parse()
            .unwrap();
    }
    platform
}

fn client(platform: &Platform) -> (InletClient, Request) {
    let client = crate::http::clients(platform).unwrap().inlets;
    (client, Endpoint::events(platform).unwrap().probe())
}

async fn post(client: &InletClient, request: &Request) -> Result<HttpResponse, TransportError> {
    client
        .post(request, HeaderValue::from_static("Bearer t"))
        .await
}

/// Reads what comes together: requests here are short.
async fn request_of(stream: &mut TcpStream) -> String {
    let mut bytes = vec![0; 4096];
    let read = stream.read(&mut bytes).await.unwrap();
    String::from_utf8_lossy(&bytes[..read]).into_owned()
}

/// Gives the first connection to `serve`; with it, its address.
async fn first<F, T>(serve: impl FnOnce(TcpStream) -> F + Send + 'static) -> (String, JoinHandle<T>)
where
    F: Future<Output = T> + Send,
    T: Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let served = tokio::spawn(async move { serve(listener.accept().await.unwrap().0).await });
    (address, served)
}

#[tokio::test]
async fn request_carries_its_headers_and_authorization() {
    let (address, served) = first(|mut stream| async move {
        let request = request_of(&mut stream).await;
        stream.write_all(FINE).await.unwrap();
        request
    })
    .await;
    let (client, request) = client(&platform(&address));
    let response = post(&client, &request).await.unwrap();
    assert_eq!(
        (response.status, response.retry_after.as_deref()),
        (200, Some("7"))
    );
    assert_eq!(response.body, "{}");
    let request = served.await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut lines = head.split("\r\n");
    assert_eq!(lines.next(), Some("POST /collection/batch/ab?x=1 HTTP/1.1"));
    let mut headers: Vec<&str> = lines.collect();
    headers.sort_unstable();
    let expected = [
        "accept: */*".to_owned(),
        "authorization: Bearer t".to_owned(),
        "content-length: 1".to_owned(),
        "content-type: application/json".to_owned(),
        format!("host: {address}"),
        format!("user-agent: {}", crate::http::USER_AGENT),
    ];
    assert_eq!(
        (headers, body),
        (expected.iter().map(String::as_str).collect(), "{")
    );
}

#[tokio::test]
async fn connection_closed_while_idle_costs_no_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let requests = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            request_of(&mut stream).await;
            seen.fetch_add(1, Ordering::Relaxed);
            stream.write_all(FINE).await.unwrap();
            // Closed without notice to the client.
        }
    });
    let (client, request) = client(&platform(&address));
    for _ in 0..20 {
        assert_eq!(post(&client, &request).await.unwrap().status, 200);
    }
    assert_eq!(requests.load(Ordering::Relaxed), 20);
}

#[tokio::test]
async fn connect_error_differs_from_a_broken_exchange() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let (nobody, request) = client(&platform(&address));
    let error = post(&nobody, &request).await.unwrap_err();
    assert!(
        matches!(&error, TransportError::Connect(text) if text.to_lowercase().contains("refused")),
        "{error:?}"
    );
    for part in [&b""[..], b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}"] {
        let (address, _) = first(move |mut stream| async move {
            request_of(&mut stream).await;
            stream.write_all(part).await.unwrap();
        })
        .await;
        let (client, request) = client(&platform(&address));
        let error = post(&client, &request).await.unwrap_err();
        assert!(matches!(error, TransportError::Broken(_)), "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn connection_that_is_never_ready_is_a_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut platform = platform("127.0.0.1:1");
    if let crate::config::Events::Xdm { inlet, .. } = &mut platform.events {
        let address = listener.local_addr().unwrap();
        // Takes the connection, and never begins TLS.
        inlet.batch_url = format!("https://{address}/collection/batch/ab")
            .parse()
            .unwrap();
    }
    let (client, request) = client(&platform);
    assert_eq!(post(&client, &request).await, Err(TransportError::Timeout));
}

#[tokio::test]
async fn response_without_an_end_is_not_kept() {
    let (address, _) = first(|mut stream| async move {
        request_of(&mut stream).await;
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        while stream.write_all(&[b' '; 1 << 16]).await.is_ok() {}
    })
    .await;
    let (client, request) = client(&platform(&address));
    assert_eq!(
        post(&client, &request).await,
        Err(TransportError::Broken("the answer is too long".to_owned()))
    );
}

#[tokio::test]
async fn proxy_that_wants_a_credential_is_the_answer_of_an_https_inlet_too() {
    for (answer, expected) in [
        ("407 Proxy Authentication Required", Ok(407)),
        ("403 Forbidden", Err(TransportError::Proxy(403))),
    ] {
        let (address, served) = first(move |mut stream| async move {
            request_of(&mut stream).await;
            let head = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
        })
        .await;
        let store = SecretStore::from_text("IMS_CLIENT_ID=a\nIMS_CLIENT_SECRET=b");
        let sample = format!("{SAMPLE}\n  http: {{proxy: \"http://{address}\"}}\n");
        let (client, request) = client(&parse("sample", &sample, &store).unwrap().platform);
        let response = post(&client, &request).await;
        assert_eq!(
            response.as_ref().map(|response| response.status),
            expected.as_ref().copied()
        );
        if let Ok(response) = response {
            let read = crate::aep::read(&response, crate::aep::Kind::Single, &[], 0);
            assert!(
                matches!(&read, crate::aep::InletResponse::Target(refusal)
                    if refusal.reason == "proxy_refuses"),
                "{read:?}"
            );
        }
        served.await.unwrap();
    }
}
