//! What provisioning makes, and what each thing is called.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What kind of thing a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    Namespace,
    FieldGroup,
    Schema,
    Dataset,
    Connection,
    SourceConnection,
    TargetConnection,
    MappingSet,
    Flow,
}

impl Kind {
    /// In words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Namespace => "identity namespace",
            Self::FieldGroup => "field group",
            Self::Schema => "schema",
            Self::Dataset => "dataset",
            Self::Connection => "base connection",
            Self::SourceConnection => "source connection",
            Self::TargetConnection => "target connection",
            Self::MappingSet => "mapping set",
            Self::Flow => "flow",
        }
    }

    /// The permission a role needs to look it up, and to make it, as Adobe's access-control page
    /// calls them. That mapping sets belong to sources is not documented.
    pub(super) fn permissions(self) -> (&'static str, &'static str) {
        match self {
            Self::Namespace => ("View Identity Namespaces", "Manage Identity Namespaces"),
            Self::FieldGroup | Self::Schema => ("View Schemas", "Manage Schemas"),
            Self::Dataset => ("View Datasets", "Manage Datasets"),
            _ => ("View Sources", "Manage Sources"),
        }
    }

    /// Whether it stays for good once it is made.
    pub(super) fn stays(self) -> bool {
        matches!(self, Self::Namespace | Self::Schema)
    }
}

/// A thing that must be there.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// What it is kept under in the state file.
    pub(super) key: String,
    pub(super) kind: Kind,
    /// Its name, title or code.
    pub(super) name: String,
    /// What for.
    pub(super) why: &'static str,
    /// What makes it; `None` while something it refers to is not there.
    pub(super) body: Option<Value>,
    /// Members that something of this name must have to be the one that is meant.
    pub(super) fits: Vec<(&'static str, Value)>,
}

impl Wanted {
    /// `the dataset 'Capillary Loyalty events'`
    pub(super) fn words(&self) -> String {
        format!("the {} '{}'", self.kind.words(), self.name)
    }

    /// The first member that something found has otherwise.
    pub(super) fn misfit(&self, found: &Value) -> Option<&'static str> {
        let differs = |(pointer, expected): &&(&'static str, Value)| {
            found
                .pointer(pointer)
                .is_some_and(|found| found != expected)
        };
        self.fits.iter().find(differs).map(|(pointer, _)| *pointer)
    }
}

/// A thing that is there.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) id: String,
    pub(super) body: Value,
}

/// What becomes of something that is to be taken back.
pub(super) enum Removal {
    Removed,
    /// It was not there any more.
    Gone,
    /// Experience Platform has no way to take it back.
    Stays,
}
