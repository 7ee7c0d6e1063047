//! The configuration file and the secrets file.

use fuzzing::{Target, fuzz};

use crate::config::{SecretStore, complaints, parse};

const SAMPLE: &str = include_str!("../../../../connector.yaml");
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

/// What came out, without the numbers in it.
fn outcome(text: &str) -> String {
    text.chars()
        .filter(|letter| !letter.is_ascii_digit())
        .take(4_000)
        .collect()
}

#[test]
fn fuzzed_configurations_are_read_or_refused_and_no_secret_is_ever_shown() {
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
        seeds: vec![SAMPLE.as_bytes().to_vec(), full.into_bytes()],
        dictionary: DICTIONARY,
        executions: 600,
    };
    fuzz(target, |input| {
        let text = String::from_utf8_lossy(input);
        let result = parse("c.yaml", &text, &store);
        let shown = match &result {
            Ok(config) => format!("{config:?}"),
            Err(error) => error.to_string(),
        };
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
                assert_eq!(complaints(&text), [""; 0], "{text}");
            }
            Err(_) => {
                assert!(shown.starts_with("c.yaml"), "{shown}");
                assert!(shown.len() < 200_000, "{} bytes of message", shown.len());
            }
        }
        outcome(&shown)
    });
}

#[test]
fn fuzzed_secrets_files_give_each_name_its_first_value_and_are_never_shown() {
    let target = Target {
        name: "secrets",
        seeds: Vec::new(),
        dictionary: &[
            "IMS_CLIENT_ID=",
            "IMS_CLIENT_SECRET=",
            "=",
            "\r\n",
            "\u{feff}",
            "${{ secrets.IMS_CLIENT_ID }}",
            "\u{2028}",
            "://",
        ],
        executions: 600,
    };
    let unavoidable = shown_without_secrets();
    fuzz(target, |input| {
        let text = String::from_utf8_lossy(input);
        let store = SecretStore::from_text(&text);
        let result = parse("c.yaml", SAMPLE, &store);
        let shown = match &result {
            Ok(config) => format!("{store:?} {config:?}"),
            Err(error) => format!("{store:?} {error}"),
        };
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
        outcome(&shown)
    });
}

/// What is shown of the sample whatever the secrets are.
fn shown_without_secrets() -> String {
    let texts = [
        "",
        "IMS_CLIENT_ID=\nIMS_CLIENT_SECRET=",
        "IMS_CLIENT_ID=i\nIMS_CLIENT_SECRET=s",
    ];
    let shown = texts.map(
        |text| match parse("c.yaml", SAMPLE, &SecretStore::from_text(text)) {
            Ok(config) => format!("SecretStore::File(***) {config:?}"),
            Err(error) => error.to_string(),
        },
    );
    shown.join("\n")
}
