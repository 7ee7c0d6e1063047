//! Connections: accepts them, routes requests, and ends connections the way an answer says.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;

use super::control;
use super::ims;
use super::inlet;
use super::inlet::answer;
use super::landing;
use super::platform;
use super::reply::{ConnectionHandle, Ending, Order, Reply, ReplyBody};
use super::shared::Shared;

/// Serves until dropped. Connections end with it.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    shared.change(|state| state.seen.counters.connections += 1);
                    connections.spawn(connection(stream, Arc::clone(&shared)));
                }
                // Out of descriptors, or a client that left in the queue; the next one may be
                // luckier.
                Err(_) => tokio::task::yield_now().await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    // Small answers must not wait for the client's delayed acknowledgement.
    let _slower = stream.set_nodelay(true);
    let (sender, mut orders) = unbounded_channel();
    let connection = ConnectionHandle::new(sender);
    let service = service_fn(move |request| {
        Box::pin(serve_one(Arc::clone(&shared), connection.clone(), request))
    });
    let mut served = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let reset = poll_fn(|context| {
        while let Poll::Ready(Some(order)) = poll_orders(&mut orders, context) {
            match order {
                Order::Reset => return Poll::Ready(true),
                Order::Close => Pin::new(&mut served).graceful_shutdown(),
            }
        }
        served.poll_without_shutdown(context).map(|_| false)
    })
    .await;
    let mut stream = served.into_parts().io.into_inner();
    if reset {
        let _graceful = stream.set_zero_linger();
        return;
    }
    linger(&mut stream).await;
}

fn poll_orders(
    orders: &mut UnboundedReceiver<Order>,
    context: &mut std::task::Context<'_>,
) -> Poll<Option<Order>> {
    orders.poll_recv(context)
}

/// Closes the sending half and reads what the client still sends. Closing at once would reset the
/// connection when unread bytes are left, and the client could lose the answer (a 413) that is on
/// its way.
async fn linger(stream: &mut TcpStream) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let drain = async {
        let mut sink = [0; 16 * 1024];
        while stream.read(&mut sink).await.is_ok_and(|read| read > 0) {}
    };
    // A client that neither finishes nor leaves is cut off.
    let _in_time = tokio::time::timeout(Duration::from_secs(2), drain).await;
}

async fn serve_one(
    shared: Arc<Shared>,
    connection: ConnectionHandle,
    request: Request<Incoming>,
) -> Result<Response<ReplyBody>, Infallible> {
    let reply = route(&shared, request).await;
    match reply.ending {
        Ending::Reset => {
            connection.order(Order::Reset);
            std::future::pending().await
        }
        Ending::Hang => std::future::pending().await,
        _ => Ok(reply.into_response(&connection)),
    }
}

async fn route(shared: &Arc<Shared>, request: Request<Incoming>) -> Reply {
    let path = request.uri().path().to_owned();
    if let Some(id) = path.strip_prefix("/collection/batch/") {
        return inlet::serve(shared, id, true, request).await;
    }
    if let Some(id) = path.strip_prefix("/collection/") {
        return inlet::serve(shared, id, false, request).await;
    }
    if landing::serves(&path) {
        return landing::serve(shared, &request);
    }
    if let Some(rest) = path.strip_prefix("/data/") {
        return platform::serve(shared, rest, request).await;
    }
    match path.as_str() {
        "/ims/token/v3" | "/ims/token/v1" | "/ims/token" => {
            ims::serve(shared, &path, request).await
        }
        _ => match path.strip_prefix("/simulator") {
            Some(rest) => control::serve(shared, rest.trim_start_matches('/'), request).await,
            None => Reply::json(404, answer::problem(404, "No such resource")),
        },
    }
}
