//! Where the sets put things.

use conformance::data_prep::Line;
use serde_json::Value;
use xdm_schema::{Registry, event_schema, profile_schema};

use crate::published::{ACME, Maps, PUBLISHED};

/// The field at a path; null when there is none.
fn field<'a>(schema: &'a Value, path: &str) -> &'a Value {
    let mut place = schema;
    for step in path.split('.') {
        place = if step == format!("_{ACME}") {
            &schema["$defs"]["tenantObject"]
        } else {
            &place["properties"][step]
        };
        if let Some(named) = place["$ref"].as_str() {
            place = schema.pointer(named.trim_start_matches('#')).unwrap();
        }
    }
    place
}

#[test]
fn every_destination_is_a_field_of_the_schema() {
    for set in PUBLISHED {
        let schema = match set.maps {
            Maps::Events => event_schema(Registry::Newest),
            Maps::Profiles | Maps::ProfilesByDescriptor => profile_schema(Registry::Newest),
        };
        let schema = schema.unwrap();
        let mapping = set.read();
        let destinations: Vec<&str> = mapping.lines().iter().map(Line::destination).collect();
        for path in &destinations {
            let known = field(&schema, path).is_object();
            assert!(known, "{}: {path} is not in the schema", set.file);
        }
        let primary = match set.maps {
            Maps::Events | Maps::Profiles => "identityMap",
            Maps::ProfilesByDescriptor => "personID",
        };
        assert!(destinations.contains(&primary), "{}", set.file);
        assert_eq!(mapping.schema_id(), "https://ns.adobe.com/acme/schemas/1");
    }
}
