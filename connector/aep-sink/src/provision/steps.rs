//! Everything a set-up consists of, in the order in which one thing needs another.

use capillary_xdm::{event_paths, profile_paths};
use serde_json::{Value, json};

use super::ensure::Session;
use super::options::Mode;
use super::refusal::{Reason, Refusal};
use super::resource::{Found, Kind, Wanted};
use super::services::mapping_sets::{self, Purpose};
use super::services::registry::{self, Standard};

/// Adobe's specifications, the same for every organisation: the HTTP API source, the data lake,
/// streaming flows without and with a mapping.
const HTTP_API: &str = "bc7b00d6-623a-4dfc-9fdb-f1240aeadaeb";
const DATA_LAKE: &str = "c604ff05-7f1a-43c0-8e18-33bf874cb11c";
const PLAIN_FLOW: &str = "d8a6f005-7eaf-4153-983e-e8574508b877";
const MAPPED_FLOW: &str = "c1a19761-d2c7-4702-b9fa-fe91f0613e81";
/// As the tutorials of streaming ingestion spell it.
const CONTENT_TYPE: &str = "application/vnd.adobe.xed-full+json;version=1";
/// Fields of the classes, which every registry has.
const OF_CLASS: [&str; 4] = ["_id", "timestamp", "eventType", "identityMap"];
/// A connection that was just made may show its inlet a little later.
const INLET_LOOKS: u32 = 6;

const EVENT_FIELDS: &str = include_str!("../../../../docs/field-group-event.json");
const PROFILE_FIELDS: &str = include_str!("../../../../docs/field-group-profile.json");

/// Which of the two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Events,
    Profiles,
}

/// What is wanted of the organisation.
#[derive(Debug)]
pub(super) struct Wishes {
    pub(super) prefix: String,
    /// Namespace codes, the primary one first.
    pub(super) namespaces: Vec<String>,
    /// Without the underscore; `None` without own fields.
    pub(super) tenant: Option<String>,
    pub(super) profiles: bool,
    /// Fields the configuration omits already, of events and of profiles.
    pub(super) omitted: [Vec<String>; 2],
}

/// What a stream came to; ids only of what is there.
#[derive(Debug, Default)]
pub(super) struct Provisioned {
    /// Fields that must be omitted.
    pub(super) omitted: Vec<String>,
    pub(super) inlet_url: Option<String>,
}

impl Stream {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Profiles => "profiles",
        }
    }

    pub(super) fn key(self, what: &str) -> String {
        format!("{}-{what}", self.name())
    }

    fn class(self) -> &'static str {
        match self {
            Self::Events => registry::EVENT_CLASS,
            Self::Profiles => registry::PROFILE_CLASS,
        }
    }

    fn group(self) -> (&'static str, &'static str) {
        match self {
            Self::Events => (EVENT_FIELDS, "event fields"),
            Self::Profiles => (PROFILE_FIELDS, "profile fields"),
        }
    }

    fn data_type(self) -> &'static str {
        match self {
            Self::Events => "xdm",
            Self::Profiles => "raw",
        }
    }
}

impl Session<'_> {
    /// Identity namespaces.
    pub(super) async fn namespaces(&mut self, wishes: &Wishes) -> Result<(), Refusal> {
        for code in &wishes.namespaces {
            let wanted = Wanted {
                key: format!("namespace-{code}"),
                kind: Kind::Namespace,
                name: code.clone(),
                why: "customers are known by it",
                body: Some(json!({
                    "name": format!("{} {code}", wishes.prefix), "code": code,
                    "description": "A customer's identity at Capillary", "idType": "Cross_device",
                })),
                fits: Vec::new(),
            };
            self.ensure(wanted).await?;
        }
        Ok(())
    }

    /// One stream, from its fields to its flow.
    pub(super) async fn stream(
        &mut self,
        stream: Stream,
        wishes: &Wishes,
    ) -> Result<Provisioned, Refusal> {
        let groups = match stream {
            Stream::Events => registry::EVENT_GROUPS,
            Stream::Profiles => registry::PROFILE_GROUPS,
        };
        let standard = registry::standard(&mut self.api, groups).await?;
        let mut omitted = self.schema(stream, wishes, &standard).await?;
        omitted.extend_from_slice(&wishes.omitted[stream as usize]);
        omitted.sort();
        omitted.dedup();
        if !omitted.is_empty() {
            self.desk.say(&format!(
                "  left out of {}, as the registry lacks it or the configuration says so: {}",
                stream.name(),
                omitted.join(", ")
            ));
        }
        let name = format!("{} {}", wishes.prefix, stream.name());
        self.dataset(stream, "dataset", &name, true).await?;
        if stream == Stream::Profiles {
            let name = format!("{} identities", wishes.prefix);
            self.dataset(stream, "identity-dataset", &name, false)
                .await?;
        }
        let connection = self.connection(stream, &name).await?;
        self.source(stream, &name).await?;
        self.target(stream, &name).await?;
        if stream == Stream::Profiles {
            self.mapping_set(&name, wishes, &omitted).await?;
        }
        self.flow(stream, &name).await?;
        let inlet_url = match connection {
            Some(connection) => Some(self.inlet_url(stream, connection).await?),
            None => None,
        };
        Ok(Provisioned { omitted, inlet_url })
    }

    /// Own field group and schema. Gives the fields the schema lacks.
    async fn schema(
        &mut self,
        stream: Stream,
        wishes: &Wishes,
        standard: &Standard,
    ) -> Result<Vec<String>, Refusal> {
        let tenant = wishes.tenant.as_deref();
        let (fields, title) = stream.group();
        if let Some(tenant) = tenant {
            let name = format!("{} {title}", wishes.prefix);
            let mut body: Value =
                serde_json::from_str(&fields.replace("{TENANT}", tenant)).unwrap_or_default();
            body["title"] = name.clone().into();
            let wanted = Wanted {
                key: stream.key("field-group"),
                kind: Kind::FieldGroup,
                name,
                why: "what Capillary says and XDM has no field for",
                body: Some(body),
                fits: Vec::new(),
            };
            self.ensure(wanted).await?;
        }
        let own = self.id(&stream.key("field-group"));
        let mut all = vec![json!({"$ref": stream.class()})];
        all.extend(standard.groups.iter().map(|group| json!({"$ref": group})));
        all.extend(own.map(|group| json!({"$ref": group})));
        let complete = tenant.is_none() || own.is_some();
        let name = format!("{} {}", wishes.prefix, stream.name());
        let body = json!({
            "type": "object", "title": name, "allOf": all, "meta:immutableTags": ["union"],
            "description": "Loyalty data of Capillary",
        });
        let wanted = Wanted {
            key: stream.key("schema"),
            kind: Kind::Schema,
            name,
            why: "what records may hold; enabled for Profile",
            body: complete.then_some(body),
            fits: Vec::new(),
        };
        let words = wanted.words();
        let found = self.ensure(wanted).await?;
        let fields = match stream {
            Stream::Events => event_paths(tenant),
            Stream::Profiles => profile_paths(tenant),
        };
        let what = format!("looking at {words}");
        let full = match found {
            Some(found) => registry::schema(&mut self.api, &found.id, &what).await?,
            None => None,
        };
        let Some(full) = full else {
            let fields: Vec<_> = fields
                .into_iter()
                .filter(|field| {
                    !OF_CLASS.contains(&field.path.as_str()) && !field.path.starts_with('_')
                })
                .collect();
            return Ok(registry::absent(&fields, &standard.properties));
        };
        let in_profile = full.body["meta:immutableTags"]
            .as_array()
            .is_some_and(|tags| tags.iter().any(|tag| tag == "union"));
        if !in_profile {
            let text = "it is not enabled for Profile; enable it in Experience Platform, which \
                        cannot be undone, or choose another --prefix";
            return Err(Refusal::new(what, Reason::Useless(text.to_owned())));
        }
        let absent = registry::absent(&fields, &full.body["properties"]);
        let of_tenant = |path: &&String| path.starts_with('_') && *path != "_id";
        let own: Vec<&String> = absent.iter().filter(of_tenant).collect();
        if let Some(first) = own.first() {
            let text = format!(
                "it lacks {} of the tenant's fields, such as {first}; add them \
                (docs/field-group-*.json), choose another --prefix, or use --no-tenant",
                own.len()
            );
            return Err(Refusal::new(what, Reason::Useless(text)));
        }
        Ok(absent)
    }

    async fn dataset(
        &mut self,
        stream: Stream,
        what: &str,
        name: &str,
        in_profile: bool,
    ) -> Result<(), Refusal> {
        let schema = self.id(&stream.key("schema")).map(str::to_owned);
        let wanted = Wanted {
            key: stream.key(what),
            kind: Kind::Dataset,
            name: name.to_owned(),
            why: if in_profile {
                "where records land; enabled for Profile"
            } else {
                "links identities of upserts; not enabled for Profile"
            },
            body: schema.as_ref().map(|schema| {
                json!({
                    "name": name, "schemaRef": {"id": schema, "contentType": CONTENT_TYPE},
                    "enableErrorDiagnostics": true,
                    "tags": {
                        "unifiedProfile": [format!("enabled:{in_profile}")],
                        "unifiedIdentity": ["enabled:true"],
                    },
                })
            }),
            fits: schema
                .map(|schema| ("/schemaRef/id", schema.into()))
                .into_iter()
                .collect(),
        };
        self.ensure(wanted).await?;
        Ok(())
    }

    async fn connection(&mut self, stream: Stream, name: &str) -> Result<Option<Found>, Refusal> {
        let source = name.to_lowercase().replace(' ', "-");
        let data_type = stream.data_type();
        let wanted = Wanted {
            key: stream.key("connection"),
            kind: Kind::Connection,
            name: name.to_owned(),
            why: "the inlet records are sent to",
            body: Some(json!({
                "name": name, "connectionSpec": {"id": HTTP_API, "version": "1.0"},
                "auth": {"specName": "Streaming Connection", "params": {
                    "sourceId": source, "name": source, "dataType": data_type,
                    "authenticationRequired": true,
                }},
            })),
            fits: vec![
                ("/connectionSpec/id", HTTP_API.into()),
                ("/auth/params/dataType", data_type.into()),
            ],
        };
        self.ensure(wanted).await
    }

    async fn source(&mut self, stream: Stream, name: &str) -> Result<(), Refusal> {
        let base = self.id(&stream.key("connection")).map(str::to_owned);
        let wanted = Wanted {
            key: stream.key("source-connection"),
            kind: Kind::SourceConnection,
            name: name.to_owned(),
            why: "what the flow reads",
            body: base.as_ref().map(|base| {
                json!({"name": name, "baseConnectionId": base,
                       "connectionSpec": {"id": HTTP_API, "version": "1.0"}})
            }),
            fits: base
                .map(|base| ("/baseConnectionId", base.into()))
                .into_iter()
                .collect(),
        };
        self.ensure(wanted).await?;
        Ok(())
    }

    async fn target(&mut self, stream: Stream, name: &str) -> Result<(), Refusal> {
        let schema = self.id(&stream.key("schema"));
        let dataset = self.id(&stream.key("dataset")).map(str::to_owned);
        let wanted = Wanted {
            key: stream.key("target-connection"),
            kind: Kind::TargetConnection,
            name: name.to_owned(),
            why: "where the flow writes",
            body: schema.zip(dataset.as_ref()).map(|(schema, dataset)| {
                json!({"name": name, "params": {"dataSetId": dataset},
                       "data": {"schema": {"id": schema, "version": CONTENT_TYPE}},
                       "connectionSpec": {"id": DATA_LAKE, "version": "1.0"}})
            }),
            fits: dataset
                .map(|dataset| ("/params/dataSetId", dataset.into()))
                .into_iter()
                .collect(),
        };
        self.ensure(wanted).await?;
        Ok(())
    }

    /// A set is tried before it is made.
    async fn mapping_set(
        &mut self,
        name: &str,
        wishes: &Wishes,
        omitted: &[String],
    ) -> Result<(), Refusal> {
        let schema = self.id("profiles-schema").map(str::to_owned);
        let mut wanted = Wanted {
            key: "profiles-mapping-set".to_owned(),
            kind: Kind::MappingSet,
            name: name.to_owned(),
            why: "makes profiles of what is sent",
            body: None,
            fits: schema
                .clone()
                .map(|schema| ("/outputSchema/schemaRef/id", schema.into()))
                .into_iter()
                .collect(),
        };
        if let Some(schema_id) = &schema
            && self.mode == Mode::Apply
        {
            let purpose = Purpose {
                name,
                schema_id,
                tenant: wishes.tenant.as_deref(),
                namespaces: &wishes.namespaces,
                omitted,
            };
            wanted.body = Some(mapping_sets::proven(&mut self.api, &purpose).await?);
        }
        self.ensure(wanted).await?;
        Ok(())
    }

    async fn flow(&mut self, stream: Stream, name: &str) -> Result<(), Refusal> {
        let source = self.id(&stream.key("source-connection"));
        let target = self.id(&stream.key("target-connection"));
        let mapping = self.id("profiles-mapping-set");
        let ends = source.zip(target);
        let fits = ends.map(|(source, target)| {
            vec![
                ("/sourceConnectionIds/0", source.into()),
                ("/targetConnectionIds/0", target.into()),
            ]
        });
        let body = ends.and_then(|(source, target)| {
            let mut body = json!({
                "name": name, "sourceConnectionIds": [source], "targetConnectionIds": [target],
                "flowSpec": {"id": PLAIN_FLOW, "version": "1.0"},
            });
            if stream == Stream::Profiles {
                body["flowSpec"]["id"] = MAPPED_FLOW.into();
                body["transformations"] = json!([
                    {"name": "Mapping", "params": {"mappingId": mapping?, "mappingVersion": 0}},
                ]);
            }
            Some(body)
        });
        let wanted = Wanted {
            key: stream.key("flow"),
            kind: Kind::Flow,
            name: name.to_owned(),
            why: "carries records from the inlet to the dataset",
            body,
            fits: fits.unwrap_or_default(),
        };
        let words = wanted.words();
        let found = self.ensure(wanted).await?;
        let state = found
            .as_ref()
            .and_then(|found| found.body["state"].as_str());
        if let Some(state) = state.filter(|state| *state != "enabled") {
            let text = format!("it is {state}; enable it in Experience Platform (Sources)");
            return Err(Refusal::new(
                format!("looking at {words}"),
                Reason::Useless(text),
            ));
        }
        Ok(())
    }

    /// The URL records go to.
    async fn inlet_url(&mut self, stream: Stream, connection: Found) -> Result<String, Refusal> {
        let wanted = Wanted {
            key: stream.key("connection"),
            kind: Kind::Connection,
            name: stream.name().to_owned(),
            why: "",
            body: None,
            fits: Vec::new(),
        };
        let mut body = connection.body;
        for failures in 1..=INLET_LOOKS {
            if let Some(url) = body["auth"]["params"]["inletUrl"].as_str() {
                return Ok(url.to_owned());
            }
            if failures > 1 {
                self.api.pause(failures).await;
            }
            let found = super::services::get(&mut self.api, &wanted, &connection.id).await?;
            body = found.map(|found| found.body).unwrap_or_default();
        }
        match body["auth"]["params"]["inletUrl"].as_str() {
            Some(url) => Ok(url.to_owned()),
            None => Err(Refusal::new(
                format!("asking for the inlet of {}", stream.name()),
                Reason::Unavailable("the connection shows no inletUrl yet".to_owned()),
            )),
        }
    }
}
