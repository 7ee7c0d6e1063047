//! What is refused, and how it is said.

use super::*;

#[test]
fn unknown_key_is_named_with_its_place_and_the_nearest_right_one() {
    let text = with("    client-id: \"${{", "    clientid: \"${{");
    says(
        &text,
        &[
            "connector.yaml:15: experience-platform.ims.clientid: unknown key; did you mean \
                `client-id`?",
        ],
    );
    let problems = refusal(&text).matches("connector.yaml:").count();
    assert_eq!(problems, 1, "the key is mistyped, not missing");
}

#[test]
fn key_at_the_wrong_level_is_sent_to_the_right_one() {
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
        message.contains(
            "meta.consumer.id: found the number 5, expected text; put the value in quotes"
        ),
        "{message}"
    );
    assert!(
        message.contains("events.dataset-id: found a list"),
        "{message}"
    );
    assert_eq!(message.matches("connector.yaml:").count(), 3, "{message}");
}

#[test]
fn secret_that_is_missing_or_not_listed_is_named() {
    let store = SecretStore::from_text("IMS_CLIENT_ID=x");
    let message = parse("c", LEAST, &store).unwrap_err().to_string();
    assert!(
        message.contains(
            "c:7: meta.secrets[1].name: the secret IMS_CLIENT_SECRET was not found \
            in the secrets file"
        ),
        "{message}"
    );
    says(
        &with(", {name: IMS_CLIENT_SECRET}", ""),
        &[
            "connector.yaml:16:",
            "IMS_CLIENT_SECRET is used here but not listed",
        ],
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
            &with(
                "\"${{ secrets.IMS_CLIENT_ID }}\"",
                &format!("\"{placeholder}\""),
            ),
            &["ims.client-id"],
        );
    }
}

#[test]
fn value_made_of_a_secret_is_never_shown() {
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
        &with(
            "dataset-id: d1",
            "dataset-id: \"${{ secrets.IMS_CLIENT_SECRET }}\"",
        ),
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
        ("Manual", "expected `manual`"),
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
    let flush =
        "    id: sink\n    offset: {strategy: manual, flush-period: {secs: 10, nanos: 0}}\n";
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
    says(
        &with(&format!("transforms:\n{step}"), ""),
        &["transforms: missing"],
    );
    says(
        &with(&format!("transforms:\n{step}"), "transforms: []\n"),
        &["transforms: found a list, expected exactly one"],
    );
    says(
        &with(step, &format!("{step}    lookback: {{last: 1}}\n")),
        &["transforms[0].lookback"],
    );
    says(
        &with(
            step,
            &format!("{step}    with: {{qualify-identity: true}}\n"),
        ),
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
fn place_to_listen_that_is_none() {
    for listen in [
        "localhost",
        "9464",
        "127.0.0.1",
        "localhost:9464",
        "http://127.0.0.1:9464",
        "on",
    ] {
        says(
            &plus(&format!("  observability: {{listen: \"{listen}\"}}")),
            &[
                "experience-platform.observability.listen",
                "127.0.0.1:9464",
                "`off`",
            ],
        );
    }
    says(
        &plus("  observability: {log: xml}"),
        &["observability.log", "`human` or `json`"],
    );
    says(
        &plus("  observability: {port: 1}"),
        &["observability.port", "unknown"],
    );
}

#[test]
fn reasons_to_accept_that_do_not_exist() {
    valid(&plus("  dead-letter: {accept: [unknown_dataset, refused]}"));
    says(
        &plus("  dead-letter: {accept: [refused, unkown_dataset]}"),
        &["dead-letter.accept[1]", "`unknown_dataset`"],
    );
}

#[test]
fn urls_that_are_not_safe_or_not_inlets() {
    for (url, reason) in [
        ("http://dcs.adobedc.net/collection/abc", "https"),
        (
            "https://dcs.adobedc.net/collection/batch/abc",
            "/collection/{inlet id}",
        ),
        (
            "https://dcs.adobedc.net/collection/",
            "/collection/{inlet id}",
        ),
        ("https://dcs.adobedc.net/abc", "/collection/{inlet id}"),
        (
            "https://dcs.adobedc.net/collection/abc?syncValidation=true",
            "without",
        ),
        (
            "https://user:hush@dcs.adobedc.net/collection/abc",
            "user name or password",
        ),
        ("dcs.adobedc.net/collection/abc", "a URL"),
    ] {
        says(
            &with(
                "https://dcs.adobedc.net/collection/abc",
                &format!("\"{url}\""),
            ),
            &["events.inlet-url", reason],
        );
    }
}

#[test]
fn keys_a_format_needs_or_has_no_use_for() {
    says(
        &with("    dataset-id: d1\n", ""),
        &["events.dataset-id: missing"],
    );
    says(
        &with("    dataset-id: d1\n", "    format: raw\n"),
        &[
            "flow-id: missing",
            "schema-id: has no meaning with format raw",
        ],
    );
    says(
        &with(
            "    dataset-id: d1\n",
            "    dataset-id: d1\n    format: upsert\n",
        ),
        &["events.format", "`xdm`, `raw` or `capillary-source`"],
    );
    says(
        &plus("  profiles: {inlet-url: \"https://x/collection/p\"}"),
        &["profiles.flow-id: missing", "profiles.dataset-id: missing"],
    );
}

#[test]
fn shape_of_adobes_source_needs_the_address_and_a_price_that_is_said() {
    let events = |parameters: &str| {
        let format = "    flow-id: f1\n    format: capillary-source\n";
        let parameters = format!("0.1.0\n    with: {{{parameters}}}\nexperience-platform:");
        with("    dataset-id: d1\n", format)
            .replace("    schema-id: https://ns.adobe.com/tenant/schemas/1\n", "")
            .replace("0.1.0\nexperience-platform:", &parameters)
    };
    let address = "events.format: capillary-source needs `primary-identity: email`";
    let price = "events.format: capillary-source needs `line-price`";
    says(&events(""), &[address, price]);
    says(&events("primary-identity: email"), &[price]);
    says(
        &events("primary-identity: email, identities: {email: Mail}, line-price: after-discount"),
        &[address],
    );
    says(
        &plus(
            "  profiles: {inlet-url: \"https://x/collection/p\", flow-id: f, format: capillary-source}",
        ),
        &["profiles.format: capillary-source needs `primary-identity: email`"],
    );
    let config = valid(&events(
        "primary-identity: email, line-price: before-discount",
    ));
    assert!(matches!(
        config.platform.events,
        Events::Raw {
            shape: RawShape::CapillarySource,
            ..
        }
    ));
}

#[test]
fn values_out_of_range() {
    for (lines, part) in [
        ("  batch: {max-bytes: 1MB}", "from 1 to 999900 bytes"),
        ("  batch: {max-records: 0}", "from 1 to"),
        ("  batch: {linger: 200}", "a duration with its unit"),
        (
            "  batch: {linger: fast}",
            "found \"fast\", expected a duration",
        ),
        ("  concurrency: {max: 0}", "from 1 to 1000"),
        ("  deduplicate: {count: 0}", "from 1 to 1000000"),
        ("  deduplicate: {age: 0s}", "greater than 0"),
        ("  concurrency: {max: -1}", "a whole number"),
        ("  concurrency: {max: 1.5}", "a whole number"),
        ("  concurrency: {fixed: 1001}", "from 1 to 1000"),
        (
            "  concurrency: {max: 8, fixed: 8}",
            "found both `max` and `fixed`",
        ),
        ("  pace: {requests-per-second: 0}", "from 1 to"),
        ("  buffer: {max-bytes: a lot}", "a size such as"),
        ("  retry: {initial: 1m}", "expected initial ≤ max"),
        ("  shutdown-timeout: 0s", "greater than 0"),
        ("  lease: 900ms", "from 1s to 1h"),
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
    for (share, told) in [
        ("{index: 2, of: 2}", "count from 0 to 1"),
        ("{index: 0, of: 0}", "at least 1"),
        ("{index: 0}", "{index: N, of: M}"),
        (
            "{index: {env: NOT_SET_ANYWHERE}, of: 2}",
            "NOT_SET_ANYWHERE",
        ),
    ] {
        says(
            &with(
                "    id: sink\n",
                &format!("    id: sink\n    partition: {share}\n"),
            ),
            &["meta.consumer.partition", told],
        );
    }
    says(
        &with("type: capillary-aep-sink", "type: x-source"),
        &["meta.type"],
    );
}

#[test]
fn secret_with_a_line_break_at_its_end() {
    let store = SecretStore::File(vec![
        ("IMS_CLIENT_ID".to_owned(), crate::secret::Secret::new("x")),
        (
            "IMS_CLIENT_SECRET".to_owned(),
            crate::secret::Secret::new("hush\n"),
        ),
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
    let lines: String = (0..1_000)
        .map(|depth| format!("{}a:\n", " ".repeat(depth)))
        .collect();
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
fn valid_configuration_prints_no_secret() {
    let text = plus("  http: {proxy: \"http://user:${{ secrets.IMS_CLIENT_ID }}@host:1\"}");
    let printed = format!("{:?}", valid(&text));
    assert!(
        !printed.contains("hush") && !printed.contains("the-id"),
        "{printed}"
    );
}

#[test]
fn parameter_the_mapping_does_not_know_is_named_with_its_line() {
    let step = "  - uses: capillary-aep/capillary-xdm@0.1.0\n";
    let text = with(
        step,
        &format!("{step}    with:\n      tenant: acme\n      primary-identiti: customerId\n"),
    );
    says(
        &text,
        &["connector.yaml:14: transforms[0].with.primary-identiti: "],
    );
    let secret = with(
        step,
        &format!("{step}    with: {{time-zone: \"${{{{ secrets.IMS_CLIENT_SECRET }}}}\"}}\n"),
    );
    says(&secret, &["transforms[0].with.time-zone"]);
    let error = parse_transform("c", &text, &SecretStore::from_text(""))
        .unwrap_err()
        .to_string();
    assert!(error.contains("primary-identiti"), "{error}");
}

#[test]
fn stock_spelling_of_max_bytes_is_pointed_at_and_not_given_twice() {
    says(
        &with("    id: sink\n", "    id: sink\n    max_bytes: 3GiB\n"),
        &["connector.yaml:10: meta.consumer.max_bytes: found"],
    );
    says(
        &with(
            "    id: sink\n",
            "    id: sink\n    max_bytes: 1MiB\n    max-bytes: 1MiB\n",
        ),
        &["twice"],
    );
}

#[test]
fn client_certificate_and_its_key_need_each_other() {
    says(
        &plus("  http: {client-cert-file: c.pem}"),
        &["experience-platform.http.client-key-file: missing"],
    );
    says(
        &plus("  http: {client-key-file: k.pem}"),
        &["experience-platform.http.client-cert-file: missing"],
    );
    let http = valid(&plus(
        "  http: {client-cert-file: c.pem, client-key-file: k.pem}",
    ))
    .platform
    .http;
    assert!(http.client_certificate.is_some());
}

#[test]
fn value_that_imitates_an_expectation_is_not_shown() {
    let imitation = "5, expected hush, expected u64";
    for key in [
        "batch: {max-records: VALUE}",
        "batch: {linger: VALUE}",
        "batch: {max-bytes: VALUE}",
        "pace: VALUE",
        "deduplicate: {count: VALUE, age: VALUE}",
        "dead-letter: {accept: VALUE}",
        "observability: VALUE",
        "VALUE: 1",
    ] {
        for value in ["${{ secrets.IMS_CLIENT_SECRET }}", imitation] {
            let key = key.replace("VALUE", &format!("\"{value}\""));
            let text = format!("{LEAST}  {key}\n");
            let store =
                SecretStore::from_text(&format!("IMS_CLIENT_ID=x\nIMS_CLIENT_SECRET={imitation}"));
            let Err(error) = parse("c", &text, &store) else {
                panic!("{text}");
            };
            let told = error.to_string();
            let is_secret = value != imitation;
            assert!(!(is_secret && told.contains("hush")), "{told}");
            assert!(!told.contains("expected hush, expected u64 "), "{told}");
            assert!(!told.contains("expected hush, expected u64\n"), "{told}");
        }
    }
}

#[test]
fn schema_id_that_was_pasted_with_its_quotation_mark_is_refused() {
    for broken in ["1%22", "1\"", "1'", "%201", "1}"] {
        let id = format!("https://ns.adobe.com/tenant/schemas/{broken}");
        let text = with("https://ns.adobe.com/tenant/schemas/1", &id);
        says(
            &text,
            &[
                "events.schema-id",
                "without quotation marks, blanks and `%`",
            ],
        );
    }
}

#[test]
fn flow_id_in_the_url_is_sent_to_its_key() {
    let text = with("/collection/abc", "/collection/abc?x-adobe-flow-id=1");
    says(&text, &["events.inlet-url", "`flow-id`"]);
}

#[test]
fn landing_that_is_neither_off_nor_an_object() {
    says(
        &plus("  landed: sometimes"),
        &["experience-platform.landed", "`off`", "interval"],
    );
    says(
        &plus("  landed: {interval: 500ms}"),
        &["experience-platform.landed.interval", "at least 1s"],
    );
    says(&plus("  landed: {every: 5m}"), &["landed.every", "unknown"]);
}
