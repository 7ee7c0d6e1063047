//! The forms of values, for the [schema](mod@super::schema): what an editor can check while
//! somebody types.
//!
//! A form never refuses what validation accepts. The reverse is not promised: validation stays the
//! judge.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::defaults;
use super::yaml::scalar::{self, Partition, Period, Size, StartAt};

/// The package data of the SmartModule, where its parameters are described.
const MODULE: &str = include_str!("../../../../smartmodule/SmartModule.toml");

/// A word among those a key accepts.
pub(super) trait Word {
    fn word(&self) -> &'static str;
}

impl Word for &'static str {
    fn word(&self) -> &'static str {
        self
    }
}

impl<T> Word for (&'static str, T) {
    fn word(&self) -> &'static str {
        self.0
    }
}

// === texts ===

/// One of a few words. (That null is none of them does not matter: it passes as what may be a
/// placeholder.)
pub(super) fn one_of<W: Word>(words: &'static [W]) -> impl Fn(&mut Schema) {
    |schema| drop(schema.insert("enum".to_owned(), listed(words)))
}

fn listed<W: Word>(words: &[W]) -> Value {
    words.iter().map(|word| Value::from(word.word())).collect()
}

/// A list of such words.
pub(super) fn list_of<W: Word>(words: &'static [W]) -> impl Fn(&mut Schema) {
    move |schema| {
        schema.insert(
            "items".to_owned(),
            json!({ "type": "string", "enum": listed(words) }),
        );
    }
}

pub(super) fn text(schema: &mut Schema) {
    pattern(
        schema,
        "text",
        r"^\S(.*\S)?$",
        "a text that neither begins nor ends with a blank",
    );
}

/// A text whose value is shown nowhere.
pub(super) fn confidential(schema: &mut Schema) {
    text(schema);
    // What JSON Schema has for passwords.
    schema.insert("writeOnly".to_owned(), true.into());
}

/// The URL of a proxy, which may hold a password.
pub(super) fn proxy(schema: &mut Schema) {
    url(schema);
    schema.insert("writeOnly".to_owned(), true.into());
}

pub(super) fn path(schema: &mut Schema) {
    text(schema);
    entitle(schema, "path");
}

pub(super) fn identifier(schema: &mut Schema) {
    let message = "an identifier of printable ASCII characters without blanks";
    pattern(schema, "identifier", "^[!-~]{1,512}$", message);
}

pub(super) fn secret_name(schema: &mut Schema) {
    let message = "letters, digits and underscores, not beginning with a digit";
    pattern(schema, "name", "^[A-Za-z_][A-Za-z0-9_]*$", message);
    // What is no name may be the secret itself.
    schema.insert("writeOnly".to_owned(), true.into());
}

pub(super) fn topic_name(schema: &mut Schema) {
    let message =
        "a topic name: lower-case letters, digits and hyphens, at most 63, no hyphen at the ends";
    pattern(
        schema,
        "topic name",
        "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
        message,
    );
}

pub(super) fn module(schema: &mut Schema) {
    let message = "the SmartModule: group/name@version, group/name or name";
    let form = "^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+(@[A-Za-z0-9.+-]+)?)?$";
    pattern(
        schema,
        "`group/name@version`, `group/name`, `name`",
        form,
        message,
    );
}

pub(super) fn organization_id(schema: &mut Schema) {
    let message = "an organization id: letters and digits, then @AdobeOrg";
    pattern(schema, "`…@AdobeOrg`", "^[A-Za-z0-9]+@AdobeOrg$", message);
}

pub(super) fn listen(schema: &mut Schema) {
    let message = "an IP address and port, such as 127.0.0.1:9464, or off";
    pattern(
        schema,
        "IP address and port, `off`",
        r"^(off|.+:[0-9]{1,5})$",
        message,
    );
}

pub(super) fn url(schema: &mut Schema) {
    pattern(
        schema,
        "URL",
        r"^https?://[^\s\\]+$",
        "a URL such as https://…",
    );
}

pub(super) fn inlet_url(schema: &mut Schema) {
    let message = "a URL that ends in /collection/{inlet id}";
    pattern(
        schema,
        "URL",
        r"^https?://[^\s\\?#]+/collection/[^\s\\?#]+$",
        message,
    );
}

pub(super) fn schema_content_type(schema: &mut Schema) {
    let message = "a media type such as application/vnd.adobe.xed-full+json;version=1";
    pattern(
        schema,
        "media type",
        r"^application/vnd\.adobe\.xed",
        message,
    );
}

fn pattern(schema: &mut Schema, title: &str, pattern: &str, message: &str) {
    entitle(schema, title);
    schema.insert("pattern".to_owned(), pattern.into());
    // Not of JSON Schema: what yaml-language-server says instead of showing the pattern.
    schema.insert(
        "patternErrorMessage".to_owned(),
        format!("Expected {message}").into(),
    );
}

fn entitle(schema: &mut Schema, title: &str) {
    schema.insert("title".to_owned(), title.into());
}

// === sections ===

/// `events`: which format needs which keys.
pub(super) fn events(schema: &mut Schema) {
    *property(schema, "format") = json!({
        "type": ["string", "null"],
        "description": "`xdm` in batches; or bare events to a flow that maps them, `raw` as they are or `capillary-source` as Adobe's Capillary source has them",
        "default": "xdm",
        "enum": listed(&defaults::EVENT_FORMATS),
    });
    for key in ["identity-dataset-id", "settle"] {
        *property(schema, key) = json!({ "type": "null", "description": "Refused: profiles only" });
    }
    schema.insert(
        "allOf".to_owned(),
        json!([
            when(&["xdm"], true, &["schema-id", "dataset-id"], &[]),
            when(
                &["raw", "capillary-source"],
                false,
                &["flow-id"],
                &["schema-id", "schema-content-type"]
            ),
        ]),
    );
}

/// `profiles`: which format needs which keys.
pub(super) fn profiles(schema: &mut Schema) {
    *property(schema, "format") = json!({
        "type": ["string", "null"],
        "description": "`upsert` changes what it states; `raw` goes to a flow that maps it, and so \
            does `capillary-source`, as Adobe's Capillary source has it; `xdm` replaces the record",
        "default": "upsert",
        "enum": listed(&defaults::PROFILE_FORMATS),
    });
    let xdm_only = ["schema-id", "schema-content-type"];
    schema.insert(
        "allOf".to_owned(),
        json!([
            when(&["upsert"], true, &["flow-id", "dataset-id"], &xdm_only),
            when(
                &["raw", "capillary-source"],
                false,
                &["flow-id"],
                &["schema-id", "schema-content-type", "identity-dataset-id"]
            ),
            when(
                &["xdm"],
                false,
                &["schema-id", "dataset-id"],
                &["identity-dataset-id"]
            ),
        ]),
    );
}

/// With these formats (with none as well, when it is the default), keys that are needed and keys of
/// no use.
fn when(formats: &[&str], default: bool, needed: &[&str], useless: &[&str]) -> Value {
    let mut words: Vec<Value> = formats.iter().map(|format| (*format).into()).collect();
    let mut condition = json!({});
    if default {
        words.push(Value::Null);
    } else {
        condition["required"] = json!(["format"]);
    }
    condition["properties"] = json!({ "format": { "enum": words } });
    let needed_keys = needed
        .iter()
        .map(|key| ((*key).to_owned(), json!({ "type": "string" })));
    let useless_keys = useless
        .iter()
        .map(|key| ((*key).to_owned(), json!({ "type": "null" })));
    let keys: Map<String, Value> = needed_keys.chain(useless_keys).collect();
    json!({ "if": condition, "then": { "required": needed, "properties": keys } })
}

/// `meta.topic` is an object from apiVersion 0.2.0 on, and a name before.
pub(super) fn topic_by_version(schema: &mut Schema) {
    let topic = |kind: &str| json!({ "properties": { "meta": { "properties": { "topic": { "type": kind } } } } });
    let version = |versions: Value| json!({ "properties": { "apiVersion": { "enum": versions } } });
    let mut later = version(json!(["0.2.0"]));
    later["required"] = json!(["apiVersion"]);
    schema.insert(
        "allOf".to_owned(),
        json!([
            { "if": version(json!(["0.0.0", "0.1.0", null])), "then": topic("string") },
            { "if": later, "then": topic("object") },
        ]),
    );
}

/// Stock connectors write `max_bytes`.
pub(super) fn stock_spelling_of_max_bytes(schema: &mut Schema) {
    let mut stock = property(schema, "max-bytes").clone();
    stock["description"] = "The stock spelling of `max-bytes`".into();
    stock["default"] = Value::Null;
    // Not of JSON Schema: yaml-language-server strikes such a key out and does not propose it.
    stock["deprecationMessage"] = "Write max-bytes".into();
    *property(schema, "max_bytes") = stock;
    schema.insert(
        "not".to_owned(),
        json!({ "required": ["max-bytes", "max_bytes"] }),
    );
}

/// The schema of a key.
fn property<'s>(schema: &'s mut Schema, key: &str) -> &'s mut Value {
    let properties = schema
        .ensure_object()
        .entry("properties")
        .or_insert_with(|| json!({}));
    &mut properties[key]
}

// === types ===

/// `transforms[].with`: the parameters the SmartModule's package describes.
pub(super) struct ParametersSchema;

impl JsonSchema for ParametersSchema {
    fn schema_name() -> Cow<'static, str> {
        "Parameters".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let parameters: Map<String, Value> = parameters()
            .map(|(name, meaning)| {
                let value =
                    json!({ "type": ["string", "array", "object"], "description": meaning });
                (name, value)
            })
            .collect();
        json_schema!({
            "title": "map of texts, lists and maps",
            "type": "object",
            "properties": parameters,
            "additionalProperties": false,
        })
    }
}

/// Name and meaning of each parameter. Reads what this one file has: strings on one line, with
/// escaped quotes.
fn parameters() -> impl Iterator<Item = (String, String)> {
    let text = |section: &str, key: &str| {
        let line = section.lines().find_map(|line| line.strip_prefix(key))?;
        serde_json::from_str::<String>(line.trim()).ok()
    };
    MODULE
        .split("[[params]]")
        .skip(1)
        .filter_map(move |section| {
            Some((text(section, "name =")?, text(section, "description =")?))
        })
}

impl JsonSchema for Period {
    fn schema_name() -> Cow<'static, str> {
        "Period".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        const FORM: &str = r"^\s*(0|([0-9][0-9\s.]*(nanos|nsec|ns|usec|us|µs|millis|msec|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|wks?|wk|w|months?|M|years?|yrs?|yr|y)\s*)+)\s*$";
        let mut schema = json_schema!({ "type": "string" });
        pattern(&mut schema, "duration", FORM, scalar::PERIOD);
        schema
    }
}

impl JsonSchema for Size {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut schema = json_schema!({ "type": ["integer", "string"], "minimum": 1 });
        pattern(
            &mut schema,
            "size",
            r"^\+?[0-9.]+\s*([KkMmGgTtPp]?[Ii]?[Bb]?)$",
            scalar::SIZE,
        );
        schema
    }
}

impl JsonSchema for Partition {
    fn schema_name() -> Cow<'static, str> {
        "Partition".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let number = json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX });
        json_schema!({
            "title": "`all`, number, list of numbers, `{index: N, of: M}`",
            "anyOf": [
                { "type": "string", "enum": ["all"] },
                number,
                { "type": "array", "items": number, "minItems": 1, "uniqueItems": true },
                {
                    "type": "object",
                    "properties": {
                        "index": { "anyOf": [number, {
                            "type": "object",
                            "properties": { "env": { "type": "string", "minLength": 1 } },
                            "required": ["env"],
                            "additionalProperties": false,
                        }] },
                        "of": { "type": "integer", "minimum": 1, "maximum": u32::MAX },
                    },
                    "required": ["index", "of"],
                    "additionalProperties": false,
                },
            ],
        })
    }
}

impl JsonSchema for StartAt {
    fn schema_name() -> Cow<'static, str> {
        "StartAt".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let counted = |key: &str, most: u64| {
            json!({
                "type": "object",
                "properties": { key: { "type": "integer", "minimum": 0, "maximum": most } },
                "required": [key],
                "additionalProperties": false,
            })
        };
        json_schema!({
            "title": "`beginning`, `end`, `{absolute: N}`, `{from-beginning: N}`, `{from-end: N}`",
            "anyOf": [
                { "type": "string", "enum": ["beginning", "end"] },
                counted("absolute", i64::MAX as u64),
                counted("from-beginning", u32::MAX.into()),
                counted("from-end", u32::MAX.into()),
            ],
        })
    }
}
