//! What bounds reading, the tracker and delivery together, on paused time: what each of them alone
//! is shown to do may still stop the three.

mod inlet;
mod poison;
mod slow;
mod stream;
