//! Free loopback ports.

use std::net::TcpListener;

use super::error::{ClusterError, failed};

/// A port nobody listens on at this moment. Another process may take it before it is used; the start then fails and says so.
pub(super) fn free() -> Result<u16, ClusterError> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(failed("looking for a free port"))?;
    Ok(listener.local_addr().map_err(failed("looking for a free port"))?.port())
}
