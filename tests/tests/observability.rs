//! The dashboard and the alert rules use metrics that exist, and every alert says what to do.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::collections::BTreeSet;
use std::path::Path;

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The metrics of the documentation, with the names that a histogram's samples have. An end-to-end
/// test compares the documentation with what a connector shows.
fn documented() -> BTreeSet<String> {
    let text = read("docs/metrics.md");
    let rows = text.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("| `")?.split_once(['`', '{'])?;
        Some((name.to_owned(), rest.contains("| histogram |")))
    });
    rows.flat_map(|(name, histogram)| {
        if histogram {
            ["_bucket", "_sum", "_count"]
                .map(|suffix| format!("{name}{suffix}"))
                .to_vec()
        } else {
            vec![name]
        }
    })
    .filter(|name| !name.starts_with('/'))
    .collect()
}

/// Every word of a text that is a name of ours.
fn used(text: &str) -> BTreeSet<String> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
        .filter(|word| word.starts_with("capillary_aep_"))
        .map(str::to_owned)
        .collect()
}

/// The heading's anchor as the common renderers make it.
fn anchor(heading: &str) -> String {
    heading.trim().to_lowercase().replace(' ', "-")
}

/// The value of a key in the text of one rule.
fn value<'a>(rule: &'a str, key: &str) -> &'a str {
    rule.lines()
        .find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(": "))
        .unwrap_or_default()
}

#[test]
fn dashboard_is_json_and_shows_metrics_that_exist() {
    let text = read("observability/grafana-dashboard.json");
    let dashboard: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(dashboard["panels"].as_array().unwrap().len() > 10);
    let (used, documented) = (used(&text), documented());
    assert!(used.len() > 15, "{used:?}");
    assert_eq!(
        used.difference(&documented).collect::<Vec<_>>(),
        Vec::<&String>::new()
    );
}

#[test]
fn alert_rules_ask_for_metrics_that_exist() {
    let (used, documented) = (used(&read("observability/alerts.yaml")), documented());
    assert!(used.len() > 8, "{used:?}");
    assert_eq!(
        used.difference(&documented).collect::<Vec<_>>(),
        Vec::<&String>::new()
    );
}

#[test]
fn alerts_have_a_summary_and_a_section_of_the_runbook() {
    let rules = read("observability/alerts.yaml");
    let runbook = read("docs/runbook.md");
    let sections: BTreeSet<&str> = runbook
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .collect();
    let mut alerts = BTreeSet::new();
    for rule in rules.split("- alert: ").skip(1) {
        let name = rule.lines().next().unwrap().trim();
        alerts.insert(name);
        assert!(!value(rule, "expr").is_empty(), "{name}");
        assert!(value(rule, "summary").len() > 20, "{name}");
        assert!(
            value(rule, "description").len() > 60,
            "{name}: what is to be done?"
        );
        let severity = value(rule, "labels");
        assert!(
            ["{severity: critical}", "{severity: warning}"].contains(&severity),
            "{name}: {severity}"
        );
        let anchor = format!("docs/runbook.md#{}", anchor(name));
        assert_eq!(value(rule, "runbook_url"), anchor, "{name}");
    }
    assert!(alerts.len() > 10);
    assert_eq!(sections, alerts);
}

#[test]
fn runbook_links_lead_to_its_sections() {
    let runbook = read("docs/runbook.md");
    let anchors: BTreeSet<String> = runbook
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .map(anchor)
        .collect();
    for link in runbook
        .split("](#")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
    {
        assert!(anchors.contains(link), "{link}");
    }
}
