//! Ends the process when one input takes too long: nothing else ends a test that never returns.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// An input that takes longer hangs. Generous, because the machines that run this are busy.
const LIMIT: Duration = Duration::from_secs(60);

/// Dropped when the target is done.
#[derive(Debug)]
pub(crate) struct Watch {
    count: Arc<AtomicU64>,
    /// Its end tells the thread to go.
    _done: Sender<()>,
}

impl Watch {
    pub(crate) fn start(target: &str) -> Self {
        let count = Arc::new(AtomicU64::new(0));
        let (sender, done) = channel();
        let watched = Arc::clone(&count);
        let target = target.to_owned();
        std::thread::spawn(move || {
            let mut before = u64::MAX;
            while done.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
                let now = watched.load(Ordering::Relaxed);
                if now == before {
                    println!(
                        "fuzz {target}: an input takes longer than {LIMIT:?}; it is kept as running-<process>"
                    );
                    std::process::abort();
                }
                before = now;
            }
        });
        Self {
            count,
            _done: sender,
        }
    }

    pub(crate) fn tick(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }
}
