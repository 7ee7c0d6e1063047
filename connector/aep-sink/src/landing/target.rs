//! Where the records of each inlet land.

use crate::config::{Events, Platform, Profiles};
use crate::inlet_name::InletName;

/// An inlet, its dataset and its dataflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) inlet: InletName,
    pub(crate) dataset: String,
    pub(crate) flow: Option<String>,
}

impl Target {
    /// The inlets whose dataset the configuration names; of the others nothing can be asked.
    pub(crate) fn all(platform: &Platform) -> Vec<Self> {
        let (events, flow) = match &platform.events {
            Events::Xdm { inlet, .. } => (inlet, inlet.flow_id.as_ref()),
            Events::Raw { inlet, flow_id, .. } => (inlet, Some(flow_id)),
        };
        let mut all = vec![(InletName::Events, events.dataset_id.as_ref(), flow)];
        all.extend(platform.profiles.as_ref().map(|profiles| match profiles {
            Profiles::Upsert {
                dataset_id,
                flow_id,
                ..
            } => (InletName::Profiles, Some(dataset_id), Some(flow_id)),
            Profiles::Raw { inlet, flow_id, .. } => {
                let dataset = inlet.dataset_id.as_ref();
                (InletName::Profiles, dataset, Some(flow_id))
            }
            Profiles::Xdm { inlet, .. } => {
                let dataset = inlet.dataset_id.as_ref();
                (InletName::Profiles, dataset, inlet.flow_id.as_ref())
            }
        }));
        let known = all.into_iter().filter_map(|(inlet, dataset, flow)| {
            Some(Self {
                inlet,
                dataset: dataset?.clone(),
                flow: flow.cloned(),
            })
        });
        known.collect()
    }
}
