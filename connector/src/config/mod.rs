//! The configuration: one YAML file, validated into types that cannot hold wrong values.

mod model;

pub(crate) use model::*;
