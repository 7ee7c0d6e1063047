//! What an organisation has.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde::Serialize;
use serde_json::Value;

use crate::simulator::config::{DataType, InletConfig, InletId, Records};

/// A call to one of the services.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Call {
    /// Its method.
    pub method: String,
    /// What follows `/data/`.
    pub path: String,
}

/// What kind of thing a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResourceKind {
    /// An own field group of the Schema Registry.
    FieldGroup,
    /// A schema of the Schema Registry.
    Schema,
    /// An own identity namespace.
    Namespace,
    /// A dataset.
    Dataset,
    /// A base connection.
    Connection,
    /// A source connection.
    SourceConnection,
    /// A target connection.
    TargetConnection,
    /// A mapping set of Data Prep.
    MappingSet,
    /// A dataflow.
    Flow,
}

/// One thing somebody made.
#[derive(Debug, Clone, Serialize)]
pub struct Resource {
    /// What it is.
    pub kind: ResourceKind,
    /// Its id.
    pub id: String,
    /// Title, name or code, as its service calls it.
    pub name: String,
    /// As its service shows it.
    pub body: Value,
    /// Changes with every change.
    pub etag: String,
    /// In so many lists it does not show yet.
    #[serde(skip)]
    pub(super) hidden: u32,
    #[serde(skip)]
    pub(super) made_at: Instant,
}

/// The state of an organisation.
#[derive(Debug)]
pub struct Organization {
    /// Everything that was made, in the order of its making.
    pub resources: Vec<Resource>,
    /// Every call, in the order of arrival.
    pub calls: Vec<Call>,
    /// Permissions the caller's role lacks, by the names of Adobe's access-control page.
    pub denied: BTreeSet<String>,
    /// Whether the credential has a product profile of Experience Platform.
    pub entitled: bool,
}

impl Default for Organization {
    fn default() -> Self {
        Self {
            resources: Vec::new(),
            calls: Vec::new(),
            denied: BTreeSet::new(),
            entitled: true,
        }
    }
}

impl Organization {
    /// Names of what there is of a kind.
    pub fn names(&self, kind: ResourceKind) -> Vec<&str> {
        self.of(kind)
            .map(|resource| resource.name.as_str())
            .collect()
    }

    /// How many things of each kind there are.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<ResourceKind, usize> {
        let mut counts = BTreeMap::new();
        for resource in &self.resources {
            *counts.entry(resource.kind).or_default() += 1;
        }
        counts
    }

    /// Things of a kind.
    pub fn of(&self, kind: ResourceKind) -> impl Iterator<Item = &Resource> {
        self.resources
            .iter()
            .filter(move |resource| resource.kind == kind)
    }

    pub(super) fn get(&self, kind: ResourceKind, id: &str) -> Option<&Resource> {
        self.of(kind).find(|resource| resource.id == id)
    }

    pub(super) fn get_mut(&mut self, kind: ResourceKind, id: &str) -> Option<&mut Resource> {
        self.resources
            .iter_mut()
            .find(|resource| resource.kind == kind && resource.id == id)
    }

    pub(super) fn remove(&mut self, kind: ResourceKind, id: &str) {
        self.resources
            .retain(|resource| (resource.kind, resource.id.as_str()) != (kind, id));
    }

    /// Those that a list shows by now.
    pub(super) fn listed(
        &mut self,
        kind: ResourceKind,
        wanted: impl Fn(&Resource) -> bool,
    ) -> Vec<Value> {
        let mut found = Vec::new();
        let of_kind = self.resources.iter_mut().filter(|one| one.kind == kind);
        for resource in of_kind {
            if resource.hidden > 0 {
                resource.hidden -= 1;
            } else if wanted(resource) {
                found.push(resource.body.clone());
            }
        }
        found
    }

    /// The inlet of a base connection with a flow; without one, nothing is taken there.
    pub(in crate::simulator) fn inlet(&self, inlet_id: &str) -> Option<InletConfig> {
        let connection = self.of(ResourceKind::Connection).find(|connection| {
            connection.body["auth"]["params"]["inletId"].as_str() == Some(inlet_id)
        })?;
        let params = &connection.body["auth"]["params"];
        let flow = self.flow_of(connection)?;
        let target = flow.body["targetConnectionIds"][0].as_str()?;
        let target = self.get(ResourceKind::TargetConnection, target)?;
        let dataset = target.body["params"]["dataSetId"].as_str()?;
        let schema_id = target.body["data"]["schema"]["id"].as_str()?;
        let schema = self.get(ResourceKind::Schema, schema_id)?;
        let events = schema.body["meta:class"].as_str()
            == Some("https://ns.adobe.com/xdm/context/experienceevent");
        Some(InletConfig {
            name: if events { "events" } else { "profiles" }.to_owned(),
            id: InletId::new(inlet_id).ok()?,
            authenticated: params["authenticationRequired"] == true,
            data_type: match params["dataType"].as_str() {
                Some("raw") => DataType::Raw { batches: false },
                _ => DataType::Xdm {
                    schema_id: schema_id.to_owned(),
                    content_type: None,
                },
            },
            records: if events {
                Records::Events
            } else {
                Records::Profiles
            },
            dataset_id: Some(dataset.to_owned()),
            flow_id: flow.id.clone(),
            identity_dataset_id: None,
        })
    }

    /// Since when the flow of an inlet is there.
    pub(in crate::simulator) fn flow_since(&self, flow_id: &str) -> Option<Instant> {
        self.get(ResourceKind::Flow, flow_id)
            .map(|flow| flow.made_at)
    }

    fn flow_of(&self, connection: &Resource) -> Option<&Resource> {
        self.of(ResourceKind::Flow).find(|flow| {
            let source = flow.body["sourceConnectionIds"][0]
                .as_str()
                .unwrap_or_default();
            self.get(ResourceKind::SourceConnection, source)
                .is_some_and(|source| {
                    source.body["baseConnectionId"].as_str() == Some(connection.id.as_str())
                })
        })
    }
}
