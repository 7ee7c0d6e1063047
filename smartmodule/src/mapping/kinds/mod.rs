//! What each kind of event becomes, and what kinds share.

pub(super) mod common;
pub(super) mod customer;
mod expiry;
pub(super) mod generic;
pub(super) mod points;
mod profile_parts;
pub(super) mod promotion;
pub(super) mod request;
pub(super) mod reward;
pub(super) mod source_shape;
pub(super) mod subscription;
pub(super) mod tier;
pub(super) mod transaction;
