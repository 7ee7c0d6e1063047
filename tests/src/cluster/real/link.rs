//! A link between clients and one server of a real cluster: it carries Fluvio's frames, and can
//! cut, lose or answer them.
//!
//! The mock cluster has faults of its own. A real broker cannot be told to lose an answer, but the
//! way to it can.

use std::collections::HashSet;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Mutex, PoisonError};

use bytes::{Buf, BufMut, BytesMut};
use fluvio_protocol::Encoder;
use fluvio_protocol::api::{Request, ResponseMessage};
use fluvio_protocol::link::ErrorCode;
use fluvio_spu_schema::server::consumer_offset::{
    UpdateConsumerOffsetRequest, UpdateConsumerOffsetResponse,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex as Turn, watch};
use tokio::task::{AbortHandle, JoinSet};

use crate::cluster::error::{ClusterError, failed};

/// What goes wrong on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkFault {
    /// Nothing.
    #[default]
    None,
    /// A commit reaches the broker; instead of its answer the connection is lost.
    CommitAnswersLost,
    /// A commit does not reach the broker; it is answered with an error.
    CommitsRefused,
    /// Connections are lost in the middle of an answer.
    CutInAnswers,
    /// What goes to the controller is swallowed on the way, and so is what it says.
    ControllerSilent,
}

/// A longer frame is none of Fluvio's.
const LONGEST: usize = 64 << 20;
/// Answers below this are no data: cutting them would only keep clients from connecting.
const DATA: usize = 200;

#[derive(Clone, Copy, Debug, Default)]
struct Control {
    fault: LinkFault,
    /// Counts up; a connection ends when it changes.
    cuts: u64,
}

/// A listening port and the server behind it.
pub(crate) struct Link {
    control: watch::Sender<Control>,
    task: AbortHandle,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Link {
    /// Listens on a loopback port for what goes to another one.
    pub(crate) async fn open(port: u16, target: u16) -> Result<Link, ClusterError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .map_err(failed("opening a link"))?;
        let control = watch::Sender::new(Control::default());
        let watched = control.subscribe();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => if let Ok((client, _)) = accepted {
                        connections.spawn(carry(client, target, watched.clone()));
                    },
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        Ok(Link {
            control,
            task: task.abort_handle(),
        })
    }

    pub(crate) fn fail(&self, fault: LinkFault) {
        self.control.send_modify(|control| control.fault = fault);
    }

    pub(crate) fn cut(&self) {
        self.control.send_modify(|control| control.cuts += 1);
    }
}

/// One connection, until either side or the test ends it.
async fn carry(client: TcpStream, target: u16, mut control: watch::Receiver<Control>) {
    let begun = control.borrow().cuts;
    // While the server is down, the client sees its connection close.
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await else {
        return;
    };
    for stream in [&client, &server] {
        let _slower = stream.set_nodelay(true);
    }
    let relayed = relay(client, server, control.clone());
    tokio::select! {
        _ = control.wait_for(|control| control.cuts != begun) => {}
        _ended = relayed => {}
    }
}

async fn relay(
    client: TcpStream,
    server: TcpStream,
    control: watch::Receiver<Control>,
) -> io::Result<()> {
    let (mut from_client, to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let to_client = Turn::new(to_client);
    // Requests whose answer is to be lost.
    let doomed: Mutex<HashSet<i32>> = Mutex::default();
    let doomed = || doomed.lock().unwrap_or_else(PoisonError::into_inner);
    let requests = async {
        loop {
            let frame = frame(&mut from_client).await?;
            let fault = control.borrow().fault;
            match commit(&frame) {
                Some((correlation, _)) if fault == LinkFault::CommitAnswersLost => {
                    doomed().insert(correlation);
                    to_server.write_all(&frame).await?;
                }
                Some((correlation, version)) if fault == LinkFault::CommitsRefused => {
                    refuse(&to_client, correlation, version).await?;
                }
                _ if fault == LinkFault::ControllerSilent => {}
                _ => to_server.write_all(&frame).await?,
            }
        }
    };
    let answers = async {
        loop {
            let frame = frame(&mut from_server).await?;
            if correlation(&frame).is_some_and(|correlation| doomed().contains(&correlation)) {
                return Ok(());
            }
            let fault = control.borrow().fault;
            if fault == LinkFault::ControllerSilent {
                continue;
            }
            let cut = fault == LinkFault::CutInAnswers && frame.len() > DATA;
            let part = if cut {
                &frame[..frame.len() / 2]
            } else {
                &frame
            };
            to_client.lock().await.write_all(part).await?;
            if cut {
                return Ok(());
            }
        }
    };
    tokio::select! {
        ended = requests => ended,
        ended = answers => ended,
    }
}

/// One frame with its length in front.
async fn frame(from: &mut OwnedReadHalf) -> io::Result<Vec<u8>> {
    let length = from.read_u32().await?;
    let size = usize::try_from(length).unwrap_or(usize::MAX);
    if size > LONGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut frame = vec![0; 4 + size];
    frame[..4].copy_from_slice(&length.to_be_bytes());
    from.read_exact(&mut frame[4..]).await?;
    Ok(frame)
}

/// The first number after the length: the request that an answer belongs to.
fn correlation(answer: &[u8]) -> Option<i32> {
    answer.get(4..8).map(|mut bytes| bytes.get_i32())
}

/// Correlation and version of a request that commits an offset.
fn commit(request: &[u8]) -> Option<(i32, i16)> {
    let mut header = request.get(4..12)?;
    let (key, version) = (header.get_u16(), header.get_i16());
    (key == UpdateConsumerOffsetRequest::API_KEY).then(|| (header.get_i32(), version))
}

/// Answers a commit as an SPU does that cannot reach the leader of the stored offsets.
async fn refuse(client: &Turn<OwnedWriteHalf>, correlation: i32, version: i16) -> io::Result<()> {
    let response = UpdateConsumerOffsetResponse {
        offset: 0,
        error_code: ErrorCode::Other("update offset in peer".to_owned()),
    };
    let message = ResponseMessage::new(correlation, response);
    let size = i32::try_from(message.write_size(version)).map_err(io::Error::other)?;
    let mut frame = BytesMut::new();
    frame.put_i32(size);
    message.encode(&mut frame, version)?;
    client.lock().await.write_all(&frame).await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::cluster::real::ports;

    const OTHER_REQUEST: u16 = 1_005;

    /// A server that counts requests and answers each with its correlation and as many bytes as
    /// data has.
    async fn server() -> (u16, Arc<AtomicUsize>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (mut requests, mut answers) = client.into_split();
                while let Ok(request) = frame(&mut requests).await {
                    counted.fetch_add(1, Ordering::SeqCst);
                    let mut answer = BytesMut::new();
                    answer.put_u32(4 + 1000);
                    answer.put_slice(&request[8..12]);
                    answer.put_bytes(7, 1000);
                    answers.write_all(&answer).await.unwrap();
                }
            }
        });
        (port, seen)
    }

    /// What comes back, or how many bytes of it before the connection was lost.
    async fn ask(link: u16, key: u16, fault_ended: bool) -> Result<Vec<u8>, usize> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, link))
            .await
            .unwrap();
        let mut request = BytesMut::new();
        request.put_u32(8);
        request.put_u16(key);
        request.put_i16(0);
        request.put_i32(42);
        stream.write_all(&request).await.unwrap();
        if fault_ended {
            let mut rest = Vec::new();
            let _reset = stream.read_to_end(&mut rest).await;
            return Err(rest.len());
        }
        frame(&mut stream.into_split().0).await.map_err(|_| 0)
    }

    #[tokio::test]
    async fn link_faults_hit_what_they_name_and_nothing_else() {
        let (target, seen) = server().await;
        let port = ports::free().unwrap();
        let link = Link::open(port, target).await.unwrap();
        let commit = UpdateConsumerOffsetRequest::API_KEY;
        assert_eq!(ask(port, commit, false).await.unwrap().len(), 1008);

        link.fail(LinkFault::CommitAnswersLost);
        assert_eq!(ask(port, OTHER_REQUEST, false).await.unwrap().len(), 1008);
        let before = seen.load(Ordering::SeqCst);
        assert_eq!(ask(port, commit, true).await, Err(0), "the answer is lost");
        assert_eq!(
            seen.load(Ordering::SeqCst),
            before + 1,
            "the request is not"
        );

        link.fail(LinkFault::CommitsRefused);
        let refused = ask(port, commit, false).await.unwrap();
        assert_eq!(
            seen.load(Ordering::SeqCst),
            before + 1,
            "the broker never sees it"
        );
        let answer =
            ResponseMessage::<UpdateConsumerOffsetResponse>::decode_from(&mut &refused[4..], 0)
                .unwrap();
        assert_eq!(answer.correlation_id, 42);
        assert_ne!(answer.response.error_code, ErrorCode::None);

        link.fail(LinkFault::CutInAnswers);
        assert_eq!(ask(port, OTHER_REQUEST, true).await, Err(504), "half of it");

        link.fail(LinkFault::None);
        assert_eq!(ask(port, commit, false).await.unwrap().len(), 1008);
        let mut idle = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .await
            .unwrap();
        // Through to the server before the cut.
        idle.write_all(&[0, 0, 0, 8, 3, 237, 0, 0, 0, 0, 0, 1])
            .await
            .unwrap();
        idle.read_exact(&mut [0; 1008]).await.unwrap();
        link.cut();
        assert_eq!(idle.read(&mut [0; 1]).await.unwrap_or_default(), 0, "cut");
    }
}
