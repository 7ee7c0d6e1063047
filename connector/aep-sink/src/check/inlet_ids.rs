//! Ids of the inlets that may be right and do not look it: pasted from a place beside the right
//! one.

use super::report::{Finding, Status};
use crate::config::{Events, Inlet, Platform, Profiles, SchemaRef};

const STEP: &str = "inlets";

/// What looks wrong; nothing when all looks well.
pub(super) fn findings(platform: &Platform) -> Vec<Finding> {
    let mut found = Vec::new();
    match &platform.events {
        Events::Xdm { inlet, schema } => look("events", inlet, Some(schema), &mut found),
        Events::Raw { inlet, .. } => look("events", inlet, None, &mut found),
    }
    match &platform.profiles {
        Some(Profiles::Xdm { inlet, schema }) => look("profiles", inlet, Some(schema), &mut found),
        Some(Profiles::Upsert { inlet, .. } | Profiles::Raw { inlet, .. }) => {
            look("profiles", inlet, None, &mut found);
        }
        None => {}
    }
    found
}

fn look(section: &str, inlet: &Inlet, schema: Option<&SchemaRef>, found: &mut Vec<Finding>) {
    // Plain HTTP is a simulator on this machine, whose ids are anybody's choice.
    if inlet.url.scheme() == "http" {
        return;
    }
    let mut warn = |key: &str, what: &str, advice: &str| {
        let what = format!("experience-platform.{section}.{key} {what}");
        found.push(Finding::new(STEP, Status::Warning, what).advise(advice));
    };
    let id = inlet
        .url
        .path_segments()
        .and_then(|mut path| path.next_back());
    match id {
        Some(id) if is_hex(id, 64) => {}
        Some(id) if is_uuid(id) => warn(
            "inlet-url",
            "ends in a UUID, and the ids of inlets have 64 hexadecimal digits",
            "a UUID is the id of a connection or a flow: copy the streaming endpoint of the \
            source's dataflow or account",
        ),
        _ => warn(
            "inlet-url",
            "does not end in the 64 hexadecimal digits of an inlet's id",
            "compare it with the streaming endpoint that Experience Platform shows",
        ),
    }
    if let Some(schema) = schema {
        if !is_schema(&schema.id) {
            warn(
                "schema-id",
                "is not of the form https://ns.adobe.com/{tenant}/schemas/{hexadecimal digits}",
                "copy `$id` of the schema, not its title, its `meta:altId` or the address of its \
                page",
            );
        }
        if inlet.flow_id.is_none() {
            warn(
                "flow-id",
                "is missing: an inlet whose dataflow maps needs it",
                "copy the id of the dataflow; without a mapping it can stay away",
            );
        }
    }
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_uuid(text: &str) -> bool {
    text.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && is_hex(&text.replace('-', ""), 32)
}

fn is_schema(id: &str) -> bool {
    let named = id
        .strip_prefix("https://ns.adobe.com/")
        .and_then(|path| path.split_once("/schemas/"));
    named.is_some_and(|(tenant, id)| {
        let is_tenant =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        !tenant.is_empty()
            && tenant.bytes().all(is_tenant)
            && !id.is_empty()
            && is_hex(id, id.len())
    })
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{SecretStore, parse};

    const SAMPLE: &str = include_str!("../../../../connector.yaml");

    fn found(from: &str, to: &str) -> String {
        assert!(SAMPLE.contains(from), "{from}");
        let store = SecretStore::from_text("IMS_CLIENT_ID=a\nIMS_CLIENT_SECRET=b");
        let config = parse("sample", &SAMPLE.replace(from, to), &store).unwrap();
        format!("{:?}", findings(&config.platform))
    }

    #[test]
    fn inlet_ids_that_look_right_are_not_mentioned() {
        assert_eq!(found("", ""), "[]");
    }

    #[test]
    fn inlet_ids_that_were_pasted_from_beside_are_warned_of() {
        let inlet = "1c0f6a1f7f4a6c3b5f0f5a9d5d8b3f70a1a2b3c4d5e6f708192a3b4c5d6e7f80";
        for (from, to, told) in [
            (
                inlet,
                "7b1d9c52-3e4f-4a6b-8c7d-9e0f1a2b3c4d",
                "ends in a UUID",
            ),
            (inlet, "1c0f6a1f", "64 hexadecimal digits"),
            (
                "schemas/0123456789abcdef0123456789abcdef01234567",
                "schemas/Loyalty-Events",
                "events.schema-id is not of the form",
            ),
            (
                "    flow-id: 4f0c2f4e-6a3b-4f4e-9d50-0e8b7a1c2d3e\n",
                "",
                "events.flow-id is missing",
            ),
        ] {
            let found = found(from, to);
            assert!(found.contains(told) && found.contains("Warning"), "{found}");
            assert_eq!(found.matches("Finding").count(), 1, "{found}");
        }
    }
}
