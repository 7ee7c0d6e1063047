//! Free loopback ports.

use std::io;
use std::net::TcpListener;

use crate::cluster::error::{ClusterError, failed};

/// Below the range the systems at hand give to outgoing connections (Linux: from 32 768 on). A port
/// of that range could be taken by any client between looking and listening, or while the server
/// that owns it restarts.
const RANGE: std::ops::Range<u16> = 15_000..32_000;
/// Enough on a machine where hundreds of these ports are taken.
const ATTEMPTS: usize = 100;

/// Listens on a port of that range. Chosen at random, so that suites running side by side do not
/// meet.
pub(crate) fn listen() -> io::Result<TcpListener> {
    let mut taken = None;
    for _ in 0..ATTEMPTS {
        match TcpListener::bind(("127.0.0.1", fastrand::u16(RANGE))) {
            Ok(listener) => return Ok(listener),
            Err(error) => taken = Some(error),
        }
    }
    Err(taken.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()))
}

/// A port nobody listens on at this moment.
pub(crate) fn free() -> Result<u16, ClusterError> {
    listen()
        .and_then(|listener| Ok(listener.local_addr()?.port()))
        .map_err(failed("looking for a free port"))
}
