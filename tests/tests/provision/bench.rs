//! An organisation, a configuration to begin with, and runs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use capillary_aep_sink::provision::{self, Desk, Ending, Mode, Options};
use conformance::simulator::{
    DEMO_ORGANIZATION_ID, OrganizationConfig, ResourceKind, Simulator, SimulatorConfig,
};
use tempfile::TempDir;

/// What a run said, and what it was told.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    pub(crate) said: Vec<String>,
    pub(crate) questions: Vec<String>,
    pub(crate) agrees: bool,
}

impl Desk for Lines {
    fn say(&mut self, line: &str) {
        self.said.push(line.to_owned());
    }

    fn agrees(&mut self, question: &str) -> bool {
        self.questions.push(question.to_owned());
        self.agrees
    }
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) ending: Ending,
    pub(crate) text: String,
    pub(crate) questions: Vec<String>,
}

pub(crate) struct Bench {
    pub(crate) simulator: Simulator,
    pub(crate) options: Options,
    directory: TempDir,
}

/// The credential, the organisation and the topic, and pauses that suit a test.
fn least(simulator: &Simulator) -> String {
    format!(
        "# Ours.
meta:
  topic: capillary-events # from the gateway
  secrets: [{{name: IMS_CLIENT_ID}}, {{name: IMS_CLIENT_SECRET}}]
experience-platform:
  organization-id: {DEMO_ORGANIZATION_ID}
  ims:
    client-id: \"${{{{ secrets.IMS_CLIENT_ID }}}}\"
    client-secret: \"${{{{ secrets.IMS_CLIENT_SECRET }}}}\"
    token-url: {}
  http: {{request-timeout: 250ms}}
  retry: {{initial: 1ms, max: 4ms}}
  # The end.
",
        simulator.token_url()
    )
}

impl Bench {
    pub(crate) async fn with(organization: OrganizationConfig) -> Self {
        let simulator = Simulator::start(SimulatorConfig {
            organization,
            ..SimulatorConfig::default()
        })
        .await
        .unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("connector.yaml"), least(&simulator)).unwrap();
        let credential = &simulator.config().credential;
        let secrets = format!(
            "IMS_CLIENT_ID={}\nIMS_CLIENT_SECRET={}\n",
            credential.client_id, credential.client_secret
        );
        std::fs::write(directory.path().join("secrets.txt"), secrets).unwrap();
        let options = Options {
            mode: Mode::Plan,
            platform_url: simulator.base_url().to_owned(),
            sandbox: None,
            prefix: "Capillary Loyalty".to_owned(),
            tenant: true,
            profiles: true,
            admin_secrets: None,
            state: None,
            print: false,
            yes: true,
            wait: Duration::ZERO,
        };
        Self {
            simulator,
            options,
            directory,
        }
    }

    pub(crate) async fn new() -> Self {
        Self::with(OrganizationConfig::default()).await
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn config(&self) -> String {
        std::fs::read_to_string(self.file("connector.yaml")).unwrap()
    }

    pub(crate) async fn run(&mut self, mode: Mode) -> Run {
        self.answering(mode, false).await
    }

    pub(crate) async fn answering(&mut self, mode: Mode, agrees: bool) -> Run {
        self.options.mode = mode;
        let mut lines = Lines {
            agrees,
            ..Lines::default()
        };
        let ending = provision::run(
            &self.file("connector.yaml"),
            Some(&self.file("secrets.txt")),
            &self.options,
            &mut lines,
        )
        .await;
        Run {
            ending,
            text: lines.said.join("\n"),
            questions: lines.questions,
        }
    }

    /// Applies, and expects it to end well.
    pub(crate) async fn apply(&mut self) -> Run {
        let run = self.run(Mode::Apply).await;
        assert_eq!(run.ending, Ending::Done, "{}", run.text);
        run
    }

    pub(crate) fn counts(&self) -> BTreeMap<ResourceKind, usize> {
        self.simulator.organization(|all| all.counts())
    }

    /// How many calls were made that make something.
    pub(crate) fn writes(&self) -> usize {
        let reads = ["/validate", "/preview"];
        self.simulator.organization(|all| {
            let writes = all.calls.iter().filter(|call| {
                call.method != "GET" && !reads.iter().any(|end| call.path.ends_with(end))
            });
            writes.count()
        })
    }
}

/// What a whole set-up has.
pub(crate) fn whole() -> BTreeMap<ResourceKind, usize> {
    BTreeMap::from([
        (ResourceKind::FieldGroup, 2),
        (ResourceKind::Schema, 2),
        (ResourceKind::Namespace, 1),
        (ResourceKind::Dataset, 3),
        (ResourceKind::Connection, 2),
        (ResourceKind::SourceConnection, 2),
        (ResourceKind::TargetConnection, 2),
        (ResourceKind::MappingSet, 1),
        (ResourceKind::Flow, 2),
    ])
}
