//! Names the mapping knows: kinds of event and their keys on Capillary's side, fields on XDM's.

pub(crate) mod fields;
pub(crate) mod key;
pub(crate) mod kind;
pub(crate) mod lexicon;
