//! What a YAML file holds, and where: a tree in which every node knows its place in the text.

pub(crate) mod edit;
pub(in crate::config) mod path;
pub(in crate::config) mod scalar;
pub(in crate::config) mod tree;
