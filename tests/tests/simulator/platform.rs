//! The services an organisation is set up with, against Adobe's documents.

use conformance::simulator::{OrganizationConfig, RegistryAge, SimulatorConfig};
use serde_json::{Value, json};

use crate::client::{Answer, Bench};

const LIST: &str = "application/vnd.adobe.xed-id+json";
const FULL: &str = "application/vnd.adobe.xed-full+json; version=1";
const PROFILE: &str = "https://ns.adobe.com/xdm/context/profile";

/// A call with every header the documents ask for, less one.
async fn call(bench: &Bench, method: &str, path: &str, body: Value, without: &str) -> Answer {
    let url = format!("{}/data/{path}", bench.simulator.base_url());
    let mut request = bench.http.request(method.parse().unwrap(), url);
    let bearer = format!("Bearer {}", bench.token);
    let accept = if path.contains("schemas/") || path.contains("global/") {
        FULL
    } else {
        LIST
    };
    let config = bench.simulator.config();
    for (name, value) in [
        ("authorization", bearer.as_str()),
        ("x-api-key", &config.credential.client_id),
        ("x-gw-ims-org-id", &config.organization_id),
        ("x-sandbox-name", "prod"),
        ("accept", accept),
        ("content-type", "application/json"),
    ] {
        if name != without {
            request = request.header(name, value);
        }
    }
    if !body.is_null() {
        request = request.body(body.to_string());
    }
    Answer::read(request.send().await.unwrap()).await.unwrap()
}

async fn get(bench: &Bench, path: &str) -> Answer {
    call(bench, "GET", path, Value::Null, "").await
}

async fn post(bench: &Bench, path: &str, body: Value) -> Answer {
    call(bench, "POST", path, body, "").await
}

async fn schema(bench: &Bench, title: &str) -> String {
    let body = json!({"type": "object", "title": title, "allOf": [{"$ref": PROFILE}],
                      "meta:immutableTags": ["union"]});
    let answer = post(bench, "foundation/schemaregistry/tenant/schemas", body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()["$id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn missing_headers_are_refused_as_the_troubleshooting_page_shows() {
    let bench = Bench::start().await;
    let path = "foundation/schemaregistry/stats";
    for (without, status, code) in [
        ("x-api-key", 403, "403000"),
        ("authorization", 403, "403010"),
        ("x-gw-ims-org-id", 400, "400003"),
    ] {
        let answer = call(&bench, "GET", path, Value::Null, without).await;
        assert_eq!(
            (answer.status, &answer.json()["error_code"]),
            (status, &json!(code))
        );
    }
    let answer = call(&bench, "POST", path, json!({}), "content-type").await;
    assert_eq!(answer.json()["title"], "BadRequestError");
    bench.simulator.revoke_tokens();
    let answer = get(&bench, path).await;
    assert_eq!(
        (answer.status, &answer.json()["error_code"]),
        (401, &json!("401013"))
    );
}

#[tokio::test]
async fn registry_lists_by_title_in_pages_and_wants_an_accept_header() {
    let bench = Bench::start().await;
    let path = "foundation/schemaregistry/tenant/schemas";
    for title in ["C", "A", "D", "B", "E"] {
        schema(&bench, title).await;
    }
    let refused = call(&bench, "GET", path, Value::Null, "accept").await;
    assert_eq!(
        refused.json()["type"],
        "http://ns.adobe.com/aep/errors/XDM-1006-400"
    );
    let (mut titles, mut start) = (Vec::new(), String::new());
    loop {
        let page = get(&bench, &format!("{path}?orderby=title&limit=9{start}"))
            .await
            .json();
        let results = page["results"].as_array().unwrap();
        assert!(results.len() <= 2);
        titles.extend(
            results
                .iter()
                .map(|one| one["title"].as_str().unwrap().to_owned()),
        );
        match page["_page"]["next"].as_str() {
            Some(next) => start = format!("&start={next}"),
            None => break,
        }
    }
    assert_eq!(titles, ["A", "B", "C", "D", "E"]);
    let again = json!({"title": "A", "allOf": [{"$ref": PROFILE}]});
    assert_eq!(post(&bench, path, again).await.status, 400);
    let unknown = json!({"title": "F", "allOf": [{"$ref": "https://ns.adobe.com/x"}]});
    assert_eq!(post(&bench, path, unknown).await.status, 400);
}

#[tokio::test]
async fn registries_of_two_ages_differ_in_the_newer_loyalty_fields() {
    for (registry, status) in [(RegistryAge::Newest, 200), (RegistryAge::Oldest, 404)] {
        let bench = Bench::with(SimulatorConfig {
            organization: OrganizationConfig {
                registry,
                ..OrganizationConfig::default()
            },
            ..SimulatorConfig::default()
        })
        .await;
        let group = |name: &str| {
            let id = format!("https%3A%2F%2Fns.adobe.com%2Fxdm%2F{name}");
            format!("foundation/schemaregistry/global/fieldgroups/{id}")
        };
        let details = group("context%2Fexperienceevent-loyalty-details");
        let answer = get(&bench, &details).await;
        assert_eq!(answer.status, status, "{registry:?}");
        if status == 404 {
            let kind = "http://ns.adobe.com/aep/errors/XDM-1012-404";
            assert_eq!(answer.json()["type"], kind);
        }
        let loyalty = group("mixins%2Fprofile%2Fprofile-loyalty-details");
        let fields = get(&bench, &loyalty).await.json();
        let fields = &fields["properties"]["loyalty"]["properties"];
        assert!(fields["points"].is_object());
        assert_eq!(
            fields["lifetimePoints"].is_object(),
            status == 200,
            "{registry:?}"
        );
    }
}

#[tokio::test]
async fn namespaces_and_datasets_answer_as_documented() {
    let bench = Bench::start().await;
    let path = "core/idnamespace/identities";
    let listed = get(&bench, path).await.json();
    assert_eq!(listed[0]["code"], "Email");
    let new = json!({"name": "n", "code": "CapillaryId", "idType": "Cross_device"});
    let made = post(&bench, path, new.clone()).await;
    assert_eq!((made.status, &made.json()["custom"]), (200, &json!(true)));
    let conflict = post(&bench, path, new).await;
    assert_eq!(conflict.status, 409);
    assert_eq!(conflict.json()["title"], "NAMESPACE_CODE_CONFLICT");
    assert_eq!(conflict.json()["report"]["code"], "INTEGRATION_CODE_EXISTS");
    let wrong = json!({"name": "n", "code": "a-b", "idType": "Cross_device"});
    let wrong = post(&bench, path, wrong).await;
    assert_eq!(wrong.json()["report"]["code"], "INVALID_REQUEST_PARAMS");

    let schema = schema(&bench, "S").await;
    let path = "foundation/catalog/dataSets";
    let body = json!({"name": "d", "schemaRef": {"id": schema}});
    let made = post(&bench, path, body).await;
    assert_eq!(made.status, 201);
    let made = made.json();
    let id = made[0]
        .as_str()
        .unwrap()
        .strip_prefix("@/dataSets/")
        .unwrap()
        .to_owned();
    assert_eq!(id.len(), 24);
    let listed = get(&bench, &format!("{path}?name=d&limit=5")).await.json();
    assert_eq!(listed[&id]["schemaRef"]["id"], schema);
    let unknown = json!({"name": "d", "schemaRef": {"id": "https://ns.adobe.com/x"}});
    assert_eq!(post(&bench, path, unknown).await.status, 400);
}

#[tokio::test]
async fn a_connection_shows_its_inlet_and_goes_only_in_the_version_seen() {
    let bench = Bench::start().await;
    let path = "foundation/flowservice/connections";
    let body = json!({
        "name": "c", "connectionSpec": {"id": "bc7b00d6-623a-4dfc-9fdb-f1240aeadaeb"},
        "auth": {"specName": "Streaming Connection", "params": {"dataType": "xdm"}},
    });
    let made = post(&bench, path, body.clone()).await;
    assert_eq!(made.status, 201);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert!(made.json()["etag"].is_string());
    // Names need not be unique.
    for _ in 0..3 {
        assert_eq!(post(&bench, path, body.clone()).await.status, 201);
    }
    let page = get(&bench, &format!("{path}?property=name%3D%3Dc"))
        .await
        .json();
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    let next = page["_links"]["next"]["href"].as_str().unwrap();
    assert!(next.contains("continuationToken="), "{next}");
    let found = get(&bench, &format!("{path}/{id}")).await.json();
    let params = &found["items"][0]["auth"]["params"];
    assert!(
        params["inletUrl"]
            .as_str()
            .unwrap()
            .contains("/collection/")
    );
    let refused = call(&bench, "DELETE", &format!("{path}/{id}"), Value::Null, "").await;
    let text = refused.json()["errorMessage"].as_str().unwrap().to_owned();
    assert!(
        text.contains("does not match the current version"),
        "{text}"
    );
}

#[tokio::test]
async fn mapping_sets_are_validated_and_previewed() {
    let bench = Bench::start().await;
    let path = "foundation/conversion/mappingSets";
    let mapping = |source: &str| json!({"sourceType": "ATTRIBUTE", "source": source, "destination": "person.name"});
    let set = json!({"mappings": [mapping("a.b"), mapping("")]});
    let answer = post(&bench, &format!("{path}/validate"), set).await.json();
    assert_eq!(
        answer["validationResponse"][0],
        json!({"status": "SUCCESS", "errors": null})
    );
    assert_eq!(answer["validationResponse"][1]["status"], "FAILED");
    let set = json!({"mappings": [mapping("a.b"), mapping("absent")]});
    let body = json!({"data": {"a": {"b": "x"}}, "mappingSet": set});
    let answer = post(&bench, &format!("{path}/preview"), body).await.json();
    assert_eq!(
        answer,
        json!({"data": {"person": {"name": "x"}}, "errors": null})
    );
    assert_eq!(
        get(&bench, path).await.status,
        400,
        "start and limit are required"
    );
}
