//! The client over real sockets. TLS, client certificates and tunnels are in the end-to-end
//! suite.

use std::io::Write;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::config::{SecretStore, parse};

const SAMPLE: &str = include_str!("../../../../connector.yaml");
const REDIRECT: &str =
    "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
const FINE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

fn platform(http: &str) -> Platform {
    let store = SecretStore::from_text("IMS_CLIENT_ID=a\nIMS_CLIENT_SECRET=b");
    parse("sample", &format!("{SAMPLE}\n  http: {http}\n"), &store)
        .unwrap()
        .platform
}

/// Accepts one connection, answers one request, and gives its head; with that, where it is asked.
async fn server(answer: &'static str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let head = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut head = vec![0; 4096];
        let read = socket.read(&mut head).await.unwrap();
        socket.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8_lossy(&head[..read]).into_owned()
    });
    (host, head)
}

async fn post(platform: &Platform, url: &str) -> Result<u16, TransportError> {
    let request = Request::post(url)
        .body(Full::new(Bytes::from_static(b"{}")))
        .unwrap();
    let answer = clients(platform)
        .unwrap()
        .inlets
        .exchange(request, 1024)
        .await?;
    Ok(answer.status().as_u16())
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let (host, head) = server(REDIRECT).await;
    assert_eq!(
        post(&platform("{}"), &format!("http://{host}/collection/x"))
            .await
            .unwrap(),
        302
    );
    let head = head.await.unwrap();
    assert!(
        head.starts_with("POST /collection/x HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(head.contains(&format!("host: {host}\r\n")), "{head}");
}

#[tokio::test]
async fn configured_proxy_gets_the_requests() {
    let (host, head) = server(FINE).await;
    let platform = platform(&format!("{{proxy: \"http://user:p%40ss@{host}\"}}"));
    let url = "http://platform.invalid/collection/x";
    post(&platform, url).await.unwrap();
    let head = head.await.unwrap();
    assert!(head.starts_with(&format!("POST {url} ")), "{head}");
    // `user:p@ss`
    assert!(
        head.contains("proxy-authorization: Basic dXNlcjpwQHNz\r\n"),
        "{head}"
    );
}

#[tokio::test]
async fn https_asks_the_proxy_for_a_tunnel_and_reports_a_refusal() {
    for (answer, status) in [
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n",
            407,
        ),
        (
            "HTTP/1.1 403 Forbidden\r\ncontent-length: 3\r\n\r\nno!",
            403,
        ),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n<html>", 502),
    ] {
        let (host, head) = server(answer).await;
        let platform = platform(&format!("{{proxy: \"http://user:pass@{host}\"}}"));
        let url = "https://platform.invalid/collection/x";
        assert_eq!(
            post(&platform, url).await,
            Err(TransportError::Proxy(status))
        );
        let head = head.await.unwrap();
        assert!(
            head.starts_with("CONNECT platform.invalid:443 HTTP/1.1\r\n"),
            "{head}"
        );
        for line in [
            "host: platform.invalid:443".to_owned(),
            "proxy-authorization: Basic dXNlcjpwYXNz".to_owned(),
            format!("user-agent: {USER_AGENT}"),
        ] {
            assert!(head.contains(&format!("{line}\r\n")), "{head}");
        }
        assert!(!head.contains("collection"), "{head}");
    }
}

#[tokio::test(start_paused = true)]
async fn host_that_never_speaks_is_given_up_after_the_connect_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let started = tokio::time::Instant::now();
    let error = post(&platform("{connect-timeout: 3s}"), &url)
        .await
        .unwrap_err();
    assert_eq!(started.elapsed().as_secs(), 3);
    assert_eq!(error, TransportError::Timeout);
}

#[test]
fn file_without_certificates_is_refused_by_name() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"no certificate").unwrap();
    let refused = |http: String| clients(&platform(&http)).unwrap_err().to_string();
    let error = refused(format!("{{ca-file: {:?}}}", file.path()));
    assert!(
        error.contains("ca-file") && error.contains("no certificate"),
        "{error}"
    );
    let error = refused("{ca-file: /nowhere/ca.pem}".to_owned());
    assert!(error.contains("/nowhere/ca.pem cannot be read"), "{error}");
    let error = refused(format!(
        "{{client-cert-file: {0:?}, client-key-file: {0:?}}}",
        file.path()
    ));
    assert!(
        error.contains("client-cert-file") && error.contains("private key"),
        "{error}"
    );
    let error = refused(format!(
        "{{client-cert-file: {:?}, client-key-file: /nowhere/key.pem}}",
        file.path()
    ));
    assert!(
        error.contains("client-key-file: /nowhere/key.pem cannot be read"),
        "{error}"
    );
}

#[test]
fn key_that_lost_its_line_breaks_is_refused_without_being_shown() {
    let certified = rcgen::generate_simple_self_signed(["sink".to_owned()]).unwrap();
    let (certificate, key) = (certified.cert.pem(), certified.signing_key.serialize_pem());
    for (from, to) in [("\n", " "), ("\n", "\\n"), ("-----END", "END"), ("M", "!")] {
        let broken = key.replace(from, to);
        let mut files = [(); 2].map(|()| tempfile::NamedTempFile::new().unwrap());
        files[0].write_all(certificate.as_bytes()).unwrap();
        files[1].write_all(broken.as_bytes()).unwrap();
        let http = format!(
            "{{client-cert-file: {:?}, client-key-file: {:?}}}",
            files[0].path(),
            files[1].path()
        );
        let error = clients(&platform(&http)).unwrap_err();
        let told = format!("{error} {error:?}");
        assert!(told.contains("private key in PEM form"), "{told}");
        // Neither as text nor as numbers.
        let body: Vec<u8> = key.lines().nth(1).unwrap().bytes().take(4).collect();
        assert!(
            !told.contains(&String::from_utf8(body.clone()).unwrap()),
            "{told}"
        );
        assert!(
            !told.contains(format!("{body:?}").trim_matches(['[', ']'])),
            "{told}"
        );
    }
}
