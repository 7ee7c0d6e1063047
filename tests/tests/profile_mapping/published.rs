//! The mapping sets of `docs/`, generated from the paths the SmartModule writes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use capillary_xdm::{Field, FieldType, event_paths, profile_paths};
use conformance::data_prep::MappingSet;
use serde_json::{Value, json};

/// The default `identities` of the SmartModule: the primary's namespace, and the one that may be
/// missing.
pub(crate) const PRIMARY: &str = "CapillaryId";
pub(crate) const OTHER: &str = "Email";

/// What stands for an organisation's own namespace in the files.
const TENANT: &str = "{TENANT}";

/// The namespace that stands there when a set is executed.
pub(crate) const ACME: &str = "acme";

/// What a set maps, and where it puts who it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Maps {
    /// Events, by their `identityMap`.
    Events,
    /// Profiles, by their `identityMap`.
    Profiles,
    /// Profiles, by `personID`, which a descriptor makes the schema's primary identity.
    ProfilesByDescriptor,
}

/// A mapping set of `docs/`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Published {
    pub(crate) file: &'static str,
    pub(crate) maps: Maps,
    pub(crate) with_tenant: bool,
}

const fn published(file: &'static str, maps: Maps, with_tenant: bool) -> Published {
    Published {
        file,
        maps,
        with_tenant,
    }
}

/// All of them.
pub(crate) const PUBLISHED: [Published; 6] = [
    published(
        "profile-mapping-descriptor.json",
        Maps::ProfilesByDescriptor,
        false,
    ),
    published(
        "profile-mapping-descriptor-tenant.json",
        Maps::ProfilesByDescriptor,
        true,
    ),
    published("profile-mapping.json", Maps::Profiles, false),
    published("profile-mapping-tenant.json", Maps::Profiles, true),
    published("event-mapping.json", Maps::Events, false),
    published("event-mapping-tenant.json", Maps::Events, true),
];

/// The page about them.
pub(crate) fn documentation() -> String {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(project.with_file_name("docs").join("data-prep.md")).unwrap()
}

impl Published {
    /// Which member of the SmartModule's answer it maps.
    pub(crate) fn statement(self) -> &'static str {
        if self.maps == Maps::Events {
            "event"
        } else {
            "profile"
        }
    }

    pub(crate) fn path(self) -> PathBuf {
        let project = Path::new(env!("CARGO_MANIFEST_DIR"));
        project.with_file_name("docs").join(self.file)
    }

    /// As somebody with an organisation uploads it.
    pub(crate) fn uploaded(self) -> String {
        let text = std::fs::read_to_string(self.path()).unwrap();
        text.replace("{SCHEMA_ID}", "https://ns.adobe.com/acme/schemas/1")
            .replace(TENANT, ACME)
    }

    pub(crate) fn read(self) -> MappingSet {
        let set = MappingSet::from_json(&self.uploaded());
        set.unwrap_or_else(|error| panic!("{}: {error}", self.file))
    }

    /// Every field it has to carry, besides the identities.
    pub(crate) fn fields(self, tenant: &str) -> Vec<Field> {
        let tenant = self.with_tenant.then_some(tenant);
        let fields = match self.maps {
            Maps::Events => event_paths(tenant),
            Maps::Profiles | Maps::ProfilesByDescriptor => profile_paths(tenant),
        };
        let fields = fields.into_iter();
        fields
            .filter(|field| field.field_type != FieldType::IdentityMap)
            .collect()
    }

    /// What the file should be.
    pub(crate) fn generated(self) -> String {
        let mut mappings = vec![self.identity()];
        mappings.extend(self.carried().into_iter().map(|(path, is_list)| {
            if is_list && self.maps != Maps::Events {
                let expression = format!("upsert_array_replace({path})");
                json!({"sourceType": "EXPRESSION", "source": expression, "destination": path})
            } else {
                json!({"sourceType": "ATTRIBUTE", "source": path, "destination": path})
            }
        }));
        let schema = json!({
            "id": "{SCHEMA_ID}", "contentType": "application/vnd.adobe.xed-full+json;version=1",
        });
        let set = json!({
            "name": self.name(),
            "outputSchema": {"schemaRef": schema},
            "allowNullValues": false,
            "mappings": mappings,
        });
        format!("{set:#}\n")
    }

    fn name(self) -> &'static str {
        match self.maps {
            Maps::Events => "Capillary events",
            Maps::Profiles => "Capillary profile upserts",
            Maps::ProfilesByDescriptor => "Capillary profile upserts by personID",
        }
    }

    /// Paths, and whether they are of lists, which are carried as a whole.
    fn carried(self) -> BTreeMap<String, bool> {
        let carried = |field: Field| match field.path.split_once("[]") {
            Some((list, _)) => (list.to_owned(), true),
            None => (field.path, false),
        };
        self.fields(TENANT).into_iter().map(carried).collect()
    }

    fn identity(self) -> Value {
        match self.maps {
            Maps::Events | Maps::Profiles => json!({
                "sourceType": "EXPRESSION", "source": identity_map(), "destination": "identityMap",
                "name": "Identities",
                "description": "The primary identity, and the other one where the record has it",
            }),
            Maps::ProfilesByDescriptor => json!({
                "sourceType": "ATTRIBUTE", "source": format!("identityMap.{PRIMARY}[0].id"),
                "destination": "personID", "name": "Identity",
                "description": format!("The schema's primary identity, of namespace {PRIMARY}"),
            }),
        }
    }
}

/// Which namespaces a record has is known only when it is mapped, and an identity without an id is
/// refused.
fn identity_map() -> String {
    let identity = |namespace: &str, primary: bool| {
        format!(
            r#""{namespace}", to_array(false, to_object("id", identityMap.{namespace}[0].id, "primary", {primary}))"#
        )
    };
    let (primary, other) = (identity(PRIMARY, true), identity(OTHER, false));
    format!(
        r#"iif(contains_key("identityMap.{OTHER}"), to_map({primary}, {other}), to_map({primary}))"#
    )
}
