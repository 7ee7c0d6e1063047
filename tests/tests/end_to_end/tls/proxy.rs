//! An HTTP proxy that tunnels (`CONNECT`), and remembers who asked for what.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// A tunnel that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tunnel {
    /// `host:port`, as asked.
    pub(super) target: String,
    /// The `Proxy-Authorization` header.
    pub(super) authorization: Option<String>,
}

/// A running proxy; dropping it closes everything.
#[derive(Debug)]
pub(super) struct Proxy {
    address: SocketAddr,
    tunnels: Arc<Mutex<Vec<Tunnel>>>,
    task: AbortHandle,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// Listens on a free loopback port. Every tunnel leads to `target`, whatever name was asked
    /// for: tests have no names.
    ///
    /// # Errors
    /// When no port is free.
    pub(super) async fn start(target: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let tunnels = Arc::<Mutex<Vec<Tunnel>>>::default();
        let kept = Arc::clone(&tunnels);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(tunnel(stream, target, Arc::clone(&kept)));
            }
        });
        Ok(Self {
            address,
            tunnels,
            task: task.abort_handle(),
        })
    }

    /// Where it listens.
    #[must_use]
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every tunnel so far.
    #[must_use]
    pub(super) fn tunnels(&self) -> Vec<Tunnel> {
        self.tunnels
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

async fn tunnel(
    stream: TcpStream,
    target: SocketAddr,
    tunnels: Arc<Mutex<Vec<Tunnel>>>,
) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let asked = head.first().and_then(|line| line.strip_prefix("CONNECT "));
    let Some(asked) = asked.and_then(|rest| rest.split(' ').next()) else {
        return stream
            .write_all(b"HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n")
            .await;
    };
    let authorization = head.iter().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("proxy-authorization")
            .then(|| value.trim().to_owned())
    });
    let asked = Tunnel {
        target: asked.to_owned(),
        authorization,
    };
    tunnels
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(asked);
    let mut server = TcpStream::connect(target).await?;
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    copy_bidirectional(&mut stream, &mut server).await.map(drop)
}
