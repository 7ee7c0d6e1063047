//! The same over real sockets: the client against a scripted HTTP server.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::aep::{self, Transport, TransportError};
use crate::clock::Clock;
use crate::config::{Events, Inlet};
use crate::delivery::tests::settings::*;
use crate::delivery::tests::world::*;
use crate::delivery::{Delivery, Parts};
use crate::offset_tracker::revocations;

#[tokio::test]
async fn response_that_trickles_in_without_an_end_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        // An answer before the request would be another fault.
        assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
        let head = b"HTTP/1.1 207 Multi-Status\r\ncontent-length: 1000000\r\n\r\n{";
        stream.write_all(head).await.unwrap();
        let mut ticks = tokio::time::interval(Duration::from_millis(5));
        // Never silent for long: only a limit on the whole exchange ends this.
        while stream.write_all(b" ").await.is_ok() {
            ticks.tick().await;
        }
    });
    let mut config = World::new(ok).config;
    config.http.request_timeout = Duration::from_millis(200);
    let client = crate::http::clients(&config).unwrap().inlets;
    if let Events::Xdm { inlet, .. } = &mut config.events {
        inlet.batch_url = format!("http://{address}/collection/batch/ab")
            .parse()
            .unwrap();
    }
    let request = aep::Endpoint::events(&config).unwrap().probe();
    let authorization = HeaderValue::from_static("Bearer t1");
    let answer = client
        .post_within(config.http.request_timeout, &request, authorization)
        .await;
    assert_eq!(answer, Err(TransportError::Timeout));
}

/// Method, path, `Authorization` and body of each request.
type Seen = Arc<Mutex<Vec<(String, String, String, Value)>>>;

async fn answer(
    request: Request<Incoming>,
    seen: Seen,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body: Value = serde_json::from_slice(&body.collect().await?.to_bytes()).unwrap();
    let count = body["messages"].as_array().map_or(0, Vec::len);
    let authorization = head.headers["authorization"].to_str().unwrap().to_owned();
    let number = {
        let mut seen = seen.lock().unwrap();
        seen.push((
            head.method.to_string(),
            head.uri.path().to_owned(),
            authorization.clone(),
            body,
        ));
        seen.len()
    };
    let (status, body) = match number {
        _ if authorization == "Bearer t1" => (401, json!({"status": "401"})),
        2 => (503, Value::Null),
        _ => {
            let mut responses = vec![json!({"xactionId": "1:2:3"}); count];
            responses[count / 2] = json!({"statusCode": "400", "message": "Message is invalid"});
            (207, json!({"responses": responses}))
        }
    };
    let body = Full::new(Bytes::from(body.to_string()));
    Ok(Response::builder()
        .status(status)
        .header("retry-after", "0")
        .body(body)
        .unwrap())
}

#[tokio::test]
async fn records_reach_a_real_http_server_through_refusals_and_retries() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Seen::default();
    let server_seen = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let seen = Arc::clone(&server_seen);
            let service = service_fn(move |request| answer(request, Arc::clone(&seen)));
            tokio::spawn(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service),
            );
        }
    });

    let world = World::new(ok).with(|config| {
        config.events = Events::Xdm {
            inlet: Inlet {
                url: format!("http://{address}/collection/ab").parse().unwrap(),
                batch_url: format!("http://{address}/collection/batch/ab")
                    .parse()
                    .unwrap(),
                dataset_id: None,
                flow_id: None,
            },
            schema: schema(),
        };
        config.profiles = None;
    });
    let parts = Parts {
        topic: "capillary-events".to_owned(),
        tracker: Arc::clone(&world.tracker),
        revocations: revocations().1,
        metrics: Arc::clone(&world.metrics),
        conditions: Arc::clone(&world.conditions),
        recent: Arc::clone(&world.recent),
        clock: Clock::System,
        journal: None,
        transport: Arc::new(crate::http::clients(&world.config).unwrap().inlets),
        tokens: Arc::clone(&world.tokens),
        dead_letters: Arc::clone(&world.dead_letters),
        random: fastrand::Rng::with_seed(1),
    };
    let (sender, receiver) = mpsc::channel(10);
    for n in 0..9 {
        sender
            .send(world.source_item(event(&n.to_string(), &format!("c{n}"))))
            .await
            .unwrap();
    }
    drop(sender);
    Delivery::new(&world.config, parts)
        .unwrap()
        .run(receiver)
        .await
        .unwrap();

    assert_eq!((world.delivered(), world.dead()), (8, 1));
    assert_eq!(world.dead_letters()[0]["event"]["id"], "4");
    let seen = seen.lock().unwrap();
    let steps: Vec<(&str, &str, &str)> = seen
        .iter()
        .map(|(method, path, token, _)| (method.as_str(), path.as_str(), token.as_str()))
        .collect();
    let post = |token| ("POST", "/collection/batch/ab", token);
    assert_eq!(
        steps,
        [post("Bearer t1"), post("Bearer t2"), post("Bearer t2")]
    );
    assert_eq!(
        seen[0].3, seen[2].3,
        "the same records again, with the same ids"
    );
}
