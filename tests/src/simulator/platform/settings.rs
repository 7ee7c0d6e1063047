//! How an organisation behaves.

use serde::{Deserialize, Serialize};

/// How old the organisation's registry is, in Adobe's own field groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegistryAge {
    /// Of 2026-08: with every loyalty field.
    #[default]
    Newest,
    /// Of 2025-09: without Loyalty Event Details, and with the loyalty fields of 2021 in profiles.
    Oldest,
}

/// How an organisation behaves.
#[derive(Debug, Clone)]
pub struct OrganizationConfig {
    /// Its tenant id, without the underscore.
    pub tenant: String,
    /// How old its registry is.
    pub registry: RegistryAge,
    /// Its sandboxes; the first is the default one.
    pub sandboxes: Vec<String>,
    /// Most items in a page of a list, whatever is asked for.
    pub page: usize,
    /// In so many lists after it was made, a resource does not show yet.
    pub shows_after: u32,
    /// Whether Data Prep knows `to_map`; one of Adobe's pages says that it has no maps.
    pub maps: bool,
    /// Most datasets it may have.
    pub max_datasets: usize,
}

impl Default for OrganizationConfig {
    fn default() -> Self {
        Self {
            tenant: "demo".to_owned(),
            registry: RegistryAge::default(),
            sandboxes: vec!["prod".to_owned(), "dev".to_owned()],
            page: 2,
            shows_after: 0,
            maps: true,
            max_datasets: usize::MAX,
        }
    }
}
