//! How entities end.

use crate::aep::{Refusal, ResponseIds};
use crate::delivery::entity::Entity;

/// An entity that needs no further attempt.
#[derive(Debug)]
pub(in crate::delivery) struct Completed {
    pub(in crate::delivery) entity: Entity,
    /// `None` when it was delivered.
    pub(in crate::delivery) undeliverable: Option<Undeliverable>,
}

/// Why an entity cannot be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::delivery) struct Undeliverable {
    pub(in crate::delivery) reason: &'static str,
    pub(in crate::delivery) status: Option<u16>,
    pub(in crate::delivery) message: String,
    pub(in crate::delivery) pointer: Option<String>,
    pub(in crate::delivery) ids: ResponseIds,
}

impl Undeliverable {
    /// It fails again and again while others pass.
    pub(super) fn stuck(message: String) -> Self {
        Self {
            reason: "target_keeps_failing",
            status: None,
            message,
            pointer: None,
            ids: ResponseIds::default(),
        }
    }
}

impl From<Refusal> for Undeliverable {
    fn from(refusal: Refusal) -> Self {
        Self {
            reason: refusal.reason,
            status: Some(refusal.status),
            message: refusal.message,
            pointer: refusal.pointer,
            ids: refusal.ids,
        }
    }
}
