//! Promises of the configuration.

mod accepted;
mod documented;
mod editors;
mod excerpts;
mod package;
mod refused;

use editors::complaints;

use super::*;

const SAMPLE: &str = include_str!("../../../../../connector.yaml");
const SECRETS: &str = "IMS_CLIENT_ID=the-id\nIMS_CLIENT_SECRET=hush: # \"very'\\\\ hush\nIMS_CLIENT_SECRET_NEXT=next-hush\n";

/// The least that is valid.
const LEAST: &str = r#"apiVersion: 0.1.0
meta:
  version: 0.1.0
  name: sink
  type: capillary-aep-sink
  topic: events
  secrets: [{name: IMS_CLIENT_ID}, {name: IMS_CLIENT_SECRET}]
  consumer:
    id: sink
transforms:
  - uses: capillary-aep/capillary-xdm@0.1.0
experience-platform:
  organization-id: ABC123@AdobeOrg
  ims:
    client-id: "${{ secrets.IMS_CLIENT_ID }}"
    client-secret: "${{ secrets.IMS_CLIENT_SECRET }}"
  events:
    inlet-url: https://dcs.adobedc.net/collection/abc
    schema-id: https://ns.adobe.com/tenant/schemas/1
    dataset-id: d1
"#;

/// Reads a configuration. Whatever is accepted must please an editor as well.
fn read(text: &str) -> Result<Config, ConfigError> {
    let result = parse("connector.yaml", text, &SecretStore::from_text(SECRETS));
    if result.is_ok() {
        let complaints = complaints(text);
        assert!(
            complaints.is_empty(),
            "accepted, but the schema refuses {complaints:?}:\n{text}"
        );
    }
    result
}

fn valid(text: &str) -> Config {
    read(text).unwrap_or_else(|error| panic!("{error}"))
}

fn refusal(text: &str) -> String {
    match read(text) {
        Ok(_) => panic!("accepted:\n{text}"),
        Err(error) => error.to_string(),
    }
}

/// `LEAST` with one text replaced by another.
fn with(from: &str, to: &str) -> String {
    assert!(
        LEAST.contains(from),
        "{from} is not in the least configuration"
    );
    LEAST.replacen(from, to, 1)
}

/// `LEAST` with lines added to `experience-platform`.
fn plus(lines: &str) -> String {
    format!("{LEAST}{lines}\n")
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    let message = refusal(text);
    for part in parts {
        assert!(message.contains(part), "no {part:?} in:\n{message}");
    }
    assert!(
        !message.contains("hush"),
        "a secret is in the message:\n{message}"
    );
}
