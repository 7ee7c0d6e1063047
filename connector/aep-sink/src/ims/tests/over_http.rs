//! The endpoint with a server on a socket.

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::*;

type Seen = Arc<Mutex<Vec<(String, String)>>>;

/// Serves these answers (status, header line, body), one a request; remembers path and body of each
/// request.
async fn serve(answers: Vec<(u16, &'static str, &'static str)>) -> (String, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/ims/token/v3", listener.local_addr().unwrap());
    let seen = Seen::default();
    let (answers, record) = (
        Arc::new(Mutex::new(VecDeque::from(answers))),
        Arc::clone(&seen),
    );
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (answers, record) = (Arc::clone(&answers), Arc::clone(&record));
            let service = service_fn(move |request: Request<Incoming>| {
                let (answers, record) = (Arc::clone(&answers), Arc::clone(&record));
                async move {
                    let kind = request.headers()["content-type"]
                        .to_str()
                        .unwrap()
                        .to_owned();
                    let line = format!("{} {} {kind}", request.method(), request.uri());
                    let body = request.into_body().collect().await?.to_bytes();
                    record
                        .lock()
                        .unwrap()
                        .push((line, String::from_utf8_lossy(&body).into_owned()));
                    let (status, retry_after, body) =
                        answers.lock().unwrap().pop_front().unwrap_or((500, "", ""));
                    let mut response = Response::new(Full::new(Bytes::from(body)));
                    *response.status_mut() = status.try_into().unwrap();
                    if !retry_after.is_empty() {
                        response
                            .headers_mut()
                            .insert("retry-after", retry_after.parse().unwrap());
                    }
                    Ok::<_, hyper::Error>(response)
                }
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(socket), service),
            );
        }
    });
    (url, seen)
}

fn source(url: &str) -> TokenSource {
    let store = crate::config::SecretStore::from_text("IMS_CLIENT_ID=a\nIMS_CLIENT_SECRET=b");
    let sample = include_str!("../../../../../connector.yaml");
    let config = crate::config::parse("sample", sample, &store).unwrap();
    let client = crate::http::clients(&config.platform).unwrap().api;
    TokenSource::new(&ims(url, false), client, RETRY)
}

#[tokio::test]
async fn request_is_a_form_in_the_body() {
    let (url, seen) = serve(vec![(
        200,
        "",
        r#"{"access_token":"abc","token_type":"bearer","expires_in":86399}"#,
    )])
    .await;
    assert_eq!(take(&source(&url)).await, "abc");
    let seen = seen.lock().unwrap();
    assert_eq!(
        seen[0].0,
        "POST /ims/token/v3 application/x-www-form-urlencoded"
    );
    assert_eq!(
        seen[0].1,
        "grant_type=client_credentials&client_id=the-id&client_secret=hush-1&scope=openid%2CAdobeID"
    );
}

#[tokio::test]
async fn date_of_the_answer_is_the_clock_of_ims() {
    let (url, _) = serve(vec![(
        200,
        "",
        r#"{"access_token":"abc","expires_in":86399}"#,
    )])
    .await;
    let source = source(&url);
    assert_eq!(
        source.server_time(Instant::now()),
        None,
        "nothing was asked yet"
    );
    take(&source).await;
    let there = source.server_time(Instant::now()).unwrap();
    let here = crate::clock::Clock::System.now_ms();
    // This machine's own server, so it is the same clock.
    assert!((here - 60_000..=here).contains(&there), "{there} at {here}");
    let later = source
        .server_time(Instant::now() + Duration::from_secs(7))
        .unwrap();
    assert!(later - there >= 7_000, "it goes on");
}

#[tokio::test]
async fn answers_of_every_kind_become_errors_that_say_whose_fault_it_is() {
    for (status, header, body, fault, part) in [
        (
            400,
            "",
            r#"{"error":"invalid_client","error_description":"invalid client_secret parameter"}"#,
            Fault::User,
            "secrets.IMS_CLIENT_SECRET",
        ),
        (
            400,
            "",
            r#"{"error":"invalid_scope"}"#,
            Fault::User,
            "ims.scope",
        ),
        (
            403,
            "",
            r#"{"error":"access_denied"}"#,
            Fault::User,
            "ims.token-url",
        ),
        (404, "", "<html>", Fault::External, "in between answers 404"),
        (
            403,
            "",
            "<html>Access denied</html>",
            Fault::External,
            "http.proxy",
        ),
        (403, "", "", Fault::External, "in between answers 403"),
        (407, "", "hush-1", Fault::External, "in between answers 407"),
        (302, "", "", Fault::External, "in between answers 302"),
        (400, "", "[]", Fault::External, "in between answers 400"),
        (429, "2", "", Fault::External, "429: it asks to wait"),
        (503, "", "<html>hush-1</html>", Fault::External, "503"),
        (200, "", "<html>hush-1</html>", Fault::External, "not JSON"),
    ] {
        let (url, _) = serve(vec![(status, header, body)]).await;
        let error = source(&url).token().await.unwrap_err();
        assert_eq!(error.fault(), fault, "{error}");
        assert!(error.to_string().contains(part), "{error}");
        assert!(!format!("{error} {error:?}").contains("hush"), "{error:?}");
    }
}

#[tokio::test]
async fn nobody_listening_is_an_external_fault_without_the_url() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let error = source(&format!("http://127.0.0.1:{port}/token"))
        .token()
        .await
        .unwrap_err();
    assert_eq!(error.fault(), Fault::External);
    assert!(error.to_string().contains("cannot be reached"), "{error}");
}
