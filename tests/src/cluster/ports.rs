//! Free loopback ports.

use std::net::TcpListener;

use super::error::{ClusterError, failed};

/// Below the range the systems at hand give to outgoing connections (Linux: from 32 768 on). A port of that range could be
/// taken by any client between looking and listening, or while the server that owns it restarts.
const RANGE: std::ops::Range<u16> = 15_000..32_000;
/// Enough on a machine where hundreds of these ports are taken.
const ATTEMPTS: usize = 100;

/// A port nobody listens on at this moment. Chosen at random, so that suites running side by side do not meet.
pub(super) fn free() -> Result<u16, ClusterError> {
    let mut taken = None;
    for _ in 0..ATTEMPTS {
        let port = fastrand::u16(RANGE);
        match TcpListener::bind(("127.0.0.1", port)) {
            Ok(_) => return Ok(port),
            Err(error) => taken = Some(error),
        }
    }
    let error = taken.unwrap_or_else(|| std::io::ErrorKind::AddrInUse.into());
    Err(failed("looking for a free port")(error))
}
