//! What an inlet refuses or cannot do for a while.

mod credential;
mod faults;
mod pressure;
mod scope;
