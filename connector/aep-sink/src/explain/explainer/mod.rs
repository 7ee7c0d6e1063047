//! `map --explain`: for people, which field of an event went where, what was left out and why.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

use capillary_xdm::{MAX_EVENT_BYTES, MAX_PROFILE_BYTES, Mapper, Params};
use serde_json::Value;

use super::trace::{self, Effect, Field, Fields, Mapped, XdmClass};
use super::words::{NOTES, SKIPS, meaning};

/// Width of the column of pointers, when they are no longer.
const POINTER_WIDTH: usize = 52;
/// Texts longer than this are shortened to see what an event of a smaller size would have had.
const SHORT: usize = 16;
/// Values shown are cut here.
const SHOWN_CHARS: usize = 60;
/// What the tenant's part is called, and a tenant to try.
const TENANT: &str = "tenant";

/// Explains events with the parameters of a configuration.
pub(super) struct Explainer {
    /// The transform's `with`.
    pairs: BTreeMap<String, String>,
    mapper: Mapper,
}

impl Explainer {
    pub(super) fn new(pairs: BTreeMap<String, String>, params: Params) -> Self {
        Self {
            pairs,
            mapper: Mapper::new(params),
        }
    }

    /// Explains one line of input.
    pub(super) fn explain(&mut self, value: &[u8], line: i64) -> String {
        let mut out = String::new();
        // Writing to a text cannot fail.
        let _ = self.write(value, line, &mut out);
        out
    }

    fn write(&mut self, value: &[u8], line: i64, out: &mut String) -> fmt::Result {
        let document = serde_json::from_slice::<Value>(value).ok();
        match trace::map(&mut self.mapper, value, line) {
            Mapped::Skipped(reason) => {
                writeln!(
                    out,
                    "event {line}: skipped, {reason}: {}",
                    meaning(&SKIPS, &reason)
                )?;
                writeln!(out, "  Nothing is sent, and the record counts as done.")?;
                match document {
                    Some(document) => self.write_clues(&document, &reason, out),
                    None => Ok(()),
                }
            }
            Mapped::Rejected {
                reason,
                pointer,
                message,
            } => {
                writeln!(out, "event {line}: rejected, {reason}: {message}")?;
                writeln!(out, "  The record goes to the dead-letter topic.")?;
                if pointer.is_empty() {
                    return Ok(());
                }
                let found = document
                    .as_ref()
                    .and_then(|document| document.pointer(&pointer));
                writeln!(
                    out,
                    "  {pointer} is {}",
                    found.map_or("not there".to_owned(), shown)
                )
            }
            Mapped::Fields { whole, fields } => {
                self.write_mapped(line, &whole, &fields, out)?;
                match document {
                    Some(document) => self.write_fields(&document, &fields, &whole, out),
                    None => Ok(()),
                }
            }
        }
    }

    /// What a skipped event has where the reason looks.
    fn write_clues(&mut self, document: &Value, reason: &str, out: &mut String) -> fmt::Result {
        let keys: &[&str] = match reason {
            "unknown_kind" | "unwanted_kind" => &["eventName", "eventType"],
            "other_organization" => &["orgId", "eventType"],
            _ if document.get("identityMap").is_some() => &["id"],
            _ => &["customerId", "email", "mobile", "externalId"],
        };
        let mut found = Vec::new();
        find(document, "", keys, &mut found);
        for (pointer, value) in &found {
            writeln!(out, "  {pointer} is {}", shown(value))?;
        }
        if found.is_empty() {
            writeln!(out, "  The event has none of: {}", keys.join(", "))?;
        }
        match reason {
            "no_primary_identity" => {
                let primary = self
                    .pairs
                    .get("primary-identity")
                    .map_or("customerId", String::as_str);
                writeln!(
                    out,
                    "  The primary identity is `{primary}` (parameter `primary-identity`)."
                )
            }
            "unwanted_kind" | "other_organization" => {
                let name = if reason == "unwanted_kind" {
                    "events"
                } else {
                    "organizations"
                };
                let wanted = self.pairs.get(name).map_or("the default", String::as_str);
                writeln!(out, "  The parameter `{name}` is {wanted}.")
            }
            _ => Ok(()),
        }
    }

    fn write_mapped(
        &self,
        line: i64,
        whole: &Value,
        fields: &Fields,
        out: &mut String,
    ) -> fmt::Result {
        let text = |key: &str| whole[key].as_str().unwrap_or_default();
        let has_profile = whole.get("profile").is_some();
        let what = if has_profile {
            "an event and a profile statement"
        } else {
            "an event"
        };
        writeln!(out, "event {line}: {}, mapped to {what}", text("name"))?;
        writeln!(out, "  _id         {}", text("id"))?;
        writeln!(out, "  order       kept among records of {}", text("key"))?;
        for (field, value) in fields
            .iter()
            .filter(|(field, _)| field.class == XdmClass::Event)
        {
            let Some(identity) = field
                .path
                .strip_prefix("identityMap.")
                .and_then(|rest| rest.strip_suffix(".id"))
            else {
                continue;
            };
            let primary = Field {
                class: XdmClass::Event,
                path: field.path.replace(".id", ".primary"),
            };
            let rank = if fields.get(&primary) == Some(&Value::Bool(true)) {
                ", primary"
            } else {
                ""
            };
            let namespace = identity.split('[').next().unwrap_or(identity);
            writeln!(
                out,
                "  identity    {} (namespace {namespace}{rank})",
                shown(value)
            )?;
        }
        let size = |key: &str| whole[key].to_string().len();
        let limit = self.pairs.get("max-event-bytes");
        let limit = limit.and_then(|limit| limit.trim().parse().ok());
        write!(
            out,
            "  size        event {} of {} bytes",
            size("event"),
            limit.unwrap_or(MAX_EVENT_BYTES)
        )?;
        if has_profile {
            write!(out, ", profile {} of {MAX_PROFILE_BYTES}", size("profile"))?;
        }
        out.push('\n');
        for note in notes(whole) {
            writeln!(out, "  note        {note}: {}", meaning(&NOTES, note))?;
        }
        Ok(())
    }

    fn write_fields(
        &mut self,
        document: &Value,
        fields: &Fields,
        whole: &Value,
        out: &mut String,
    ) -> fmt::Result {
        let traced = trace::trace(&mut self.mapper, document, fields);
        let of = |wanted: fn(&Effect) -> bool| {
            traced
                .effects
                .iter()
                .filter(move |(_, effect)| wanted(effect))
        };
        writeln!(out, "  went to")?;
        for (pointer, effect) in of(|effect| matches!(effect, Effect::MappedTo(_))) {
            if let Effect::MappedTo(fields) = effect {
                writeln!(out, "    {pointer:POINTER_WIDTH$} {}", grouped(fields))?;
            }
        }
        section(
            out,
            "decide whether it is mapped",
            of(|effect| matches!(effect, Effect::Decides(_))),
            |effect| match effect {
                Effect::Decides(reason) => format!("else {reason}"),
                _ => String::new(),
            },
        )?;
        section(
            out,
            "left out: not usable as they are",
            of(|effect| matches!(effect, Effect::Discarded(_))),
            |effect| match effect {
                Effect::Discarded(fields) => {
                    format!("another value would go to {}", grouped(fields))
                }
                _ => String::new(),
            },
        )?;
        section(
            out,
            "left out: say nothing",
            of(|effect| *effect == Effect::Empty),
            |_| String::new(),
        )?;
        section(
            out,
            "not used",
            of(|effect| *effect == Effect::Unused),
            |_| String::new(),
        )?;
        if traced.untried > 0 {
            writeln!(
                out,
                "  {} further values were not looked at",
                traced.untried
            )?;
        }
        self.write_parameters(document, fields, out)?;
        if notes(whole).any(|note| note == "trimmed") {
            let gained = self.gained_by_size(document, fields);
            writeln!(
                out,
                "  trimmed to stay under the size limit\n    {}",
                list(&gained)
            )?;
        }
        Ok(())
    }

    /// What other parameters would have added.
    fn write_parameters(&self, document: &Value, fields: &Fields, out: &mut String) -> fmt::Result {
        let mut tried: Vec<(String, &str, String)> = Vec::new();
        if !self.pairs.contains_key("tenant") {
            tried.push((
                "without the parameter `tenant`".to_owned(),
                "tenant",
                TENANT.to_owned(),
            ));
        }
        if !self.pairs.contains_key("time-zone") {
            tried.push((
                "without the parameter `time-zone`".to_owned(),
                "time-zone",
                "Z".to_owned(),
            ));
        }
        if self.pairs.contains_key("omit-fields") {
            tried.push((
                "by the parameter `omit-fields`".to_owned(),
                "omit-fields",
                String::new(),
            ));
        }
        for (identifier, identities) in self.further_identities() {
            tried.push((
                format!("without a namespace for `{identifier}` in the parameter `identities`"),
                "identities",
                identities,
            ));
        }
        for (why, name, value) in tried {
            let mut pairs = self.pairs.clone();
            if value.is_empty() {
                pairs.remove(name);
            } else {
                pairs.insert(name.to_owned(), value);
            }
            let Ok(params) = Params::from_pairs(pairs) else {
                continue;
            };
            let Mapped::Fields { fields: others, .. } =
                trace::map(&mut Mapper::new(params), document.to_string().as_bytes(), 0)
            else {
                continue;
            };
            let gained: BTreeSet<Field> = others
                .into_keys()
                .filter(|field| !fields.contains_key(field) && !field.path.ends_with(".primary"))
                .collect();
            if !gained.is_empty() {
                writeln!(out, "  left out {why}\n    {}", list(&gained))?;
            }
        }
        Ok(())
    }

    /// For each identifier that is not sent: the parameter with it.
    fn further_identities(&self) -> Vec<(&'static str, String)> {
        let given = self.pairs.get("identities").map(String::as_str);
        let given = given.unwrap_or(r#"{"customerId":"CapillaryId","email":"Email"}"#);
        let Ok(Value::Object(given)) = serde_json::from_str(given) else {
            return Vec::new();
        };
        let missing = ["customerId", "email", "mobile", "externalId"]
            .into_iter()
            .filter(|identifier| !given.contains_key(*identifier));
        missing
            .map(|identifier| {
                let mut with = given.clone();
                with.insert(identifier.to_owned(), identifier.into());
                (identifier, Value::Object(with).to_string())
            })
            .collect()
    }

    /// The fields the same event would have if its texts and lists were short.
    fn gained_by_size(&mut self, document: &Value, fields: &Fields) -> BTreeSet<Field> {
        let mut short = document.clone();
        shorten(&mut short);
        match trace::map(&mut self.mapper, short.to_string().as_bytes(), 0) {
            Mapped::Fields { fields: others, .. } => others
                .into_keys()
                .filter(|field| !fields.contains_key(field))
                .collect(),
            Mapped::Skipped(_) | Mapped::Rejected { .. } => BTreeSet::new(),
        }
    }
}

fn notes(whole: &Value) -> impl Iterator<Item = &str> {
    whole["notes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

fn section<'f>(
    out: &mut String,
    title: &str,
    effects: impl Iterator<Item = &'f (String, Effect)>,
    why: fn(&Effect) -> String,
) -> fmt::Result {
    for (number, (pointer, effect)) in effects.enumerate() {
        if number == 0 {
            writeln!(out, "  {title}")?;
        }
        let line = format!("    {pointer:POINTER_WIDTH$} {}", why(effect));
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Fields, grouped by what they are part of.
fn grouped(fields: &BTreeSet<Field>) -> String {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for field in fields {
        let class = match field.class {
            XdmClass::Event => "event",
            XdmClass::Profile => "profile",
        };
        let (part, path) = match tenant_path(&field.path) {
            Some(path) => (format!("{class} {TENANT}"), path),
            None => (class.to_owned(), field.path.as_str()),
        };
        groups.entry(part).or_default().push(path.to_owned());
    }
    let groups: Vec<String> = groups
        .into_iter()
        .map(|(part, paths)| format!("{part} {}", paths.join(", ")))
        .collect();
    groups.join("; ")
}

/// The same without the places in lists, each once.
fn list(fields: &BTreeSet<Field>) -> String {
    let without_index = |path: &str| {
        let mut parts = path.split('[');
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |path, part| {
            let rest = part.split_once(']').map_or(part, |(_, rest)| rest);
            format!("{path}[]{rest}")
        })
    };
    let fields = fields.iter().map(|field| Field {
        class: field.class,
        path: without_index(&field.path),
    });
    grouped(&fields.collect())
}

/// What stands below `_{tenant}.capillary`.
fn tenant_path(path: &str) -> Option<&str> {
    let (_, below) = path.strip_prefix('_')?.split_once('.')?;
    below.strip_prefix("capillary.")
}

/// Values of these keys, wherever they stand.
fn find<'d>(value: &'d Value, pointer: &str, keys: &[&str], found: &mut Vec<(String, &'d Value)>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                let pointer = format!("{pointer}/{key}");
                if keys.contains(&key.as_str()) && !value.is_object() && !value.is_array() {
                    found.push((pointer, value));
                } else {
                    find(value, &pointer, keys, found);
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                find(item, &format!("{pointer}/{index}"), keys, found);
            }
        }
        _ => {}
    }
}

fn shorten(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some((end, _)) = text.char_indices().nth(SHORT) {
                text.truncate(end);
            }
        }
        Value::Array(items) => {
            items.truncate(1);
            items.iter_mut().for_each(shorten);
        }
        Value::Object(members) => members.values_mut().for_each(shorten),
        _ => {}
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
