//! The two streaming inlets of Experience Platform.

/// Which inlet. The name is the section of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum InletName {
    Events,
    Profiles,
}

impl InletName {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Profiles => "profiles",
        }
    }
}
