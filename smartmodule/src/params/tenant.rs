//! The organisation's own namespace among the fields.

use crate::output::padded::PaddedBytes;

/// The tenant namespace.
#[derive(Debug, Clone)]
pub(crate) struct Tenant {
    name: String,
    before: PaddedBytes,
}

impl Tenant {
    /// The namespace of this name, with its underscore, as it stands in XDM; it has nothing that
    /// needs an escape.
    pub(crate) fn new(name: String) -> Self {
        // A comma before each: they become brackets when their containers are closed.
        let before = PaddedBytes::new(format!(",\"{name}\":,\"capillary\":").as_bytes());
        Self { name, before }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The JSON that opens the mapping's own fields.
    pub(crate) const fn before(&self) -> &PaddedBytes {
        &self.before
    }

    /// How many bytes of it are those of the namespace.
    pub(crate) const fn length(&self) -> usize {
        self.name.len() + ",\"\":".len()
    }
}
