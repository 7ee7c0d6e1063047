//! What the schema tells an editor.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

use super::*;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(&schema::text()).unwrap());
static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| jsonschema::draft7::new(&SCHEMA).unwrap());

/// What the schema has against a file, by place.
pub(super) fn complaints(text: &str) -> Vec<String> {
    let document = Node::parse(text).unwrap().to_json();
    VALIDATOR
        .iter_errors(&document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

/// A schema below the whole one.
fn property(path: &str) -> &'static Value {
    schema::at(&KeyPath::of(path)).unwrap_or_else(|| panic!("{path}"))
}

#[test]
fn schema_is_a_schema() {
    jsonschema::draft7::meta::validate(&SCHEMA).unwrap();
    assert!(
        !SCHEMA.to_string().contains("$ref"),
        "editors would show names of types"
    );
}

/// Mistakes that are easily made: the reader refuses each, and so does the schema.
#[test]
fn typical_mistakes_are_seen_while_typing() {
    let broken = [
        with("    client-id: \"${{", "    clientid: \"${{"),
        with("  topic: events\n", ""),
        with("  topic: events\n", "  topic: [events]\n"),
        with("  topic: events\n", "  topic: {meta: {name: events}}\n"),
        with("  topic: events\n", "  topic: Events\n"),
        with("apiVersion: 0.1.0", "apiVersion: 0.2.0"),
        with("apiVersion: 0.1.0", "apiVersion: 0.1"),
        with("id: sink", "id: 5"),
        with("type: capillary-aep-sink", "type: capillary-source"),
        with("ABC123@AdobeOrg", "ABC123"),
        with(
            "https://dcs.adobedc.net/collection/abc",
            "dcs.adobedc.net/collection/abc",
        ),
        with(
            "https://dcs.adobedc.net/collection/abc",
            "https://dcs.adobedc.net/abc",
        ),
        with("https://ns.adobe.com/tenant/schemas/1", "_tenant.schemas.1"),
        with("    dataset-id: d1\n", ""),
        with("    dataset-id: d1\n", "    format: raw\n"),
        with(
            "    dataset-id: d1\n",
            "    dataset-id: d1\n    format: upsert\n",
        ),
        with(
            "    dataset-id: d1\n",
            "    dataset-id: d1\n    identity-dataset-id: d2\n",
        ),
        with("    dataset-id: d1\n", "    dataset-id: ~\n"),
        with(
            "capillary-xdm@0.1.0\n",
            "capillary-xdm@0.1.0\n  - uses: other\n",
        ),
        with(
            "capillary-xdm@0.1.0\n",
            "capillary-xdm@0.1.0\n    lookback: {last: 1}\n",
        ),
        with(
            "capillary-xdm@0.1.0\n",
            "capillary-xdm@0.1.0\n    with: {qualify-identity: true}\n",
        ),
        with(
            "capillary-xdm@0.1.0\n",
            "capillary-xdm@0.1.0\n    with: {tennant: acme}\n",
        ),
        with("    id: sink\n", "    id: sink\n    partition: some\n"),
        with("    id: sink\n", "    id: sink\n    partition: [0, 0]\n"),
        with("    id: sink\n", "    id: sink\n    offset: {start: end}\n"),
        with(
            "    id: sink\n",
            "    id: sink\n    offset: {strategy: auto}\n",
        ),
        with(
            "    id: sink\n",
            "    id: sink\n    offset: {strategy: manual, start: {absolute: -1}}\n",
        ),
        with(
            "    id: sink\n",
            "    id: sink\n    max_bytes: 1MiB\n    max-bytes: 1MiB\n",
        ),
        plus("  profiles: {inlet-url: \"https://x/collection/p\"}"),
        plus(
            "  profiles: {inlet-url: \"https://x/collection/p\", flow-id: f, dataset-id: d, \
                schema-id: \"https://a/s\"}",
        ),
        plus("  profiles: {inlet-url: \"https://x/collection/p\", flow-id: f, format: events}"),
        plus("  batch: {linger: 200}"),
        plus("  batch: {linger: fast}"),
        plus("  batch: {max-records: 0}"),
        plus("  batch: {max-records: many}"),
        plus("  buffer: {max-bytes: a lot}"),
        plus("  concurrency: {max: 5000}"),
        plus("  concurrency: {max: 1.5}"),
        plus("  on-evicted: shrug"),
        plus("  shutdown-timeout: 25"),
        plus("  dead-letter: {topic: No_Topic}"),
        plus("  dead-letter: {accept: [unkown_dataset]}"),
        plus("  http: {proxy: \"socks5://host:1\"}"),
        plus("batch: {}"),
        plus("consumer: {id: x}"),
    ];
    for text in broken {
        refusal(&text);
        assert!(!complaints(&text).is_empty(), "the schema accepts:\n{text}");
    }
}

#[test]
fn unknown_key_is_refused_in_every_section() {
    let sections = [
        ("", "apiVersion: 0.1.0\n", ""),
        ("meta", "meta:\n", "  "),
        ("meta.consumer", "    id: sink\n", "    "),
        (
            "transforms[0]",
            "  - uses: capillary-aep/capillary-xdm@0.1.0\n",
            "    ",
        ),
        ("experience-platform", "experience-platform:\n", "  "),
        ("experience-platform.ims", "  ims:\n", "    "),
        ("experience-platform.events", "  events:\n", "    "),
    ];
    for (section, line, indentation) in sections {
        let text = with(line, &format!("{line}{indentation}no-such-key: 1\n"));
        says(
            &text,
            &[&format!(
                "{section}{}no-such-key",
                if section.is_empty() { "" } else { "." }
            )],
        );
        assert!(!complaints(&text).is_empty(), "{section}");
    }
    let sections = property("experience-platform")["properties"]
        .as_object()
        .unwrap();
    let optional = sections.iter().filter(|(name, section)| {
        section.get("properties").is_some() && !LEAST.contains(&format!("  {name}:\n"))
    });
    let mut tried = 0;
    for (section, _) in optional {
        let text = plus(&format!("  {section}: {{no-such-key: 1}}"));
        says(&text, &["no-such-key"]);
        assert!(!complaints(&text).is_empty(), "{section}");
        tried += 1;
    }
    assert!(tried > 6, "{tried} sections were tried");
}

#[test]
fn words_are_proposed() {
    let words = &property("experience-platform.on-evicted")["anyOf"][0]["enum"];
    assert_eq!(*words, serde_json::json!(["continue", "stop"]));
}

#[test]
fn parameters_of_the_smartmodule_are_known_with_their_meaning() {
    let with = &property("transforms")["items"]["properties"]["with"]["properties"];
    for (name, parameter) in with.as_object().unwrap() {
        let pair = (name.clone(), String::new());
        if let Err(error) = capillary_xdm::Params::from_pairs([pair]) {
            assert!(!error.message.contains("unknown"), "{error}");
        }
        assert!(
            parameter["description"].as_str().unwrap().len() > 20,
            "{name}"
        );
    }
    assert_eq!(with.as_object().unwrap().len(), 19);
}

/// An editor sees placeholders, the reader what stands for them.
#[test]
fn placeholder_may_stand_for_any_text() {
    let placeholder = "\"${{ secrets.IMS_CLIENT_ID }}\"";
    for text in [
        with("ABC123@AdobeOrg", placeholder),
        with("https://dcs.adobedc.net/collection/abc", placeholder),
        with("topic: events", &format!("topic: {placeholder}")),
        plus(&format!("  on-evicted: {placeholder}")),
        plus(&format!("  shutdown-timeout: {placeholder}")),
        plus(&format!("  buffer: {{max-bytes: {placeholder}}}")),
        plus(&format!("  dead-letter: {{accept: [{placeholder}]}}")),
    ] {
        assert_eq!(complaints(&text), [""; 0], "{text}");
    }
}

/// Whatever the values are: what the reader takes, the schema takes.
#[test]
fn values_at_random_please_the_schema_when_they_please_the_reader() {
    let mut random = fastrand::Rng::with_seed(11);
    let mut accepted = 0;
    for _ in 0..100 {
        let value: String = (0..random.usize(1..6))
            .map(|_| {
                *random
                    .choice(&[
                        "0", "1", "25", "1.5", ".", "+", "-", " ", "ms", "s", "d", "years", "M",
                        "k", "KiB", "b", "x", "_", "/", "@", "~", "é",
                    ])
                    .unwrap()
            })
            .collect();
        let quoted = Value::from(value.clone());
        for line in [
            format!("  shutdown-timeout: {quoted}"),
            format!("  batch: {{linger: {quoted}}}"),
            format!("  buffer: {{max-bytes: {quoted}}}"),
            format!("  sandbox: {quoted}"),
            format!("  http: {{ca-file: {quoted}}}"),
            format!("  dead-letter: {{topic: {quoted}}}"),
        ] {
            accepted += usize::from(read(&plus(&line)).is_ok());
        }
        let uses = with("capillary-aep/capillary-xdm@0.1.0", &quoted.to_string());
        accepted += usize::from(read(&uses).is_ok());
    }
    assert!(accepted > 30, "only {accepted} values were accepted");
}
