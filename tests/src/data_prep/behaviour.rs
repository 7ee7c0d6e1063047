//! What Adobe's documents leave open, or say in two ways.

/// How this Data Prep decides what the documents leave open. The default is their likelier reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Behaviour {
    /// Whether there are maps.
    pub maps: Maps,
    /// What becomes of a line without a value.
    pub nulls: Nulls,
    /// Where the attributes of an upsert begin.
    pub attributes: Attributes,
}

/// The page on data formats says that maps are not supported; the function reference has `to_map`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Maps {
    /// `to_map` gives a map.
    #[default]
    Supported,
    /// `to_map` fails.
    Unsupported,
}

/// A line has no value when its source is absent or null, when it is `nullify()`, or when it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Nulls {
    /// The destination is left out.
    #[default]
    Dropped,
    /// The destination is null, unless the mapping set says `"allowNullValues": false`.
    AsTheSetSays,
    /// The destination is null, whatever the mapping set says.
    Copied,
}

/// The raw attributes of an upsert are the members of `body`; no page shows a mapping of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Attributes {
    /// A source is `loyalty.points`.
    #[default]
    InBody,
    /// A source is `body.loyalty.points`.
    WithBodyPrefix,
}
