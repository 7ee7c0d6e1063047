//! TLS for tests: an authority of our own, a front that adds TLS to any server of a test, and a
//! tunnelling proxy.

mod authority;
mod front;
mod proxy;

pub use authority::{Authority, Certified, CertifyError};
pub use front::{ClientCertificates, Front, Seen};
pub use proxy::{Proxy, Tunnel};
