//! The parameters of the mapping.

/// The parameters of the mapping; [`Default`] is what an empty `with` gives.
#[derive(Debug, Clone, Default)]
pub struct Params {}

/// A parameter that is not known or whose value cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamError {
    /// The parameter's name, as given.
    pub name: String,
    /// What is wrong with it, for a person.
    pub message: String,
}

impl std::fmt::Display for ParamError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "parameter `{}`: {}", self.name, self.message)
    }
}

impl std::error::Error for ParamError {}

impl Params {
    /// Reads the parameters of a transform's `with` section.
    ///
    /// # Errors
    /// When a parameter is unknown, given twice, or has a value that cannot be used. The fault is the user's.
    pub fn from_pairs<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Result<Self, ParamError> {
        match pairs.into_iter().next() {
            Some((name, _)) => Err(ParamError { name, message: "not yet".into() }),
            None => Ok(Self {}),
        }
    }
}
