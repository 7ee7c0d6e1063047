//! The `experience-platform:` section of a connector configuration that points at a simulator.

use super::DataType;
use super::Simulator;
use super::config::{DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, InletConfig, Records};

impl Simulator {
    /// The first inlet that holds events.
    #[must_use]
    pub fn events_inlet(&self) -> Option<&InletConfig> {
        self.config()
            .inlets
            .iter()
            .find(|inlet| inlet.records == Records::Events)
    }

    /// The first inlet that holds profile records.
    #[must_use]
    pub fn profiles_inlet(&self) -> Option<&InletConfig> {
        self.config()
            .inlets
            .iter()
            .find(|inlet| inlet.records == Records::Profiles)
    }

    /// A YAML section ready to paste. The credential is written out only when it is the demo's;
    /// otherwise the section refers to the secrets `IMS_CLIENT_ID` and `IMS_CLIENT_SECRET`.
    #[must_use]
    pub fn experience_platform_section(&self) -> String {
        let mut section = self.credential_section();
        if let Some(inlet) = self.events_inlet() {
            section.push_str(&self.inlet_section("events", "raw", inlet));
        }
        if let Some(inlet) = self.profiles_inlet() {
            section.push_str(&self.inlet_section("profiles", "upsert", inlet));
        }
        section
    }

    /// A configuration that `provision` can begin with.
    #[must_use]
    pub fn beginning(&self) -> String {
        format!(
            "meta:\n  topic: capillary-events\n{}",
            self.credential_section()
        )
    }

    fn credential_section(&self) -> String {
        let config = self.config();
        let credential = &config.credential;
        let demo = credential.client_id == DEMO_CLIENT_ID
            && credential.client_secret == DEMO_CLIENT_SECRET;
        let (client_id, client_secret) = if demo {
            (DEMO_CLIENT_ID, DEMO_CLIENT_SECRET)
        } else {
            (
                "${{ secrets.IMS_CLIENT_ID }}",
                "${{ secrets.IMS_CLIENT_SECRET }}",
            )
        };
        format!(
            "experience-platform:\n  organization-id: {}\n  ims:\n    client-id: {}\n    \
            client-secret: {}\n    token-url: {}\n",
            quoted(&config.organization_id),
            quoted(client_id),
            quoted(client_secret),
            quoted(&self.token_url()),
        )
    }

    fn inlet_section(&self, name: &str, raw_format: &str, inlet: &InletConfig) -> String {
        let format = match inlet.data_type {
            DataType::Xdm { .. } => "xdm",
            DataType::Raw { .. } => raw_format,
        };
        let optional = [
            ("schema-id", inlet.schema_id()),
            ("dataset-id", inlet.dataset_id.as_deref()),
            ("flow-id", Some(inlet.flow_id.as_str())),
            ("identity-dataset-id", inlet.identity_dataset_id.as_deref()),
        ];
        let mut section = format!(
            "  {name}:\n    inlet-url: {}\n    format: {format}\n",
            quoted(&self.inlet_url(inlet))
        );
        for (key, value) in optional {
            if let Some(value) = value {
                section.push_str(&format!("    {key}: {}\n", quoted(value)));
            }
        }
        section
    }
}

/// A double-quoted YAML scalar; JSON's escapes are a part of YAML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
