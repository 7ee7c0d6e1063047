//! What is accepted, and as what.

use super::*;
use std::num::NonZeroU32;
use std::time::Duration;

#[test]
fn sample_is_valid() {
    let config = valid(SAMPLE);
    assert_eq!(config.name, "capillary-to-aep");
    assert_eq!(
        config.platform.dead_letter.topic,
        "capillary-to-aep-dead-letter"
    );
    assert!(matches!(
        config.platform.profiles,
        Some(Profiles::Upsert { .. })
    ));
}

#[test]
fn sample_is_valid_with_every_optional_key_switched_on() {
    let on: String = SAMPLE
        .lines()
        // The editors' line.
        .skip(1)
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
    text.contains(':')
        && key
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter == '-')
        && key != "format"
}

#[test]
fn defaults_are_those_of_the_promise() {
    let config = valid(LEAST);
    assert_eq!(config.consumer.max_bytes.get(), 2 << 20);
    assert_eq!(config.consumer.start, Start::Beginning);
    assert_eq!(config.consumer.partitions, Partitions::All);
    let platform = config.platform;
    assert_eq!(platform.batch.max_bytes.get(), 900_000);
    assert_eq!(platform.batch.linger, Duration::from_millis(200));
    assert_eq!(
        platform.concurrency,
        Concurrency::UpTo(384.try_into().unwrap())
    );
    assert_eq!(
        (platform.buffer.bytes, platform.buffer.offsets),
        (12 << 20, 100_000)
    );
    assert_eq!(
        platform.dead_letter.retention,
        Duration::from_secs(90 * 86_400)
    );
    assert_eq!(
        platform.ims.token_url.as_str(),
        "https://ims-na1.adobelogin.com/ims/token/v3"
    );
    assert!(platform.profiles.is_none());
}

#[test]
fn stop_with_the_defaults_ends_before_kubernetes_kills() {
    let shutdown = valid(LEAST).platform.shutdown_timeout + crate::app::FINAL_COMMIT_TIMEOUT;
    assert!(shutdown <= Duration::from_secs(27), "{shutdown:?} of 30 s");
}

#[test]
fn settling_time_is_that_of_the_format_unless_it_is_given() {
    let profiles = |lines: &str| {
        let section = "experience-platform:\n";
        let inlet = "inlet-url: \"https://dcs.adobedc.net/collection/ab\"";
        let profiles = format!("{section}  profiles: {{{inlet}, {lines}}}\n");
        valid(&with(section, &profiles)).platform.settle
    };
    let upsert = "dataset-id: a, flow-id: b";
    for (lines, expected) in [
        (upsert.to_owned(), 5_000),
        (format!("{upsert}, settle: 300ms"), 300),
        (format!("{upsert}, settle: 0s"), 0),
        ("format: raw, flow-id: b".to_owned(), 0),
        ("format: raw, flow-id: b, settle: 2s".to_owned(), 2_000),
    ] {
        assert_eq!(profiles(&lines), Duration::from_millis(expected), "{lines}");
    }
}

#[test]
fn batch_url_follows_from_the_inlet_url() {
    let config = valid(&with(
        "https://dcs.adobedc.net/collection/abc",
        "http://127.0.0.1:8080/gw/collection/abc",
    ));
    let Events::Xdm { inlet, .. } = config.platform.events else {
        panic!("not xdm")
    };
    assert_eq!(
        inlet.url.as_str(),
        "http://127.0.0.1:8080/gw/collection/abc"
    );
    assert_eq!(
        inlet.batch_url.as_str(),
        "http://127.0.0.1:8080/gw/collection/batch/abc"
    );
}

#[test]
fn secret_stays_one_text_whatever_is_in_it() {
    let config = valid(LEAST);
    assert_eq!(
        config.platform.ims.client_secret.expose(),
        "hush: # \"very'\\\\ hush"
    );
    assert_eq!(
        config.platform.ims.names.client_secret,
        "secrets.IMS_CLIENT_SECRET"
    );
}

#[test]
fn placeholder_may_stand_within_a_text_and_unquoted() {
    let text = with("ABC123@AdobeOrg", "${{ secrets.ORG }}@AdobeOrg")
        .replace("[{name", "[{name: ORG}, {name");
    let store = SecretStore::from_text(&format!("{SECRETS}ORG=FFFF"));
    let config = parse("c", &text, &store).unwrap();
    assert_eq!(config.platform.organization_id, "FFFF@AdobeOrg");
}

#[test]
fn number_in_a_secret_stays_text() {
    let store = SecretStore::from_text("IMS_CLIENT_ID=12345\nIMS_CLIENT_SECRET=1e3");
    let config = parse("c", LEAST, &store).unwrap();
    assert_eq!(config.platform.ims.client_id.expose(), "12345");
}

#[test]
fn share_of_partitions_divides_the_limits_that_are_written_down() {
    let config = |share: &str, limits: &str| {
        let text = with(
            "    id: sink\n",
            &format!("    id: sink\n    partition: {share}\n"),
        );
        valid(&format!("{text}{limits}"))
    };
    let limits =
        "  pace: {requests-per-second: 10, records-per-second: 2}\n  concurrency: {max: 100}\n";
    let shared = config("{of: 4, index: 1}", limits);
    let partitions = &shared.consumer.partitions;
    let read: Vec<u32> = (0..10)
        .filter(|number| partitions.include(*number))
        .collect();
    assert_eq!(read, [1, 5, 9]);
    let pace = shared.platform.pace;
    assert_eq!(pace.requests_per_second.map(NonZeroU32::get), Some(2));
    assert_eq!(pace.records_per_second.map(NonZeroU32::get), Some(1));
    assert_eq!(shared.platform.concurrency.upper_bound().get(), 25);
    let alone = config("[1, 5, 9]", limits);
    assert_eq!(
        alone.platform.pace.requests_per_second.map(NonZeroU32::get),
        Some(10)
    );
    let default = config("{index: 0, of: 4}", "");
    assert_eq!(
        default.platform.concurrency.upper_bound(),
        defaults::CONCURRENCY_MAX
    );
}

#[test]
fn partitions_and_starts_have_the_stock_forms() {
    let consumer =
        |lines: &str| valid(&with("    id: sink\n", &format!("    id: sink\n{lines}\n"))).consumer;
    assert_eq!(
        consumer("    partition: 3").partitions,
        Partitions::Only(vec![3])
    );
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
fn topic_object_of_the_later_api_version_is_read() {
    let text = with("0.1.0", "0.2.0").replace(
        "  topic: events\n",
        "  topic:\n    version: 0.1.0\n    meta: {name: events}\n    partition: {count: 3}\n    \
            retention: {time: 7d}\n",
    );
    assert_eq!(valid(&text).topic, "events");
}

#[test]
fn no_api_version_is_fine_without_secrets() {
    let text = with("apiVersion: 0.1.0\n", "")
        .replace(
            "  secrets: [{name: IMS_CLIENT_ID}, {name: IMS_CLIENT_SECRET}]\n",
            "",
        )
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
        "  - uses: capillary-xdm\n    with:\n      tenant: acme\n      events: [pointsIssued, \
            tierUpgraded]\n      identities: {customerId: CapillaryId}\n",
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
    let xdm =
        profiles("format: xdm, dataset-id: d, schema-id: \"https://ns.adobe.com/t/schemas/2\"");
    assert!(matches!(xdm, Some(Profiles::Xdm { .. })));
}

#[test]
fn transform_alone_needs_neither_the_platform_nor_secrets() {
    let store = SecretStore::from_text("");
    let transform = parse_transform("c", SAMPLE, &store).unwrap();
    assert_eq!(transform.with["primary-identity"], "customerId");
    assert_eq!(
        parse_transform("c", "transforms: [{uses: capillary-xdm}]", &store)
            .unwrap()
            .uses,
        "capillary-xdm"
    );
}

#[test]
fn copies_are_skipped_only_when_asked_for() {
    assert_eq!(valid(LEAST).platform.deduplicate, None);
    let asked = |line: &str| {
        let deduplicate = valid(&plus(line)).platform.deduplicate.unwrap();
        (deduplicate.count.get(), deduplicate.age.as_secs())
    };
    assert_eq!(asked("  deduplicate: {}"), (100_000, 3600));
    assert_eq!(asked("  deduplicate: {count: 5, age: 10m}"), (5, 600));
}

#[test]
fn observability_is_on_the_loopback_interface_unless_told() {
    let listen = |text: &str| {
        valid(&plus(text))
            .platform
            .observability
            .listen
            .map(|address| address.to_string())
    };
    assert_eq!(
        listen("  observability: {}").as_deref(),
        Some("127.0.0.1:9464")
    );
    assert_eq!(listen("  observability: {listen: off}"), None);
    assert_eq!(
        listen("  observability: {listen: \"[::]:0\"}").as_deref(),
        Some("[::]:0")
    );
    assert_eq!(
        valid(&plus("  observability: {log: json}"))
            .platform
            .observability
            .log,
        LogFormat::Json
    );
}

#[test]
fn landing_is_looked_for_unless_it_is_off() {
    let landed = |text: &str| valid(&plus(text)).platform.landed;
    let default = landed("  landed: {}").unwrap();
    assert_eq!(
        (default.interval.as_secs(), default.within.as_secs()),
        (300, 3600)
    );
    assert!(default.journal.topic.ends_with("-landing"));
    let asked = landed("  landed: {interval: 1s, topic: sent, retention: 2d}").unwrap();
    assert_eq!(asked.journal.topic, "sent");
    assert_eq!(asked.journal.retention.as_secs(), 2 * 24 * 3600);
    assert!(landed("  landed: off").is_none());
}
