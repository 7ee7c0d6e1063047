//! A plain client, and messages to send.

use std::time::Duration;

use conformance::simulator::{FaultScript, InletConfig, Simulator, SimulatorConfig, Status, Step};
use serde_json::{Value, json};

/// A simulator and a client that has a token for it.
pub(crate) struct Bench {
    pub(crate) simulator: Simulator,
    pub(crate) http: reqwest::Client,
    pub(crate) token: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub(crate) async fn read(response: reqwest::Response) -> Result<Self, reqwest::Error> {
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        let (retry_after, content_type) = (header("retry-after"), header("content-type"));
        let status = response.status().as_u16();
        Ok(Self {
            status,
            retry_after,
            content_type,
            text: response.text().await?,
        })
    }
}

pub(crate) fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

pub(crate) fn form(client_id: &str, secret: &str, scope: &str) -> String {
    format!(
        "grant_type=client_credentials&client_id={}&client_secret={}&scope={}",
        encoded(client_id),
        encoded(secret),
        encoded(scope)
    )
}

pub(crate) const SCOPE: &str =
    "openid,AdobeID,read_organizations,additional_info.projectedProductContext,session";

pub(crate) fn status(code: u16) -> Status {
    Status::try_from(code).unwrap()
}

impl Bench {
    pub(crate) async fn start() -> Self {
        Self::with(SimulatorConfig::default()).await
    }

    pub(crate) async fn with(config: SimulatorConfig) -> Self {
        let simulator = Simulator::start(config).await.unwrap();
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(10))
            .build()
            .unwrap();
        let mut bench = Self {
            simulator,
            http,
            token: String::new(),
        };
        bench.renew().await;
        bench
    }

    pub(crate) async fn renew(&mut self) {
        let answer = self
            .ask_token(&self.simulator.token_url(), self.good_form())
            .await
            .unwrap();
        self.token = answer.json()["access_token"].as_str().unwrap().to_owned();
    }

    pub(crate) fn good_form(&self) -> String {
        let credential = &self.simulator.config().credential;
        form(&credential.client_id, &credential.client_secret, SCOPE)
    }

    pub(crate) async fn ask_token(
        &self,
        url: &str,
        form: String,
    ) -> Result<Answer, reqwest::Error> {
        let request = self
            .http
            .post(url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        Answer::read(request.send().await?).await
    }

    pub(crate) fn post(
        &self,
        url: String,
        body: impl Into<reqwest::Body>,
    ) -> reqwest::RequestBuilder {
        let request = self
            .http
            .post(url)
            .header("content-type", "application/json");
        request
            .header("authorization", format!("Bearer {}", self.token))
            .body(body)
    }

    pub(crate) fn events(&self) -> &InletConfig {
        self.simulator.inlet("events").unwrap()
    }

    pub(crate) fn profiles(&self) -> &InletConfig {
        self.simulator.inlet("profiles").unwrap()
    }

    /// Sends events as a batch.
    pub(crate) async fn batch(&self, messages: Vec<Value>) -> Result<Answer, reqwest::Error> {
        let url = self.simulator.batch_url(self.events());
        Answer::read(
            self.post(url, json!({ "messages": messages }).to_string())
                .send()
                .await?,
        )
        .await
    }

    /// Sends one event.
    pub(crate) async fn single(&self, message: Value) -> Result<Answer, reqwest::Error> {
        let url = self.simulator.inlet_url(self.events());
        Answer::read(self.post(url, message.to_string()).send().await?).await
    }

    /// Sends one message to the inlet for profiles.
    pub(crate) async fn profile(&self, message: Value) -> Answer {
        let inlet = self.profiles();
        let request = self.post(self.simulator.inlet_url(inlet), message.to_string());
        Answer::read(
            request
                .header("x-adobe-flow-id", &inlet.flow_id)
                .send()
                .await
                .unwrap(),
        )
        .await
        .unwrap()
    }

    pub(crate) fn event(&self, id: &str) -> Value {
        self.envelope(event(id, "c1"))
    }

    pub(crate) fn envelope(&self, entity: Value) -> Value {
        let inlet = self.events();
        let schema = json!({"id": inlet.schema_id(),
            "contentType": "application/vnd.adobe.xed-full+json;version=1"});
        json!({
            "header": {"schemaRef": schema, "imsOrgId": self.simulator.config().organization_id,
                       "datasetId": inlet.dataset_id, "flowId": inlet.flow_id,
                       "source": {"name": "test"}},
            "body": {"xdmMeta": {"schemaRef": schema}, "xdmEntity": entity},
        })
    }

    pub(crate) fn upsert(&self, operation: &str, entity: Value) -> Value {
        let inlet = self.profiles();
        json!({
            "header": {"flowId": inlet.flow_id, "imsOrgId": self.simulator.config().organization_id,
                       "datasetId": inlet.dataset_id, "operations": {"data": operation}},
            "body": entity,
        })
    }

    pub(crate) fn script(&self, steps: impl IntoIterator<Item = Step>) {
        self.simulator.add_faults(FaultScript {
            steps: steps.into_iter().collect(),
            random: None,
        });
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        self.simulator
            .accepted_events()
            .iter()
            .map(|event| event.id.clone().unwrap())
            .collect()
    }
}

pub(crate) fn event(id: &str, customer: &str) -> Value {
    json!({"_id": id, "timestamp": "2025-07-14T12:00:00Z", "eventType": "capillary.pointsIssued",
           "identityMap": {"CapillaryId": [{"id": customer, "primary": true}]}})
}
