//! The organisation's own namespace among the fields.

use crate::output::padded::ReadyMade;

/// The tenant namespace.
#[derive(Debug, Clone)]
pub(crate) struct Tenant {
    name: String,
    before: ReadyMade,
}

impl Tenant {
    /// The namespace of this name, with its underscore, as it stands in XDM; it has nothing that
    /// needs an escape.
    pub(crate) fn new(name: String) -> Self {
        // A comma before each: they become brackets when their containers are closed.
        let before = ReadyMade::new(format!(",\"{name}\":,\"capillary\":").as_bytes());
        Self { name, before }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What stands before the mapping's own fields.
    pub(crate) const fn before(&self) -> &ReadyMade {
        &self.before
    }

    /// How many bytes of it are those of the namespace.
    pub(crate) const fn length(&self) -> usize {
        self.name.len() + ",\"\":".len()
    }
}
