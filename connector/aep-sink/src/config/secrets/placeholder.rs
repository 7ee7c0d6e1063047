//! `${{ secrets.NAME }}` in texts.
//!
//! Stock connectors paste secrets into the file's text before it is read as YAML, so a secret with
//! `: ` or a quote in it changes the structure. Here the file is read first, and only texts are
//! filled in.

use super::store::{SecretStore, is_name};
use crate::config::problem::Problems;
use crate::config::yaml::path::KeyPath;
use crate::config::yaml::tree::{Node, NodeKind, TextScalar};
use crate::secret::Secret;

const OPEN: &str = "${{";
const CLOSE: &str = "}}";

/// A secret that `meta.secrets` lists, with its value.
#[derive(Debug, Clone)]
pub(in crate::config) struct Listed {
    name: String,
    value: Option<Secret>,
}

/// The secrets listed in `meta.secrets`, looked up. Every listed one must exist, used or not, as in
/// stock connectors.
pub(in crate::config) fn listed(store: &SecretStore, problems: &mut Problems<'_>) -> Vec<Listed> {
    let list = KeyPath::of("meta.secrets");
    let Some(NodeKind::List(items)) = problems.tree().get(&list).map(|node| &node.kind) else {
        // Absent, or of a wrong type, which is reported with the other types.
        return Vec::new();
    };
    let mut listed: Vec<Listed> = Vec::new();
    for index in 0..items.len() {
        let path = list.index(index).key("name");
        let Some(text) = problems.tree().get(&path).and_then(Node::as_text) else {
            continue;
        };
        if !is_name(&text.value) {
            problems.expected(
                &path,
                "letters, digits and underscores, not beginning with a digit",
            );
            continue;
        }
        let name = text.value.clone();
        let value = store.get(&name);
        if value.is_none() {
            problems.add(
                &path,
                format!("the secret {name} was not found in {}", store.place()),
            );
        }
        listed.push(Listed { name, value });
    }
    listed
}

/// Fills the placeholders in. Says whether there were any.
pub(in crate::config) fn fill(
    tree: &mut Node,
    listed: &[Listed],
    problems: &mut Problems<'_>,
) -> bool {
    let mut any = false;
    tree.for_each_text(
        &KeyPath::default(),
        &mut |path, text| match filled(&text.value, listed) {
            Ok(Some(text_with_secrets)) => {
                any = true;
                *text = text_with_secrets;
            }
            Ok(None) => {}
            Err(message) => {
                any = true;
                problems.add(path, message);
            }
        },
    );
    any
}

/// The text with its placeholders filled in; `None` when it has none.
fn filled(text: &str, listed: &[Listed]) -> Result<Option<TextScalar>, String> {
    if text.contains("${%") || text.contains("${#") {
        return Err(
            "template statements are not understood, only `${{ secrets.NAME }}`".to_owned(),
        );
    }
    let mut rest = text;
    let mut value = String::new();
    let mut secrets = Vec::new();
    while let Some((before, after)) = rest.split_once(OPEN) {
        let Some((inside, after)) = after.split_once(CLOSE) else {
            return Err("a placeholder `${{` has no `}}`".to_owned());
        };
        let Some(name) = inside
            .trim()
            .strip_prefix("secrets.")
            .filter(|name| is_name(name))
        else {
            return Err("a placeholder is not of the form `${{ secrets.NAME }}`".to_owned());
        };
        let Some(secret) = listed.iter().find(|secret| secret.name == name) else {
            return Err(format!(
                "the secret {name} is used here but not listed in meta.secrets; add `- name: \
                {name}`"
            ));
        };
        value.push_str(before);
        // A listed secret without a value is reported where it is listed; here a stand-in keeps the
        // text a text.
        value.push_str(secret.value.as_ref().map_or("?", Secret::expose));
        secrets.push(name.to_owned());
        rest = after;
    }
    if secrets.is_empty() {
        return Ok(None);
    }
    value.push_str(rest);
    Ok(Some(TextScalar { value, secrets }))
}
