//! `experience-platform.events` and `.profiles`: which keys each format needs, and which it has no
//! use for.

use std::time::Duration;

use url::Url;

use super::rules;
use crate::config::defaults;
use crate::config::keys::InletKeys;
use crate::config::model::{
    Events, Inlet, InletFormat, Platform, Profiles, RawShape, SchemaRef, Transform,
};
use crate::config::problem::Problems;
use crate::config::yaml::path::KeyPath;
use crate::config::yaml::scalar::Period;

const FLOW_ID: &str = "the id of the flow (dataflow) that maps the raw messages of this inlet";
const DATASET_ID: &str = "the id of the dataset";

/// A section whose values are checked one by one, but not yet against the format.
struct Checked {
    format: Option<InletFormat>,
    inlet: Option<Inlet>,
    schema: Option<SchemaRef>,
    identity_dataset_id: Option<String>,
}

/// Validates `events`.
pub(super) fn events(keys: Option<InletKeys>, problems: &mut Problems<'_>) -> Option<Events> {
    let root = KeyPath::of("experience-platform.events");
    let keys = problems.require(&root, keys, "the section that says where events go")?;
    if keys.settle.is_some() {
        let path = root.key("settle");
        problems.add(
            &path,
            "has no meaning for events, which carry their own time",
        );
    }
    let checked = section(&root, keys, &defaults::EVENT_FORMATS, problems);
    let inlet = checked.inlet?;
    match checked.format? {
        format @ (InletFormat::Raw | InletFormat::CapillarySource) => Some(Events::Raw {
            flow_id: inlet.flow_id.clone()?,
            inlet,
            shape: shape(format),
        }),
        InletFormat::Xdm | InletFormat::Upsert => {
            inlet.dataset_id.as_ref()?;
            Some(Events::Xdm {
                inlet,
                schema: checked.schema?,
            })
        }
    }
}

/// Validates `profiles`.
pub(super) fn profiles(keys: InletKeys, problems: &mut Problems<'_>) -> Option<Profiles> {
    let root = KeyPath::of("experience-platform.profiles");
    let checked = section(&root, keys, &defaults::PROFILE_FORMATS, problems);
    let inlet = checked.inlet?;
    match checked.format? {
        InletFormat::Upsert => Some(Profiles::Upsert {
            flow_id: inlet.flow_id.clone()?,
            dataset_id: inlet.dataset_id.clone()?,
            identity_dataset_id: checked.identity_dataset_id,
            inlet,
        }),
        format @ (InletFormat::Raw | InletFormat::CapillarySource) => Some(Profiles::Raw {
            flow_id: inlet.flow_id.clone()?,
            inlet,
            shape: shape(format),
        }),
        InletFormat::Xdm => {
            inlet.dataset_id.as_ref()?;
            Some(Profiles::Xdm {
                inlet,
                schema: checked.schema?,
            })
        }
    }
}

fn shape(format: InletFormat) -> RawShape {
    match format {
        InletFormat::CapillarySource => RawShape::CapillarySource,
        InletFormat::Xdm | InletFormat::Raw | InletFormat::Upsert => RawShape::Xdm,
    }
}

/// Checks that what is mapped can be written in the shape of Adobe's Capillary source, where an
/// inlet wants that.
pub(super) fn check_shapes(
    platform: &Platform,
    transform: &Transform,
    problems: &mut Problems<'_>,
) {
    let events = matches!(
        platform.events,
        Events::Raw {
            shape: RawShape::CapillarySource,
            ..
        }
    );
    let profiles = matches!(
        platform.profiles,
        Some(Profiles::Raw {
            shape: RawShape::CapillarySource,
            ..
        })
    );
    let root = KeyPath::of("experience-platform");
    for (section, _) in [("events", events), ("profiles", profiles)]
        .into_iter()
        .filter(|(_, is_shaped)| *is_shaped)
    {
        if !transform.params.is_email_primary() {
            problems.add(
                &root.key(section).key("format"),
                "capillary-source needs `primary-identity: email`, with the namespace `Email`, \
                below `transforms[0].with`: in that shape the e-mail address is the identity, and \
                Experience Platform would acknowledge and drop a record without it",
            );
        }
    }
    if events && !transform.with.contains_key("line-price") {
        problems.add(
            &root.key("events").key("format"),
            "capillary-source needs `line-price` below `transforms[0].with`: `before-discount`, as \
            in Adobe's sample, or `after-discount`, whichever the flow's mapping and the reports \
            over it expect",
        );
    }
}

/// Validates `profiles.settle`.
pub(super) fn settle(keys: &InletKeys, problems: &mut Problems<'_>) -> Duration {
    let Some(Period(settle)) = keys.settle else {
        let word = keys.format.as_deref();
        let is_upsert = word.is_none_or(|word| word == InletFormat::Upsert.as_str());
        return if is_upsert {
            defaults::SETTLE
        } else {
            Duration::ZERO
        };
    };
    if settle > defaults::SETTLE_LIMIT {
        let path = KeyPath::of("experience-platform.profiles.settle");
        problems.expected(&path, "a duration of at most 1m");
    }
    settle
}

/// Checks a section; the first of `choices` is the default format.
fn section(
    root: &KeyPath,
    keys: InletKeys,
    choices: &[(&str, InletFormat)],
    problems: &mut Problems<'_>,
) -> Checked {
    let path = root.key("format");
    let format = match keys.format.as_deref() {
        // A mistyped format must not become the default.
        word @ Some(_) => rules::choice(&path, word, choices, problems),
        None if problems.mentions(&path) => None,
        None => choices.first().map(|(_, format)| *format),
    };
    if let Some(format) = format {
        refuse_useless(root, &keys, format, problems);
        require_keys(root, &keys, format, problems);
    }
    let path = root.key("inlet-url");
    let url = problems.require(
        &path,
        keys.inlet_url,
        "the inlet's URL, https://…/collection/…, as Adobe shows it",
    );
    let urls = url.and_then(|url| inlet_urls(&path, &url, problems));
    let mut identifier = |key: &str, value: Option<String>| {
        value.and_then(|value| rules::identifier(&root.key(key), value, problems))
    };
    let dataset_id = identifier("dataset-id", keys.dataset_id);
    let flow_id = identifier("flow-id", keys.flow_id);
    let identity_dataset_id = identifier("identity-dataset-id", keys.identity_dataset_id);
    let inlet = urls.map(|(url, batch_url)| Inlet {
        url,
        batch_url,
        dataset_id,
        flow_id,
    });
    Checked {
        format,
        inlet,
        schema: schema(root, keys.schema_id, keys.schema_content_type, problems),
        identity_dataset_id,
    }
}

/// Keys a format has no use for are refused, because their author expects them to do something.
fn refuse_useless(
    root: &KeyPath,
    keys: &InletKeys,
    format: InletFormat,
    problems: &mut Problems<'_>,
) {
    let xdm_only = [
        ("schema-id", keys.schema_id.is_some()),
        ("schema-content-type", keys.schema_content_type.is_some()),
    ];
    let upsert_only = [("identity-dataset-id", keys.identity_dataset_id.is_some())];
    let mut refuse = |keys: &[(&str, bool)], only: &str| {
        for (key, _) in keys.iter().filter(|(_, present)| *present) {
            let word = format.as_str();
            problems.add(
                &root.key(key),
                format!("has no meaning with format {word}, only with {only}"),
            );
        }
    };
    if format != InletFormat::Xdm {
        refuse(&xdm_only, "xdm");
    }
    if format != InletFormat::Upsert {
        refuse(&upsert_only, "profiles of format upsert");
    }
}

fn require_keys(
    root: &KeyPath,
    keys: &InletKeys,
    format: InletFormat,
    problems: &mut Problems<'_>,
) {
    let mut require = |key: &str, value: &Option<String>, expected: &str| {
        problems.require(
            &root.key(key),
            value.as_ref(),
            &format!("{expected} (format {})", format.as_str()),
        );
    };
    match format {
        InletFormat::Xdm => {
            require(
                "schema-id",
                &keys.schema_id,
                "the schema's URL, https://ns.adobe.com/…/schemas/…",
            );
            // The OpenAPI document requires it in the header of every message. It requires the flow
            // id as well, which older tutorials leave out, so that one is sent when it is known.
            require("dataset-id", &keys.dataset_id, DATASET_ID);
        }
        InletFormat::Raw | InletFormat::CapillarySource => {
            require("flow-id", &keys.flow_id, FLOW_ID);
        }
        InletFormat::Upsert => {
            require("flow-id", &keys.flow_id, FLOW_ID);
            require("dataset-id", &keys.dataset_id, DATASET_ID);
        }
    }
}

/// The URL as Adobe shows it, and the one for batches that follows from it.
fn inlet_urls(path: &KeyPath, text: &str, problems: &mut Problems<'_>) -> Option<(Url, Url)> {
    if text.contains("x-adobe-flow-id=") {
        problems.expected(
            path,
            "the URL without `?x-adobe-flow-id=…`; that id belongs into `flow-id`",
        );
        return None;
    }
    let url = rules::secure_url(path, text, problems)?;
    let segments: Vec<&str> = url.path_segments()?.collect();
    let [above @ .., "collection", id] = segments.as_slice() else {
        problems.expected(
            path,
            "a URL that ends in /collection/{inlet id} (the one for batches is derived from it)",
        );
        return None;
    };
    if id.is_empty() || *id == "batch" {
        problems.expected(path, "a URL that ends in /collection/{inlet id}");
        return None;
    }
    let mut batch_url = url.clone();
    let batch_path: Vec<&str> = above
        .iter()
        .copied()
        .chain(["collection", "batch", id])
        .collect();
    batch_url.set_path(&batch_path.join("/"));
    Some((url, batch_url))
}

fn schema(
    root: &KeyPath,
    id: Option<String>,
    content_type: Option<String>,
    problems: &mut Problems<'_>,
) -> Option<SchemaRef> {
    let path = root.key("schema-content-type");
    let content_type = content_type.unwrap_or_else(|| defaults::SCHEMA_CONTENT_TYPE.to_owned());
    let content_type_fits = content_type.starts_with("application/vnd.adobe.xed")
        && !content_type.contains(char::is_control);
    if !content_type_fits {
        problems.expected(
            &path,
            &format!("a media type such as {}", defaults::SCHEMA_CONTENT_TYPE),
        );
    }
    let id = id?;
    // What copying from an address line or from JSON leaves behind.
    let is_spoilt = |id: &str| id.contains(['%', '"', '\'', '`', '<', '>', '{', '}', ',']);
    if is_spoilt(&id) {
        problems.expected(
            &root.key("schema-id"),
            "the schema's URL, https://ns.adobe.com/…/schemas/…, without quotation marks, blanks \
            and `%`",
        );
        return None;
    }
    if rules::url(&id).is_none() {
        problems.expected(
            &root.key("schema-id"),
            "the schema's URL, https://ns.adobe.com/…/schemas/…",
        );
        return None;
    }
    content_type_fits.then_some(SchemaRef { id, content_type })
}
