//! The configuration file.

use std::any::type_name_of_val;

use capillary_aep_sink::config::{SecretStore, parse, schema};
use fuzz_targets::{Target, lines, text};
use jsonschema::Validator;
use proptest::prelude::*;
use proptest::sample::select;
use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::Value;

use super::shown::{SAMPLE, shown};

/// Quotes, a colon and a comment sign: pasted into YAML they would change its structure.
const VALUES: [&str; 3] = ["Zq7ident", "Wv9: # \"'{hush\\", "Kx3next"];

const DICTIONARY: &[&str] = &[
    "${{ secrets.IMS_CLIENT_ID }}",
    "${{ secrets.IMS_CLIENT_SECRET }}",
    "${{",
    "}}",
    "${%",
    "&a ",
    "*a",
    "<<: *a",
    "!!str ",
    "!x ",
    "- ",
    "? ",
    ": ",
    "|\n  ",
    ">-\n ",
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "\r",
    "\u{2028}",
    "\u{85}",
    "\n  ",
    "\n    ",
    "[",
    "{",
    "client-id: ",
    "client-secret: ",
    "client-secret-next: ",
    "token-url: ",
    "inlet-url: ",
    "http: {proxy: ",
    "http://u:p@h/",
    "name: ",
    "topic: ",
    "start: ",
    "partition: ",
    "999999999999999999999ms",
    "1e400",
    "0x7fffffffffffffff",
    ".inf",
    ".nan",
    "~",
    "dead-letter: ",
    "observability: ",
    "listen: ",
    "with: ",
    "identities: ",
];

/// A YAML document as an editor understands it, which reads it with another reader than the
/// connector's.
fn editors_view(text: &str) -> Value {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    to_json(&Yaml::load_from_str(text).unwrap()[0])
}

fn to_json(node: &Yaml<'_>) -> Value {
    match node {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(value)) => Value::from(*value),
        Yaml::Value(Scalar::Integer(value)) => Value::from(*value),
        Yaml::Value(Scalar::FloatingPoint(value)) => Value::from(value.into_inner()),
        Yaml::Value(Scalar::String(value)) => Value::from(value.as_ref()),
        Yaml::Sequence(items) => items.iter().map(to_json).collect(),
        Yaml::Mapping(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| (key.as_str().unwrap_or_default().to_owned(), to_json(value)));
            Value::Object(entries.collect())
        }
        other => panic!("not in a configuration: {other:?}"),
    }
}

#[test]
fn configuration_is_read_or_refused_and_shows_no_secret() {
    let [id, secret, next] = VALUES;
    let secrets =
        format!("IMS_CLIENT_ID={id}\nIMS_CLIENT_SECRET={secret}\nIMS_CLIENT_SECRET_NEXT={next}\n");
    let store = SecretStore::from_text(&secrets);
    // With every optional key, too.
    let full: String = SAMPLE
        .lines()
        // The editors' line.
        .skip(1)
        .map(|line| format!("{}\n", line.replacen("# ", "", 1)))
        .collect();
    let target = Target {
        name: "configuration",
        test: type_name_of_val(&configuration_is_read_or_refused_and_shows_no_secret),
        cases: 600,
    };
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    let editor: Validator = jsonschema::draft7::new(&schema).unwrap();
    // Half of the inputs begin with a configuration that is right.
    let samples = vec![SAMPLE.as_bytes().to_vec(), full.into_bytes()];
    let seeds = prop_oneof![select(samples), text::spliced(target.stored())];
    let inputs = text::edited(lines::edited(seeds, ": ", DICTIONARY), DICTIONARY);
    target.run(inputs, |input| {
        let text = String::from_utf8_lossy(input);
        let result = parse("c.yaml", &text, &store);
        let shown = shown(&result);
        for value in VALUES {
            // By its head: a message might cut it, and Debug would escape what follows.
            let head = &value[..3];
            assert!(
                text.contains(head) || !shown.contains(head),
                "a secret is shown:\n{shown}"
            );
        }
        match result {
            Ok(config) => {
                assert!(!config.name.is_empty() && !config.topic.is_empty());
                // What the reader takes, an editor takes.
                let complaints: Vec<String> = editor
                    .iter_errors(&editors_view(&text))
                    .map(|error| error.to_string())
                    .collect();
                assert_eq!(complaints, [""; 0], "{text}");
            }
            Err(_) => {
                assert!(shown.starts_with("c.yaml"), "{shown}");
                assert!(shown.len() < 200_000, "{} bytes of message", shown.len());
            }
        }
    });
}
