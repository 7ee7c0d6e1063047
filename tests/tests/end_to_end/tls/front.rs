//! A port that speaks TLS before a server that does not, as a load balancer does (and as Fluvio's
//! own TLS port).
//!
//! It takes plain connections as well, by their first byte, so that a test can look at a server the
//! easy way while the program under test goes the encrypted one.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::authority::{Authority, Certified};

/// First byte of a TLS handshake. Neither HTTP nor Fluvio begins with it.
const HANDSHAKE: u8 = 0x16;

/// Whether encrypted connections need a client certificate.
#[derive(Debug, Clone, Copy)]
pub(super) enum ClientCertificates<'a> {
    /// They need none.
    None,
    /// They need one of this authority.
    Of(&'a Authority),
}

/// What came through a front.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Encrypted connections.
    pub(super) encrypted: usize,
    /// Those among them that showed a client certificate.
    pub(super) with_certificate: usize,
    /// Plain connections.
    pub(super) plain: usize,
    /// Handshakes that failed: a client that does not trust us, or that we do not trust.
    pub(super) failed: usize,
    /// The server name each encrypted connection asked for, where it asked for one.
    pub(super) names: Vec<String>,
}

/// A running front; dropping it closes its port and its connections.
#[derive(Debug)]
pub(super) struct Front {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    task: AbortHandle,
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Front {
    /// Listens on a free loopback port and forwards to `target`.
    ///
    /// # Errors
    /// When the certificate cannot be used or no port is free.
    pub(super) async fn start(
        target: SocketAddr,
        own: &Certified,
        clients: ClientCertificates<'_>,
    ) -> io::Result<Self> {
        let acceptor = TlsAcceptor::from(Arc::new(server(own, clients).map_err(io::Error::other)?));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let seen = Arc::<Mutex<Seen>>::default();
        let task =
            tokio::spawn(serve(listener, target, acceptor, Arc::clone(&seen))).abort_handle();
        Ok(Self {
            address,
            seen,
            task,
        })
    }

    /// Where it listens.
    #[must_use]
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What came through so far.
    #[must_use]
    pub(super) fn seen(&self) -> Seen {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn server(
    own: &Certified,
    clients: ClientCertificates<'_>,
) -> Result<ServerConfig, Box<dyn std::error::Error + Send + Sync>> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?;
    let builder = match clients {
        ClientCertificates::None => builder.with_no_client_auth(),
        ClientCertificates::Of(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes())?)?;
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let certificate = CertificateDer::from_pem_slice(own.certificate.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes())?;
    Ok(builder.with_single_cert(vec![certificate], key)?)
}

async fn serve(
    listener: TcpListener,
    target: SocketAddr,
    acceptor: TlsAcceptor,
    seen: Arc<Mutex<Seen>>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                connections.spawn(connection(stream, target, acceptor.clone(), Arc::clone(&seen)));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One connection from beginning to end. Whichever side closes first, the other is closed too.
async fn connection(
    mut stream: TcpStream,
    target: SocketAddr,
    acceptor: TlsAcceptor,
    seen: Arc<Mutex<Seen>>,
) {
    let note =
        |what: &dyn Fn(&mut Seen)| what(&mut seen.lock().unwrap_or_else(PoisonError::into_inner));
    let mut first = [0];
    if stream.peek(&mut first).await.is_err() {
        return;
    }
    let Ok(mut server) = TcpStream::connect(target).await else {
        return;
    };
    let (_slower, _too) = (stream.set_nodelay(true), server.set_nodelay(true));
    // How a connection ends is seen by the two that talk over it.
    let _end = if first == [HANDSHAKE] {
        let Ok(mut stream) = acceptor.accept(stream).await else {
            return note(&|seen| seen.failed += 1);
        };
        let session = stream.get_ref().1;
        let certified = session.peer_certificates().is_some();
        let name = session.server_name().map(ToOwned::to_owned);
        note(&|seen| {
            seen.encrypted += 1;
            seen.with_certificate += usize::from(certified);
            seen.names.extend(name.clone());
        });
        copy_bidirectional(&mut stream, &mut server).await
    } else {
        note(&|seen| seen.plain += 1);
        copy_bidirectional(&mut stream, &mut server).await
    };
}
