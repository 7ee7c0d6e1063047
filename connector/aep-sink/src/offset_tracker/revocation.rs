//! What the reading side tells the delivery side when a partition is no longer its own.

use tokio::sync::{mpsc, oneshot};

/// Asks delivery to give up partitions. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Revoker(mpsc::UnboundedSender<Revocation>);

/// What delivery is asked to give up.
#[derive(Debug)]
pub struct Revocations(mpsc::UnboundedReceiver<Revocation>);

/// One partition to be given up. To drop it says that nothing of the partition is in flight.
#[derive(Debug)]
pub struct Revocation {
    /// The partition.
    pub partition: u32,
    _ended: oneshot::Sender<()>,
}

/// Both ends.
pub fn revocations() -> (Revoker, Revocations) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Revoker(sender), Revocations(receiver))
}

impl Revoker {
    /// Gives up a partition: from now on nothing of it is sent. What of it waits is dropped, and
    /// its offsets stay open. Requests that are being answered end, and what they deliver is
    /// settled. Returns when nothing of it is in flight any more, or when delivery has ended: after
    /// `http.request-timeout` at the latest.
    ///
    /// The partition's reader must have ended before. After it, the partition may begin anew, once
    /// the tracker has [forgotten](super::OffsetTracker::forget) it.
    pub async fn revoke(&self, partition: u32) {
        let (ended, end) = oneshot::channel();
        let revocation = Revocation {
            partition,
            _ended: ended,
        };
        // Delivery that has ended sends nothing.
        if self.0.send(revocation).is_ok() {
            let _ = end.await;
        }
    }
}

impl Revocations {
    /// The next partition to give up; `None` when nobody is left who could ask.
    pub async fn next(&mut self) -> Option<Revocation> {
        self.0.recv().await
    }
}
