//! An answer on its way out, and the ways its connection may end.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Sleep, sleep};

/// What becomes of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Ending {
    /// It is kept.
    #[default]
    Keep,
    /// The answer announces the end.
    Announced,
    /// It is closed after the answer without a word.
    Silent,
    /// It is lost in the middle of the body.
    Cut,
    /// It is reset instead of an answer.
    Reset,
    /// There is no answer for as long as the client waits.
    Hang,
}

/// What a request is answered with.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) content_type: Option<&'static str>,
    pub(super) retry_after: Option<String>,
    pub(super) body: Bytes,
    pub(super) ending: Ending,
    /// How long the body takes.
    pub(super) over: Duration,
}

impl Reply {
    pub(super) fn json(status: u16, body: impl Into<Bytes>) -> Self {
        Self {
            content_type: Some("application/json"),
            ..Self::empty(status)
        }
        .with_body(body)
    }

    pub(super) fn html(status: u16, body: impl Into<Bytes>) -> Self {
        Self {
            content_type: Some("text/html"),
            ..Self::empty(status)
        }
        .with_body(body)
    }

    pub(super) fn empty(status: u16) -> Self {
        Self {
            status,
            content_type: None,
            retry_after: None,
            body: Bytes::new(),
            ending: Ending::Keep,
            over: Duration::ZERO,
        }
    }

    pub(super) fn none(ending: Ending) -> Self {
        Self {
            ending,
            ..Self::empty(0)
        }
    }

    fn with_body(self, body: impl Into<Bytes>) -> Self {
        Self {
            body: body.into(),
            ..self
        }
    }

    pub(super) fn ending(self, ending: Ending) -> Self {
        Self { ending, ..self }
    }

    /// The same, its body in pieces over this time.
    pub(super) fn over(self, over: Duration) -> Self {
        Self { over, ..self }
    }

    /// The status the client gets to see, if any.
    pub(super) fn seen_status(&self) -> Option<u16> {
        (!matches!(self.ending, Ending::Reset | Ending::Hang)).then_some(self.status)
    }

    /// Half the body, in order or by losing the connection.
    pub(super) fn truncated(mut self, lose_connection: bool) -> Self {
        if lose_connection {
            self.ending = Ending::Cut;
        } else {
            self.body.truncate(self.body.len() / 2);
        }
        self
    }

    pub(super) fn into_response(self, connection: &ConnectionHandle) -> Response<ReplyBody> {
        let announced = self.body.len() as u64;
        let mut body = self.body;
        let cut = self.ending == Ending::Cut;
        if cut {
            body.truncate(body.len() / 2);
        }
        let silent = self.ending == Ending::Silent;
        let mut response = Response::new(ReplyBody {
            data: Some(body).filter(|body| !body.is_empty()),
            announced,
            cut,
            slow: (!self.over.is_zero()).then(|| Slow::new(announced, self.over)),
            _on_end: silent.then(|| OnEnd(connection.clone())),
        });
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        if let Some(content_type) = self.content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        if let Some(value) = self
            .retry_after
            .and_then(|value| HeaderValue::try_from(value).ok())
        {
            headers.insert(RETRY_AFTER, value);
        }
        if self.ending == Ending::Announced {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// What a request may ask of the connection it came on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Order {
    Reset,
    Close,
}

/// A handle on a connection.
#[derive(Debug, Clone)]
pub(super) struct ConnectionHandle(Arc<UnboundedSender<Order>>);

impl ConnectionHandle {
    pub(super) fn new(sender: UnboundedSender<Order>) -> Self {
        Self(Arc::new(sender))
    }

    pub(super) fn order(&self, order: Order) {
        // Nobody listens once the connection is gone, and then nothing is left to do.
        let _gone = self.0.send(order);
    }
}

/// Closes the connection when the body it belongs to is written.
#[derive(Debug)]
struct OnEnd(ConnectionHandle);

impl Drop for OnEnd {
    fn drop(&mut self) {
        self.0.order(Order::Close);
    }
}

/// Most pieces of a slow body: finer ones would measure the timer.
const PIECES: u64 = 200;

/// A body that takes its time.
#[derive(Debug)]
struct Slow {
    piece: usize,
    pause: Duration,
    timer: Pin<Box<Sleep>>,
}

impl Slow {
    fn new(length: u64, over: Duration) -> Self {
        let piece = length.div_ceil(PIECES).max(1);
        let pieces = u32::try_from(length / piece).unwrap_or(u32::MAX).max(1);
        let pause = over / pieces;
        Self {
            piece: usize::try_from(piece).unwrap_or(usize::MAX),
            pause,
            timer: Box::pin(sleep(pause)),
        }
    }
}

/// A body whose announced length may be a lie.
#[derive(Debug)]
pub(super) struct ReplyBody {
    data: Option<Bytes>,
    announced: u64,
    cut: bool,
    slow: Option<Slow>,
    _on_end: Option<OnEnd>,
}

/// The connection is lost on purpose.
#[derive(Debug, thiserror::Error)]
#[error("cut by a fault script")]
pub(super) struct CutOnPurpose;

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = CutOnPurpose;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutOnPurpose>>> {
        let this = self.get_mut();
        if let (Some(slow), Some(data)) = (&mut this.slow, &mut this.data) {
            ready!(slow.timer.as_mut().poll(context));
            slow.timer = Box::pin(sleep(slow.pause));
            if data.len() > slow.piece {
                let piece = data.split_to(slow.piece);
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
        }
        match this.data.take() {
            Some(data) => Poll::Ready(Some(Ok(Frame::data(data)))),
            None if this.cut => Poll::Ready(Some(Err(CutOnPurpose))),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && !self.cut
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.announced)
    }
}
