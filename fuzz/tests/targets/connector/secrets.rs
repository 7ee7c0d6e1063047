//! The secrets file.

use std::any::type_name_of_val;

use capillary_aep_sink::config::{SecretStore, parse};
use fuzz_targets::{Target, lines, text};

use super::shown::{SAMPLE, shown};

const DICTIONARY: &[&str] = &[
    "IMS_CLIENT_ID=",
    "IMS_CLIENT_SECRET=",
    "=",
    "\r\n",
    "\u{feff}",
    "${{ secrets.IMS_CLIENT_ID }}",
    "\u{2028}",
    "://",
];

#[test]
fn secrets_file_gives_each_name_its_first_value_and_is_never_shown() {
    let target = Target {
        name: "secrets",
        test: type_name_of_val(&secrets_file_gives_each_name_its_first_value_and_is_never_shown),
        cases: 600,
    };
    let inputs = lines::edited(text::spliced(target.stored()), "=", DICTIONARY);
    let unavoidable = shown_without_secrets();
    target.run(text::edited(inputs, DICTIONARY), |input| {
        let text = String::from_utf8_lossy(input);
        let store = SecretStore::from_text(&text);
        let result = parse("c.yaml", SAMPLE, &store);
        let shown = format!("{store:?} {}", shown(&result));
        for name in ["IMS_CLIENT_ID", "IMS_CLIENT_SECRET"] {
            let told = text
                .strip_prefix('\u{feff}')
                .unwrap_or(&text)
                .split('\n')
                .find_map(|line| {
                    let (left, right) = line.split_once('=')?;
                    (left.trim() == name).then(|| right.trim().to_owned())
                });
            let found = store.get(name).map(|secret| secret.expose().to_owned());
            assert_eq!(found, told, "{name}");
            if let Some(value) = told.filter(|value| value.chars().count() >= 6) {
                // The sample's own words are no secrets.
                let known = SAMPLE.contains(&value) || unavoidable.contains(&value);
                assert!(
                    known || !shown.contains(&value),
                    "a secret is shown:\n{shown}"
                );
            }
        }
    });
}

/// What is shown of the sample whatever the secrets are.
fn shown_without_secrets() -> String {
    let texts = [
        "",
        "IMS_CLIENT_ID=\nIMS_CLIENT_SECRET=",
        "IMS_CLIENT_ID=i\nIMS_CLIENT_SECRET=s",
    ];
    let shown = texts.map(|text| {
        let store = SecretStore::from_text(text);
        format!("{store:?} {}", shown(&parse("c.yaml", SAMPLE, &store)))
    });
    shown.join("\n")
}
