//! What a run does where nothing goes wrong, and what it says where something is missing.

use capillary_aep_sink::config::{self, SecretStore};
use capillary_aep_sink::provision::{Ending, Mode};
use conformance::simulator::{DEMO_ORGANIZATION_ID, OrganizationConfig, RegistryAge, ResourceKind};
use serde_json::json;

use crate::bench::{Bench, whole};

#[tokio::test]
async fn a_plan_shows_everything_and_makes_nothing() {
    let mut bench = Bench::new().await;
    let before = bench.config();
    let run = bench.run(Mode::Plan).await;
    assert_eq!(run.ending, Ending::Done, "{}", run.text);
    for part in [
        "to make  the identity namespace 'CapillaryId'",
        "to make  the schema 'Capillary Loyalty events'",
        "to make  the dataset 'Capillary Loyalty identities'",
        "to make  the flow 'Capillary Loyalty profiles'",
        "1 there, 17 to make",
    ] {
        assert!(run.text.contains(part), "{part}: {}", run.text);
    }
    assert_eq!(bench.writes(), 0);
    assert_eq!(bench.config(), before);
    assert!(!bench.file("connector.yaml.provisioned.json").exists());
}

#[tokio::test]
async fn three_credentials_and_a_topic_become_a_whole_configuration() {
    let mut bench = Bench::new().await;
    bench.apply().await;
    assert_eq!(bench.counts(), whole());
    let text = bench.config();
    let secrets = std::fs::read_to_string(bench.file("secrets.txt")).unwrap();
    let store = SecretStore::from_text(&secrets);
    config::parse("connector.yaml", &text, &store).unwrap_or_else(|error| panic!("{error}"));
    for kept in [
        "# Ours.\nmeta:\n",
        "capillary-events # from the gateway\n",
        "  # The end.\n",
    ] {
        assert!(text.contains(kept), "{kept}: {text}");
    }
    for written in [
        "tenant: demo",
        "sandbox: prod",
        "identity-dataset-id: ",
        "schema-id: https://ns.adobe.com/demo/schemas/",
        "uses: capillary-aep/capillary-xdm@",
    ] {
        assert!(text.contains(written), "{written}: {text}");
    }
    assert!(!text.contains("omit-fields"), "{text}");
    let credential = &bench.simulator.config().credential;
    let state = std::fs::read_to_string(bench.file("connector.yaml.provisioned.json")).unwrap();
    for file in [text, state] {
        assert!(!file.contains(&credential.client_secret), "{file}");
    }
}

#[tokio::test]
async fn a_second_run_changes_nothing() {
    let mut bench = Bench::new().await;
    bench.apply().await;
    let (config, writes) = (bench.config(), bench.writes());
    let run = bench.apply().await;
    assert!(
        run.text.contains("18 there, 0 made; 0 values"),
        "{}",
        run.text
    );
    assert_eq!((bench.config(), bench.writes()), (config, writes));
    let check = bench.run(Mode::Check).await;
    assert_eq!(check.ending, Ending::Done, "{}", check.text);
}

#[tokio::test]
async fn check_names_what_is_missing_and_what_differs() {
    let mut bench = Bench::new().await;
    bench.apply().await;
    let text = bench.config().replace("sandbox: prod", "sandbox: dev");
    std::fs::write(bench.file("connector.yaml"), text).unwrap();
    bench.options.sandbox = Some("prod".to_owned());
    let flow = |all: &mut conformance::simulator::Organization| {
        all.resources.retain(|one| one.kind != ResourceKind::Flow);
    };
    bench.simulator.change_organization(flow);
    let check = bench.run(Mode::Check).await;
    assert_eq!(check.ending, Ending::Failed, "{}", check.text);
    for part in [
        "MISSING  the flow 'Capillary Loyalty events'",
        "DIFFERS experience-platform.sandbox",
        "2 missing",
    ] {
        assert!(check.text.contains(part), "{part}: {}", check.text);
    }
}

#[tokio::test]
async fn an_old_registry_decides_what_is_left_out() {
    let mut bench = Bench::with(OrganizationConfig {
        registry: RegistryAge::Oldest,
        ..OrganizationConfig::default()
    })
    .await;
    bench.apply().await;
    assert_eq!(bench.counts(), whole());
    let text = bench.config();
    for field in ["loyalty.pointsGained", "loyalty.tierUpgradeDate"] {
        assert!(text.contains(field), "{field}: {text}");
    }
    bench.simulator.organization(|all| {
        let set = all.of(ResourceKind::MappingSet).next().unwrap();
        let set = set.body.to_string();
        assert!(set.contains("loyalty.points"), "{set}");
        assert!(!set.contains("loyalty.tierUpgradeDate"), "{set}");
    });
    let writes = bench.writes();
    bench.apply().await;
    assert_eq!(bench.writes(), writes);
}

#[tokio::test]
async fn where_data_prep_has_no_maps_identities_are_copied() {
    let mut bench = Bench::with(OrganizationConfig {
        maps: false,
        ..OrganizationConfig::default()
    })
    .await;
    bench.apply().await;
    bench.simulator.organization(|all| {
        let set = all.of(ResourceKind::MappingSet).next().unwrap();
        assert!(!set.body.to_string().contains("to_map("));
    });
}

#[tokio::test]
async fn what_stays_for_good_is_asked_about_first() {
    let mut bench = Bench::new().await;
    bench.options.yes = false;
    let run = bench.answering(Mode::Apply, false).await;
    assert_eq!(run.ending, Ending::Refused, "{}", run.text);
    assert_eq!(run.questions.len(), 1, "{:?}", run.questions);
    assert_eq!(bench.writes(), 0);
    let run = bench.answering(Mode::Apply, true).await;
    assert_eq!(run.ending, Ending::Done, "{}", run.text);
    assert_eq!(run.questions.len(), 1, "{:?}", run.questions);
}

#[tokio::test]
async fn without_tenant_fields_and_profiles_there_is_less() {
    let mut bench = Bench::new().await;
    (bench.options.tenant, bench.options.profiles) = (false, false);
    bench.apply().await;
    let counts = bench.counts();
    assert_eq!(counts.get(&ResourceKind::FieldGroup), None);
    assert_eq!(counts.get(&ResourceKind::MappingSet), None);
    assert_eq!(counts.get(&ResourceKind::Flow), Some(&1));
    assert!(!bench.config().contains("profiles:"));
}

#[tokio::test]
async fn something_else_of_the_same_name_is_not_touched() {
    let mut bench = Bench::new().await;
    bench.apply().await;
    bench.simulator.change_organization(|all| {
        let dataset = all
            .resources
            .iter_mut()
            .find(|one| one.kind == ResourceKind::Dataset);
        dataset.unwrap().body["schemaRef"]["id"] = "https://ns.adobe.com/demo/schemas/0".into();
    });
    std::fs::remove_file(bench.file("connector.yaml.provisioned.json")).unwrap();
    let writes = bench.writes();
    let run = bench.run(Mode::Apply).await;
    assert_eq!(run.ending, Ending::Refused, "{}", run.text);
    assert!(run.text.contains("choose another --prefix"), "{}", run.text);
    assert_eq!(bench.writes(), writes);
}

#[tokio::test]
async fn destroy_takes_back_what_the_state_file_names_and_no_more() {
    let mut bench = Bench::new().await;
    bench.apply().await;
    // Another's, of another name.
    bench.options.prefix = "Other".to_owned();
    bench.options.state = Some(bench.file("other.json"));
    bench.apply().await;
    bench.options.prefix = "Capillary Loyalty".to_owned();
    bench.options.state = None;
    bench.options.yes = false;
    let asked = bench.answering(Mode::Destroy, false).await;
    assert_eq!(asked.ending, Ending::Refused, "{}", asked.text);
    let run = bench.answering(Mode::Destroy, true).await;
    assert_eq!(run.ending, Ending::Done, "{}", run.text);
    bench.simulator.organization(|all| {
        for kind in [
            ResourceKind::Flow,
            ResourceKind::SourceConnection,
            ResourceKind::TargetConnection,
            ResourceKind::Connection,
            ResourceKind::Dataset,
        ] {
            let names = all.names(kind);
            assert!(!names.is_empty(), "{kind:?}");
            assert!(
                names.iter().all(|name| name.starts_with("Other")),
                "{names:?}"
            );
        }
        assert_eq!(all.names(ResourceKind::Schema).len(), 4);
    });
    bench.options.yes = true;
    bench.apply().await;
    assert_eq!(bench.counts()[&ResourceKind::Flow], 4);
}

#[tokio::test]
async fn what_is_not_allowed_is_named_with_who_grants_it() {
    let mut bench = Bench::new().await;
    bench.options.sandbox = Some("stage".to_owned());
    let run = bench.run(Mode::Apply).await;
    assert_eq!(run.ending, Ending::Refused, "{}", run.text);
    assert!(run.text.contains("'stage' is not among"), "{}", run.text);
    bench.options.sandbox = None;
    for permission in [
        "Manage Identity Namespaces",
        "Manage Schemas",
        "Manage Datasets",
        "Manage Sources",
    ] {
        bench.simulator.change_organization(|all| {
            all.denied = std::iter::once(permission.to_owned()).collect();
        });
        let run = bench.run(Mode::Apply).await;
        assert_eq!(run.ending, Ending::Refused, "{permission}: {}", run.text);
        let expected = format!("lacks '{permission}' in the sandbox 'prod'");
        assert!(run.text.contains(&expected), "{permission}: {}", run.text);
    }
    bench.simulator.change_organization(|all| {
        all.denied.clear();
        all.entitled = false;
    });
    let run = bench.run(Mode::Apply).await;
    assert!(run.text.contains("no product profile"), "{}", run.text);
    bench
        .simulator
        .change_organization(|all| all.entitled = true);
    bench.apply().await;
    assert_eq!(bench.counts(), whole());
}

#[tokio::test]
async fn an_exhausted_quota_is_named() {
    let mut bench = Bench::with(OrganizationConfig {
        max_datasets: 1,
        ..OrganizationConfig::default()
    })
    .await;
    let run = bench.run(Mode::Apply).await;
    assert_eq!(run.ending, Ending::Refused, "{}", run.text);
    assert!(run.text.contains("quota"), "{}", run.text);
}

/// What the configuration says of events.
fn of_events(bench: &Bench) -> impl Fn(&str) -> String {
    let text = bench.config();
    move |key| {
        let section = text.split("  events:\n").nth(1).unwrap();
        let line = section.lines().find(|line| line.trim().starts_with(key));
        line.unwrap()
            .split_once(": ")
            .unwrap()
            .1
            .trim_matches('"')
            .to_owned()
    }
}

#[tokio::test]
async fn provisioned_inlet_takes_events() {
    let mut bench = Bench::new().await;
    bench.apply().await;
    let said = of_events(&bench);
    let schema = json!({"id": said("schema-id"),
                        "contentType": "application/vnd.adobe.xed-full+json;version=1"});
    let message = json!({
        "header": {"schemaRef": schema, "imsOrgId": DEMO_ORGANIZATION_ID,
                   "datasetId": said("dataset-id"), "flowId": said("flow-id")},
        "body": {"xdmMeta": {"schemaRef": schema}, "xdmEntity": {
            "_id": "1", "timestamp": "2026-01-01T00:00:00Z", "eventType": "x",
            "identityMap": {"CapillaryId": [{"id": "7", "primary": true}]},
        }},
    });
    let url = said("inlet-url").replace("/collection/", "/collection/batch/");
    let token = bench.simulator.issued_tokens().pop().unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http
        .post(url)
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {token}"))
        .body(json!({"messages": [message]}).to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 207);
    let accepted = bench.simulator.accepted_events();
    assert_eq!(accepted.len(), 1, "{}", answer.text().await.unwrap());
}
