//! Encrypted all the way: Fluvio profiles with TLS, and HTTP with an authority, a client
//! certificate and a proxy of one's own.

mod authority;
mod front;
mod proxy;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use conformance::cluster::Backend;
use conformance::harness::Connector;
use conformance::scenario::{Options, Scenario};
use tempfile::TempDir;

use self::authority::{Authority, Certified};
use self::front::{ClientCertificates, Front};
use self::proxy::Proxy;
use super::{SOON, clean, stop, wanted};

/// The name the cluster's certificate is for; an SPU's is below it.
const DOMAIN: &str = "fluvio.test";

/// A mock cluster whose ports speak TLS, and what a client needs for it.
struct Encrypted {
    scenario: Scenario,
    authority: Authority,
    controller: Front,
    spus: Vec<Front>,
    files: TempDir,
}

impl Encrypted {
    /// Starts it; with `mutual`, clients need a certificate of the same authority.
    async fn start(mutual: bool) -> Self {
        let authority = Authority::new("test cluster").unwrap();
        let own = authority.server(&[DOMAIN, &format!("*.{DOMAIN}")]).unwrap();
        let clients = match mutual {
            true => ClientCertificates::Of(&authority),
            false => ClientCertificates::None,
        };
        let scenario = Scenario::start_on(&Backend::Mock, Options::default())
            .await
            .unwrap();
        let mock = scenario.cluster.mock().unwrap();
        let controller = Front::start(mock.endpoint().parse().unwrap(), &own, clients)
            .await
            .unwrap();
        let mut spus = Vec::new();
        for spu in 0..mock.spu_count() {
            let front = Front::start(mock.spu_address(spu).unwrap(), &own, clients)
                .await
                .unwrap();
            mock.advertise(spu, front.address().port());
            spus.push(front);
        }
        Self {
            scenario,
            authority,
            controller,
            spus,
            files: tempfile::tempdir().unwrap(),
        }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.files.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A profile of the encrypted port, with these lines about TLS.
    fn profile(&self, tls: &str) -> PathBuf {
        let endpoint = self.controller.address();
        self.file(
            "profile.toml",
            &format!(
                "version = \"2.0\"\ncurrent_profile = \"test\"\n[profile.test]\ncluster = \"test\"\n[cluster.test]\n\
                 endpoint = \"{endpoint}\"\nuse_spu_local_address = false\n[cluster.test.tls]\n{tls}\n"
            ),
        )
    }

    /// What `fluvio profile` writes for certificates in files.
    fn verified(&self, domain: &str, authority: &Authority, client: &Certified) -> PathBuf {
        let ca = self.file("ca.pem", &authority.pem());
        let certificate = self.file("client.pem", &client.certificate);
        let key = self.file("client.key", &client.key);
        self.profile(&format!(
            "tls_policy = \"verified\"\ntls_source = \"files\"\n[cluster.test.tls.certs]\ndomain = \"{domain}\"\n\
             key = {key:?}\ncert = {certificate:?}\nca_cert = {ca:?}"
        ))
    }

    fn connector(&self, profile: &Path) -> Connector {
        Connector::start(
            &self.scenario.configuration(),
            &self.scenario.secrets(),
            profile,
        )
        .unwrap()
    }

    /// Runs the main job over a profile.
    async fn deliver(&self, seed: u64, profile: &Path) {
        self.scenario.produce(&wanted(seed, 50)).await.unwrap();
        let mut connector = self.connector(profile);
        self.scenario.settled(&mut connector, SOON).await.unwrap();
        stop(&self.scenario, connector).await;
        clean(&self.scenario).await;
        assert!(
            self.controller.seen().encrypted > 0,
            "{:?}",
            self.controller.seen()
        );
        assert!(
            self.spus.iter().any(|spu| spu.seen().encrypted > 0),
            "no SPU was reached over TLS"
        );
    }

    /// Starts over a profile that cannot work, and gives what the connector said.
    async fn refused(&self, profile: &Path) -> String {
        let exit = self.connector(profile).wait(SOON).await.unwrap();
        assert!(!exit.status.success(), "{}", exit.log);
        assert_eq!(
            self.spus
                .iter()
                .map(|spu| spu.seen().encrypted)
                .sum::<usize>(),
            0
        );
        exit.log
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn verified_profile_with_a_client_certificate_encrypts_everything() {
    let cluster = Encrypted::start(true).await;
    let client = cluster.authority.client("sink").unwrap();
    let profile = cluster.verified(DOMAIN, &cluster.authority, &client);
    cluster.deliver(501, &profile).await;
    let seen = cluster.controller.seen();
    assert_eq!(seen.with_certificate, seen.encrypted, "{seen:?}");
    assert!(seen.names.iter().all(|name| name == DOMAIN), "{seen:?}");
    let names: Vec<String> = cluster
        .spus
        .iter()
        .flat_map(|spu| spu.seen().names)
        .collect();
    assert!(
        names
            .iter()
            .all(|name| name.starts_with("custom-spu-") && name.ends_with(DOMAIN)),
        "one TLS front may serve several SPUs and tells them apart by name: {names:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn anonymous_profile_delivers_everything_encrypted() {
    let cluster = Encrypted::start(false).await;
    let profile = cluster.profile("tls_policy = \"anonymous\"");
    cluster.deliver(502, &profile).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cluster_of_another_authority_or_name_is_refused() {
    let cluster = Encrypted::start(false).await;
    let client = cluster.authority.client("sink").unwrap();
    let stranger = Authority::new("stranger").unwrap();
    let log = cluster
        .refused(&cluster.verified(DOMAIN, &stranger, &client))
        .await;
    assert!(
        log.contains("certificate") && log.contains("UnknownIssuer"),
        "{log}"
    );
    let log = cluster
        .refused(&cluster.verified("elsewhere.test", &cluster.authority, &client))
        .await;
    assert!(
        log.contains("certificate") && log.contains("elsewhere.test"),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn client_the_cluster_does_not_trust_gets_a_message() {
    let cluster = Encrypted::start(true).await;
    let unknown = Authority::new("stranger").unwrap().client("sink").unwrap();
    let log = cluster
        .refused(&cluster.verified(DOMAIN, &cluster.authority, &unknown))
        .await;
    assert!(
        log.contains("cannot connect to the Fluvio cluster"),
        "{log}"
    );
    assert!(cluster.controller.seen().failed > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_tls_files_are_named_before_connecting() {
    let cluster = Encrypted::start(false).await;
    let tls = "tls_policy = \"verified\"\ntls_source = \"files\"\n[cluster.test.tls.certs]\ndomain = \"x\"\nkey = \"/nowhere/k\"\n\
               cert = \"/nowhere/c\"\nca_cert = \"/nowhere/ca\"";
    let exit = cluster
        .connector(&cluster.profile(tls))
        .wait(SOON)
        .await
        .unwrap();
    assert_eq!(exit.status.code(), Some(2), "{}", exit.log);
    assert!(exit.log.contains("/nowhere/"), "{}", exit.log);
}

/// A scenario whose simulated platform is reached by https only, by a name in a certificate of its
/// own authority.
struct Https {
    scenario: Scenario,
    authority: Authority,
    front: Front,
    files: TempDir,
}

impl Https {
    async fn start(mutual: bool) -> Self {
        let authority = Authority::new("test platform").unwrap();
        let own = authority.server(&["localhost", "platform.test"]).unwrap();
        let clients = match mutual {
            true => ClientCertificates::Of(&authority),
            false => ClientCertificates::None,
        };
        let scenario = super::scenario(Options::default()).await;
        let front = Front::start(scenario.simulator.address(), &own, clients)
            .await
            .unwrap();
        Self {
            scenario,
            authority,
            front,
            files: tempfile::tempdir().unwrap(),
        }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.files.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn ca_file(&self) -> String {
        format!("ca-file: {:?}", self.file("ca.pem", &self.authority.pem()))
    }

    /// The configuration with every URL at `host`, and this `http` section.
    fn configuration(&self, host: &str, http: &str) -> String {
        let good = self.scenario.configuration().replace(
            self.scenario.simulator.base_url(),
            &format!("https://{host}"),
        );
        format!("{good}  http: {{{http}}}\n")
    }

    fn address(&self) -> SocketAddr {
        self.front.address()
    }

    async fn deliver(&self, seed: u64, configuration: &str) {
        self.scenario.produce(&wanted(seed, 50)).await.unwrap();
        let mut connector = self.scenario.connector_with(configuration).unwrap();
        self.scenario.settled(&mut connector, SOON).await.unwrap();
        stop(&self.scenario, connector).await;
        clean(&self.scenario).await;
        let seen = self.front.seen();
        assert!(seen.encrypted > 0 && seen.plain == 0, "{seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn own_authority_is_trusted_for_https() {
    let https = Https::start(false).await;
    let host = format!("localhost:{}", https.address().port());
    https
        .deliver(503, &https.configuration(&host, &https.ca_file()))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_authority_is_refused_for_https() {
    let https = Https::start(false).await;
    let host = format!("localhost:{}", https.address().port());
    https.scenario.produce(&wanted(504, 5)).await.unwrap();
    // Some authority, so that the test needs none of the system's.
    let other = https.file("other.pem", &Authority::new("stranger").unwrap().pem());
    let configuration = https.configuration(&host, &format!("ca-file: {other:?}"));
    let output = super::run_check(&https.scenario, &configuration).await;
    assert!(
        output.contains("✗ token") && output.contains("certificate"),
        "{output}"
    );
    assert!(https.scenario.simulator.token_calls().is_empty() && https.front.seen().encrypted == 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn client_certificate_is_sent_on_request() {
    let https = Https::start(true).await;
    let host = format!("localhost:{}", https.address().port());
    let without = https.configuration(&host, &https.ca_file());
    let output = super::run_check(&https.scenario, &without).await;
    assert!(output.contains("✗ token"), "{output}");
    let client = https.authority.client("sink").unwrap();
    let (certificate, key) = (
        https.file("client.pem", &client.certificate),
        https.file("client.key", &client.key),
    );
    let http = format!(
        "{}, client-cert-file: {certificate:?}, client-key-file: {key:?}",
        https.ca_file()
    );
    https.deliver(505, &https.configuration(&host, &http)).await;
    let seen = https.front.seen();
    assert_eq!(seen.with_certificate, seen.encrypted, "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn proxy_opens_a_tunnel_and_sees_nothing_inside() {
    let https = Https::start(false).await;
    let proxy = Proxy::start(https.address()).await.unwrap();
    let http = format!(
        "{}, proxy: \"http://user:pass@{}\"",
        https.ca_file(),
        proxy.address()
    );
    // A name nobody here can look up: only the proxy gets there.
    https
        .deliver(506, &https.configuration("platform.test", &http))
        .await;
    let tunnels = proxy.tunnels();
    assert!(!tunnels.is_empty());
    for tunnel in tunnels {
        assert_eq!(tunnel.target, "platform.test:443");
        assert_eq!(tunnel.authorization.as_deref(), Some("Basic dXNlcjpwYXNz"));
    }
}
