//! What an inlet refuses or cannot do for a while.

mod backpressure;
mod credential;
mod faults;
mod refusals;
