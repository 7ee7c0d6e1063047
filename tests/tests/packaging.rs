//! What cdk and smdk are given works as it stands.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::path::{Path, PathBuf};
use std::process::Command;

use conformance::harness::connector_program;
use conformance::scenario::SMARTMODULE;
use conformance::simulator::{Simulator, SimulatorConfig};
use fluvio::metadata::smartmodule::SmartModuleMetadata;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

#[test]
fn sample_configurations_pass_the_offline_check() {
    for sample in ["connector.yaml", "connector/sample-config.yaml"] {
        let output = Command::new(connector_program().unwrap())
            .args(["check", "--offline", "--config"])
            .arg(root().join(sample))
            .env("IMS_CLIENT_ID", "a")
            .env("IMS_CLIENT_SECRET", "b")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{sample}: {text}");
        assert!(
            read(sample).contains(&format!("uses: {SMARTMODULE}")),
            "{sample}"
        );
    }
}

#[tokio::test]
async fn sample_for_cdk_test_points_at_the_simulator_as_it_is() {
    let simulator = Simulator::start(SimulatorConfig::default()).await.unwrap();
    let section = simulator.experience_platform_section();
    let section = section.replace(simulator.base_url(), "http://127.0.0.1:8420");
    let sample = read("connector/sample-config.yaml");
    assert!(
        sample.ends_with(&section),
        "expected at the end of the sample:\n{section}"
    );
}

#[test]
fn package_data_of_both_smartmodules_is_read_by_smdk() {
    let [whole, events] = ["smartmodule", "smartmodule/events"].map(|directory| {
        let manifest = root().join(directory).join("SmartModule.toml");
        SmartModuleMetadata::from_toml(manifest)
            .unwrap_or_else(|error| panic!("{directory}: {error}"))
    });
    assert_eq!(whole.package.fqdn(), SMARTMODULE);
    assert_eq!(
        events.package.fqdn(),
        SMARTMODULE.replace("capillary-xdm", "capillary-xdm-events")
    );
    let names = |metadata: &SmartModuleMetadata| format!("{:?}", metadata.params);
    assert_eq!(
        names(&whole),
        names(&events),
        "one mapping, one set of parameters"
    );
}
