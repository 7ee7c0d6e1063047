//! Promises of the configuration.

use super::*;

const SAMPLE: &str = include_str!("../../../connector.yaml");
const TABLE: &str = include_str!("../../../docs/configuration.md");
const SECRETS: &str =
    "IMS_CLIENT_ID=the-id\nIMS_CLIENT_SECRET=hush: # \"very'\\\\ hush\nIMS_CLIENT_SECRET_NEXT=next-hush\n";

/// The least that is valid.
const LEAST: &str = r#"apiVersion: 0.1.0
meta:
  version: 0.1.0
  name: sink
  type: capillary-aep-sink
  topic: events
  secrets: [{name: IMS_CLIENT_ID}, {name: IMS_CLIENT_SECRET}]
  consumer:
    id: sink
transforms:
  - uses: capillary-aep/capillary-xdm@0.1.0
experience-platform:
  organization-id: ABC123@AdobeOrg
  ims:
    client-id: "${{ secrets.IMS_CLIENT_ID }}"
    client-secret: "${{ secrets.IMS_CLIENT_SECRET }}"
  events:
    inlet-url: https://dcs.adobedc.net/collection/abc
    schema-id: https://ns.adobe.com/tenant/schemas/1
    dataset-id: d1
"#;

fn read(text: &str) -> Result<Config, ConfigError> {
    parse("connector.yaml", text, &SecretStore::from_text(SECRETS))
}

fn valid(text: &str) -> Config {
    read(text).unwrap_or_else(|error| panic!("{error}"))
}

fn refusal(text: &str) -> String {
    match read(text) {
        Ok(_) => panic!("accepted:\n{text}"),
        Err(error) => error.to_string(),
    }
}

/// `LEAST` with one text replaced by another.
fn with(from: &str, to: &str) -> String {
    assert!(LEAST.contains(from), "{from} is not in the least configuration");
    LEAST.replacen(from, to, 1)
}

/// `LEAST` with lines added to `experience-platform`.
fn plus(lines: &str) -> String {
    format!("{LEAST}{lines}\n")
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    let message = refusal(text);
    for part in parts {
        assert!(message.contains(part), "no {part:?} in:\n{message}");
    }
    assert!(!message.contains("hush"), "a secret is in the message:\n{message}");
}

mod accepted {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_sample_is_valid() {
        let config = valid(SAMPLE);
        assert_eq!(config.name, "capillary-to-aep");
        assert_eq!(config.platform.dead_letter.topic, "capillary-to-aep-dead-letter");
        assert!(matches!(config.platform.profiles, Some(Profiles::Upsert { .. })));
    }

    #[test]
    fn the_sample_is_valid_with_every_optional_key_switched_on() {
        let on: String = SAMPLE
            .lines()
            .map(|line| match line.trim_start().strip_prefix("# ") {
                // Comments in prose begin with a capital or end with a full stop; keys do not.
                Some(rest) if rest.trim_start().starts_with("- name:") || is_key(rest) => {
                    format!("{}{rest}\n", &line[..line.len() - line.trim_start().len()])
                }
                _ => format!("{line}\n"),
            })
            .collect();
        let config = valid(&on);
        assert!(config.platform.pace.requests_per_second.is_some());
        assert!(config.platform.ims.client_secret_next.is_some());
    }

    fn is_key(text: &str) -> bool {
        let key = text.trim_start().split(':').next().unwrap_or_default();
        text.contains(':') && key.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-') && key != "format"
    }

    #[test]
    fn the_defaults_are_those_of_the_promise() {
        let config = valid(LEAST);
        assert_eq!(config.consumer.max_bytes.get(), 16 << 20);
        assert_eq!(config.consumer.start, Start::Beginning);
        assert_eq!(config.consumer.partitions, Partitions::All);
        let platform = config.platform;
        assert_eq!(platform.batch.max_bytes.get(), 900_000);
        assert_eq!(platform.batch.linger, Duration::from_millis(200));
        assert_eq!(platform.concurrency.get(), 16);
        assert_eq!((platform.buffer.bytes, platform.buffer.offsets), (24 << 20, 100_000));
        assert_eq!(platform.dead_letter.retention, Duration::from_secs(90 * 86_400));
        assert_eq!(
            platform.ims.token_url.as_str(),
            "https://ims-na1.adobelogin.com/ims/token/v3"
        );
        assert!(platform.profiles.is_none());
    }

    #[test]
    fn the_batch_url_follows_from_the_inlet_url() {
        let config = valid(&with(
            "https://dcs.adobedc.net/collection/abc",
            "http://127.0.0.1:8080/gw/collection/abc",
        ));
        let Events::Xdm { inlet, .. } = config.platform.events else {
            panic!("not xdm")
        };
        assert_eq!(inlet.url.as_str(), "http://127.0.0.1:8080/gw/collection/abc");
        assert_eq!(
            inlet.batch_url.as_str(),
            "http://127.0.0.1:8080/gw/collection/batch/abc"
        );
    }

    #[test]
    fn a_secret_stays_one_text_whatever_is_in_it() {
        let config = valid(LEAST);
        assert_eq!(config.platform.ims.client_secret.expose(), "hush: # \"very'\\\\ hush");
        assert_eq!(config.platform.ims.names.client_secret, "secrets.IMS_CLIENT_SECRET");
    }

    #[test]
    fn a_placeholder_may_stand_within_a_text_and_unquoted() {
        let text = with("ABC123@AdobeOrg", "${{ secrets.ORG }}@AdobeOrg").replace("[{name", "[{name: ORG}, {name");
        let store = SecretStore::from_text(&format!("{SECRETS}ORG=FFFF"));
        let config = parse("c", &text, &store).unwrap();
        assert_eq!(config.platform.organization_id, "FFFF@AdobeOrg");
    }

    #[test]
    fn a_number_in_a_secret_stays_text() {
        let store = SecretStore::from_text("IMS_CLIENT_ID=12345\nIMS_CLIENT_SECRET=1e3");
        let config = parse("c", LEAST, &store).unwrap();
        assert_eq!(config.platform.ims.client_id.expose(), "12345");
    }

    #[test]
    fn partitions_and_starts_have_the_stock_forms() {
        let consumer = |lines: &str| valid(&with("    id: sink\n", &format!("    id: sink\n{lines}\n"))).consumer;
        assert_eq!(consumer("    partition: 3").partitions, Partitions::Only(vec![3]));
        assert_eq!(
            consumer("    partition: [2, 0]").partitions,
            Partitions::Only(vec![0, 2])
        );
        assert_eq!(consumer("    max_bytes: 1048576").max_bytes.get(), 1 << 20);
        for (start, expected) in [
            ("end", Start::End),
            ("{absolute: 5}", Start::Absolute(5)),
            ("{from-beginning: 6}", Start::FromBeginning(6)),
            ("{from-end: 7}", Start::FromEnd(7)),
        ] {
            assert_eq!(
                consumer(&format!("    offset: {{start: {start}, strategy: manual}}")).start,
                expected
            );
        }
    }

    #[test]
    fn the_topic_object_of_the_later_api_version_is_read() {
        let text = with("0.1.0", "0.2.0").replace(
            "  topic: events\n",
            "  topic:\n    version: 0.1.0\n    meta: {name: events}\n    partition: {count: 3}\n    retention: {time: 7d}\n",
        );
        assert_eq!(valid(&text).topic, "events");
    }

    #[test]
    fn no_api_version_is_fine_without_secrets() {
        let text = with("apiVersion: 0.1.0\n", "")
            .replace("  secrets: [{name: IMS_CLIENT_ID}, {name: IMS_CLIENT_SECRET}]\n", "")
            .replace("\"${{ secrets.IMS_CLIENT_ID }}\"", "an-id")
            .replace("\"${{ secrets.IMS_CLIENT_SECRET }}\"", "a-secret");
        let config = valid(&text);
        assert_eq!(
            config.platform.ims.names.client_secret,
            "experience-platform.ims.client-secret"
        );
    }

    #[test]
    fn parameters_reach_the_broker_as_text() {
        let text = with(
            "  - uses: capillary-aep/capillary-xdm@0.1.0\n",
            "  - uses: capillary-xdm\n    with:\n      tenant: acme\n      events: [pointsIssued, tierUpgraded]\n      identities: {customerId: CapillaryId}\n",
        );
        let with = valid(&text).transform.with;
        assert_eq!(with["tenant"], "acme");
        assert_eq!(with["events"], r#"["pointsIssued","tierUpgraded"]"#);
        assert_eq!(with["identities"], r#"{"customerId":"CapillaryId"}"#);
    }

    #[test]
    fn profiles_have_their_three_formats() {
        let profiles = |keys: &str| {
            valid(&plus(&format!(
                "  profiles: {{inlet-url: \"https://dcs.adobedc.net/collection/p\", {keys}}}"
            )))
            .platform
            .profiles
        };
        assert!(matches!(
            profiles("flow-id: f, dataset-id: d, identity-dataset-id: i"),
            Some(Profiles::Upsert { .. })
        ));
        assert!(matches!(
            profiles("format: raw, flow-id: f"),
            Some(Profiles::Raw { .. })
        ));
        let xdm = profiles("format: xdm, dataset-id: d, schema-id: \"https://ns.adobe.com/t/schemas/2\"");
        assert!(matches!(xdm, Some(Profiles::Xdm { .. })));
    }
}

mod refused {
    use super::*;

    #[test]
    fn an_unknown_key_is_named_with_its_place_and_the_nearest_right_one() {
        let text = with("    client-id: \"${{", "    clientid: \"${{");
        says(
            &text,
            &["connector.yaml:15: experience-platform.ims.clientid: unknown key; did you mean `client-id`?"],
        );
        says(&text, &["experience-platform.ims.client-id: missing"]);
    }

    #[test]
    fn a_key_at_the_wrong_level_is_sent_to_the_right_one() {
        says(
            &format!("{LEAST}consumer: {{id: x}}\n"),
            &["connector.yaml:21: consumer:", "belongs under `meta`"],
        );
        says(
            &format!("{LEAST}batch: {{}}\n"),
            &["belongs under `experience-platform`"],
        );
        says(
            &with("  topic: events\n", "  topic: events\n  partition: all\n"),
            &["belongs under `meta.consumer`"],
        );
    }

    #[test]
    fn several_problems_are_told_at_once() {
        let text = with("  topic: events\n", "")
            .replace("id: sink", "id: 5")
            .replace("d1", "[1]");
        let message = refusal(&text);
        assert!(message.contains("meta.topic: missing"), "{message}");
        assert!(
            message.contains("meta.consumer.id: found the number 5, expected text; put the value in quotes"),
            "{message}"
        );
        assert!(message.contains("events.dataset-id: found a list"), "{message}");
        assert_eq!(message.lines().count(), 3, "{message}");
    }

    #[test]
    fn a_secret_that_is_missing_or_not_listed_is_named() {
        let store = SecretStore::from_text("IMS_CLIENT_ID=x");
        let message = parse("c", LEAST, &store).unwrap_err().to_string();
        assert!(
            message
                .contains("c:7: meta.secrets[1].name: the secret IMS_CLIENT_SECRET was not found in the secrets file"),
            "{message}"
        );
        says(
            &with(", {name: IMS_CLIENT_SECRET}", ""),
            &["connector.yaml:16:", "IMS_CLIENT_SECRET is used here but not listed"],
        );
    }

    #[test]
    fn secrets_under_the_oldest_api_version() {
        says(
            &with("apiVersion: 0.1.0\n", ""),
            &["apiVersion", "stock connectors ignore meta.secrets"],
        );
        says(
            &with("apiVersion: 0.1.0", "apiVersion: 0.0.0"),
            &["stock connectors ignore meta.secrets"],
        );
        says(
            &with("apiVersion: 0.1.0", "apiVersion: 1.0.0"),
            &["expected 0.0.0, 0.1.0 or 0.2.0"],
        );
    }

    #[test]
    fn other_placeholders_and_templates() {
        for placeholder in [
            "${{ env.X }}",
            "${{ secrets.IMS_CLIENT_ID",
            "${{ secrets['A'] }}",
            "${% if x %}",
        ] {
            says(
                &with("\"${{ secrets.IMS_CLIENT_ID }}\"", &format!("\"{placeholder}\"")),
                &["ims.client-id"],
            );
        }
    }

    #[test]
    fn a_value_made_of_a_secret_is_never_shown() {
        for key in [
            "  on-evicted",
            "  shutdown-timeout",
            "  sandbox",
            "  http",
            "  concurrency",
            "  retry",
            "  batch",
        ] {
            says(
                &plus(&format!("{key}: \"${{{{ secrets.IMS_CLIENT_SECRET }}}}\"")),
                &[key.trim()],
            );
        }
        says(
            &with("dataset-id: d1", "dataset-id: \"${{ secrets.IMS_CLIENT_SECRET }}\""),
            &["not shown"],
        );
        says(
            &with("\"${{ secrets.IMS_CLIENT_ID }}\"", "5551212"),
            &["ims.client-id: found a number (not shown)"],
        );
        says(
            &plus("  http: {proxy: \"socks5://user:hush@host\"}"),
            &["experience-platform.http.proxy"],
        );
    }

    #[test]
    fn strategies_that_lose_or_repeat() {
        for (strategy, reason) in [
            ("auto", "would be lost"),
            ("none", "read the topic again"),
            ("Manual", "expected manual"),
        ] {
            let line = format!("    id: sink\n    offset: {{strategy: {strategy}}}\n");
            says(
                &with("    id: sink\n", &line),
                &["meta.consumer.offset.strategy", reason],
            );
        }
        says(
            &with("    id: sink\n", "    id: sink\n    offset: {start: end}\n"),
            &["strategy: missing; expected manual"],
        );
        let flush = "    id: sink\n    offset: {strategy: manual, flush-period: {secs: 10, nanos: 0}}\n";
        says(
            &with("    id: sink\n", flush),
            &["flush-period", "at most once a second"],
        );
    }

    #[test]
    fn transforms_other_than_the_one_step() {
        let step = "  - uses: capillary-aep/capillary-xdm@0.1.0\n";
        says(
            &with(step, &format!("{step}{step}")),
            &["transforms: found 2 steps", "look like loss"],
        );
        says(&with(&format!("transforms:\n{step}"), ""), &["transforms: missing"]);
        says(
            &with(&format!("transforms:\n{step}"), "transforms: []\n"),
            &["transforms: found a list, expected exactly one"],
        );
        says(
            &with(step, &format!("{step}    lookback: {{last: 1}}\n")),
            &["transforms[0].lookback"],
        );
        says(
            &with(step, &format!("{step}    with: {{qualify-identity: true}}\n")),
            &["transforms[0].with.qualify-identity", "in quotes"],
        );
        says(
            &with(step, &format!("{step}    whit: {{}}\n")),
            &["did you mean `with`?"],
        );
        says(
            &with("capillary-aep/capillary-xdm@0.1.0", "a b"),
            &["transforms[0].uses"],
        );
    }

    #[test]
    fn keys_of_later_versions() {
        for lines in [
            "  deduplicate: {count: 5}",
            "  observability: {listen: \"127.0.0.1:1\"}",
            "  dead-letter: {accept: [x]}",
        ] {
            says(&plus(lines), &["not yet"]);
        }
        valid(&plus("  dead-letter: {accept: []}"));
    }

    #[test]
    fn urls_that_are_not_safe_or_not_inlets() {
        for (url, reason) in [
            ("http://dcs.adobedc.net/collection/abc", "https"),
            ("https://dcs.adobedc.net/collection/batch/abc", "/collection/{inlet id}"),
            ("https://dcs.adobedc.net/collection/", "/collection/{inlet id}"),
            ("https://dcs.adobedc.net/abc", "/collection/{inlet id}"),
            ("https://dcs.adobedc.net/collection/abc?syncValidation=true", "without"),
            (
                "https://user:hush@dcs.adobedc.net/collection/abc",
                "user name or password",
            ),
            ("dcs.adobedc.net/collection/abc", "a URL"),
        ] {
            says(
                &with("https://dcs.adobedc.net/collection/abc", &format!("\"{url}\"")),
                &["events.inlet-url", reason],
            );
        }
    }

    #[test]
    fn keys_a_format_needs_or_has_no_use_for() {
        says(&with("    dataset-id: d1\n", ""), &["events.dataset-id: missing"]);
        says(
            &with("    dataset-id: d1\n", "    format: raw\n"),
            &["flow-id: missing", "schema-id: has no meaning with format raw"],
        );
        says(
            &with("    dataset-id: d1\n", "    dataset-id: d1\n    format: upsert\n"),
            &["events.format", "`xdm` or `raw`"],
        );
        says(
            &plus("  profiles: {inlet-url: \"https://x/collection/p\"}"),
            &["profiles.flow-id: missing", "profiles.dataset-id: missing"],
        );
    }

    #[test]
    fn values_out_of_range() {
        for (lines, part) in [
            ("  batch: {max-bytes: 1MB}", "from 1 to 999900 bytes"),
            ("  batch: {max-records: 0}", "from 1 to"),
            ("  batch: {linger: 200}", "a duration with its unit"),
            ("  batch: {linger: fast}", "found \"fast\", expected a duration"),
            ("  concurrency: {max: 0}", "from 1 to 1000"),
            ("  concurrency: {max: -1}", "a whole number"),
            ("  concurrency: {max: 1.5}", "a whole number"),
            ("  pace: {requests-per-second: 0}", "from 1 to"),
            ("  buffer: {max-bytes: a lot}", "a size such as"),
            ("  retry: {initial: 1m}", "expected initial ≤ max"),
            ("  shutdown-timeout: 0s", "greater than 0"),
            ("  shutdown-timeout: 1000000years", "a duration"),
            ("  on-evicted: shrug", "`continue` or `stop`"),
            ("  dead-letter: {topic: No_Topic}", "a topic name"),
        ] {
            says(&plus(lines), &[part]);
        }
        says(&with("ABC123@AdobeOrg", "ABC123"), &["@AdobeOrg"]);
        says(
            &with("name: sink", "name: My Sink"),
            &["dead-letter.topic: missing; the default"],
        );
        says(
            &with("    id: sink\n", "    id: sink\n    max-bytes: 3GiB\n"),
            &["meta.consumer.max-bytes"],
        );
        says(
            &with("    id: sink\n", "    id: sink\n    partition: some\n"),
            &["meta.consumer.partition"],
        );
        says(
            &with("    id: sink\n", "    id: sink\n    partition: [0, 0]\n"),
            &["twice"],
        );
        says(&with("type: capillary-aep-sink", "type: x-source"), &["meta.type"]);
    }

    #[test]
    fn a_secret_with_a_line_break_at_its_end() {
        let store = SecretStore::File(vec![
            ("IMS_CLIENT_ID".to_owned(), crate::secret::Secret::new("x")),
            ("IMS_CLIENT_SECRET".to_owned(), crate::secret::Secret::new("hush\n")),
        ]);
        let message = parse("c", LEAST, &store).unwrap_err().to_string();
        assert!(
            message.contains("secrets.IMS_CLIENT_SECRET begins or ends with a blank"),
            "{message}"
        );
        assert!(!message.contains("hush"));
    }

    #[test]
    fn what_is_no_yaml_or_no_map() {
        says("", &["connector.yaml"]);
        says("just text", &["keys and values"]);
        says("a: [1", &["connector.yaml:", "not valid YAML"]);
        says("a: 1\na: 2", &["connector.yaml:2"]);
        says(&format!("{LEAST}---\na: 1\n"), &["second YAML document"]);
    }

    #[test]
    fn nesting_cannot_exhaust_the_stack() {
        for unit in ["[", "{a: ", "- ", "? ", "-\t"] {
            for times in [100, 2_000, 100_000] {
                refusal(&unit.repeat(times));
            }
        }
        let lines: String = (0..1_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
        says(&lines, &["nests too deeply"]);
    }

    #[test]
    fn random_bytes_never_panic_and_never_show_a_secret() {
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..1_500 {
            let mut bytes = LEAST.as_bytes().to_vec();
            for _ in 0..random.usize(1..6) {
                let at = random.usize(..bytes.len());
                match random.u8(..3) {
                    0 => bytes[at] = random.u8(..),
                    1 => drop(bytes.drain(at..(at + random.usize(..20)).min(bytes.len()))),
                    _ => bytes.insert(at, *random.choice(b"{}[]:,-#&*!|>'\"%@` \n$").unwrap()),
                }
            }
            if let Err(error) = read(&String::from_utf8_lossy(&bytes)) {
                let message = error.to_string();
                assert!(
                    !message.contains("hush") && !format!("{error:?}").contains("hush"),
                    "{message}"
                );
            }
        }
    }

    #[test]
    fn a_valid_configuration_prints_no_secret() {
        let text = plus("  http: {proxy: \"http://user:${{ secrets.IMS_CLIENT_ID }}@host:1\"}");
        let printed = format!("{:?}", valid(&text));
        assert!(!printed.contains("hush") && !printed.contains("the-id"), "{printed}");
    }
}

mod documented {
    use std::collections::BTreeSet;

    use super::*;

    struct Row {
        key: String,
        default: String,
    }

    fn rows() -> Vec<Row> {
        let rows = TABLE.lines().filter(|line| line.starts_with("| `"));
        let cells = rows.map(|line| line.split(" | ").collect::<Vec<_>>());
        cells
            .map(|cells| Row {
                key: cells[0].trim_start_matches("| ").trim_matches('`').to_owned(),
                default: cells[2].to_owned(),
            })
            .collect()
    }

    /// The keys the raw types know, found by asking for one they cannot know.
    fn keys<T: serde::de::DeserializeOwned>(
        prefix: &str,
        wrap: &dyn Fn(serde_json::Value) -> serde_json::Value,
    ) -> BTreeSet<String> {
        const PROBE: &str = "no such key";
        let ask = |inner: serde_json::Value| match serde_json::from_value::<T>(wrap(inner)) {
            Err(error) if error.to_string().starts_with(&format!("unknown field `{PROBE}`")) => {
                let message = error.to_string();
                Some(
                    message
                        .split('`')
                        .skip(3)
                        .step_by(2)
                        .map(str::to_owned)
                        .collect::<Vec<_>>(),
                )
            }
            _ => None,
        };
        let probe = || serde_json::json!({ PROBE: null });
        let mut found = BTreeSet::new();
        for key in ask(probe())
            .unwrap_or_default()
            .into_iter()
            .filter(|key| !key.contains('_'))
        {
            let map = |inner| wrap(serde_json::json!({ key.as_str(): inner }));
            let list = |inner| wrap(serde_json::json!({ key.as_str(): [inner] }));
            let path = format!("{prefix}{key}");
            let inner: BTreeSet<String> = keys::<T>(&format!("{path}."), &map)
                .into_iter()
                .chain(keys::<T>(&format!("{path}[]."), &list))
                .collect();
            found.extend(if inner.is_empty() {
                BTreeSet::from([path])
            } else {
                inner
            });
        }
        found
    }

    #[test]
    fn the_table_has_every_key_and_no_other() {
        let mut known = keys::<RawConfig>("", &|inner| inner);
        known.extend(keys::<raw::RawTopic>("meta.topic.", &|inner| inner));
        let written: BTreeSet<String> = rows().into_iter().map(|row| row.key).collect();
        assert!(known.len() > 50, "the probe found too few keys: {known:?}");
        assert_eq!(known, written);
    }

    #[test]
    fn the_sample_shows_every_key_that_does_something() {
        for row in rows() {
            let refused = TABLE.lines().any(|line| {
                line.starts_with(&format!("| `{}` |", row.key))
                    && (line.contains("| Refused") || line.ends_with("| Not yet |"))
            });
            let key = row.key.rsplit(['.', ']']).next().unwrap_or_default();
            if !refused && !row.key.starts_with("meta.topic.") && row.key != "experience-platform.profiles.schema-id" {
                assert!(SAMPLE.contains(&format!("{key}:")), "{} is not in the sample", row.key);
            }
        }
    }

    #[test]
    fn the_defaults_of_the_table_are_the_defaults() {
        let base = plus("  profiles: {inlet-url: \"https://x/collection/p\", flow-id: f, dataset-id: d}");
        let expected = format!("{:?}", valid(&base));
        let mut tried = 0;
        for row in rows()
            .into_iter()
            .filter(|row| row.default.starts_with('`') && row.key != "apiVersion")
        {
            let mut value: serde_json::Value = tree::Node::parse(&base).unwrap().to_json();
            // `strategy` has to stand beside every other key of `offset`.
            if row.key.starts_with("meta.consumer.offset.") {
                value["meta"]["consumer"]["offset"]["strategy"] = "manual".into();
            }
            let default = row.default.trim_matches('`');
            let mut place = &mut value;
            for key in row.key.split('.') {
                place = &mut place[key];
            }
            *place = serde_json::from_str(default).unwrap_or_else(|_| default.into());
            // JSON is YAML.
            let config = valid(&value.to_string());
            assert_eq!(format!("{config:?}"), expected, "{}", row.key);
            tried += 1;
        }
        assert!(tried > 15, "only {tried} defaults were tried");
    }
}
