//! Adobe's token server and streaming ingestion, simulated on a loopback port.
//!
//! One [`Simulator`] serves everything on one listener: `/ims/token/v3` (and `/ims/token`,
//! `/ims/token/v1`), `/collection/{inlet}`, `/collection/batch/{inlet}`, under `/data` what the
//! platform's API says of records afterwards and the services an organisation is set up with, which
//! begins empty, and under `/simulator` a JSON API to read back what was accepted and to script
//! faults. It answers as Adobe's documents and published clients show; where they are silent, the
//! code says that the behaviour is assumed.
//!
//! Times are real: the peer is usually another process, whose clock cannot be paused.

mod clock;
mod config;
mod control;
mod faults;
mod form;
mod ims;
mod inlet;
mod landing;
mod platform;
mod reply;
mod section;
mod seen;
mod server;
mod shared;
mod store;
mod tally;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

pub use config::{
    Credential, DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, DEMO_ORGANIZATION_ID, DataType, ExpiresIn,
    InletConfig, InletId, Keeping, LandingConfig, NotAnInletId, Records, SimulatorConfig,
    TokenRefusal, TokenShape,
};
pub use faults::scope::{Selector, Target, Times};
pub use faults::{
    Chance, Fault, FaultScript, Latency, NotAProbability, NotARange, NotAStatus, Probability,
    RandomFaults, Status, Step,
};
pub use inlet::answer::{self, Dialect};
pub use inlet::envelope::{Identity, Operation};
pub use landing::{NotASchema, Violation};
pub use platform::organization::{Call, Organization, Resource, ResourceKind};
pub use platform::settings::{OrganizationConfig, RegistryAge};
pub use seen::{Counters, InletCounters, InletRequest, MessageFate, Seen, TokenCall};
pub use store::{Accepted, Fragment, FragmentKey, Ingestion, Store};
pub use tally::{Ages, Body, Tallied, Tally};

use shared::Shared;

/// The simulator could not start.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on 127.0.0.1:{port}")]
pub struct StartError {
    port: u16,
    source: std::io::Error,
}

/// A running simulator. Dropping it closes the listener and every connection.
#[derive(Debug)]
pub struct Simulator {
    shared: Arc<Shared>,
    address: SocketAddr,
    task: AbortHandle,
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Simulator {
    /// Listens on the loopback interface and serves on the current runtime.
    ///
    /// # Errors
    /// [`StartError`] when the port is taken.
    pub async fn start(config: SimulatorConfig) -> Result<Self, StartError> {
        let port = config.port;
        let failed = |source| StartError { port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let shared = Arc::new(Shared::new(config, format!("http://{address}")));
        let task = tokio::spawn(server::serve(listener, Arc::clone(&shared))).abort_handle();
        Ok(Self {
            shared,
            address,
            task,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:{port}`, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.shared.base_url
    }

    /// The documented token endpoint.
    #[must_use]
    pub fn token_url(&self) -> String {
        format!("{}/ims/token/v3", self.shared.base_url)
    }

    /// The endpoint of the Capillary overview page, which answers in milliseconds.
    #[must_use]
    pub fn unversioned_token_url(&self) -> String {
        format!("{}/ims/token", self.shared.base_url)
    }

    /// What it was started with.
    #[must_use]
    pub fn config(&self) -> &SimulatorConfig {
        &self.shared.config
    }

    /// An inlet by name or id.
    #[must_use]
    pub fn inlet(&self, name_or_id: &str) -> Option<&InletConfig> {
        self.shared.inlet(name_or_id)
    }

    /// `…/collection/{inlet id}` of an inlet.
    #[must_use]
    pub fn inlet_url(&self, inlet: &InletConfig) -> String {
        format!("{}/collection/{}", self.shared.base_url, inlet.id)
    }

    /// `…/collection/batch/{inlet id}` of an inlet.
    #[must_use]
    pub fn batch_url(&self, inlet: &InletConfig) -> String {
        format!("{}/collection/batch/{}", self.shared.base_url, inlet.id)
    }

    /// Looks at everything seen, without copying it.
    pub fn look<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        self.shared.look(|state| look(&state.seen))
    }

    /// The counts so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.look(|seen| seen.counters.clone())
    }

    /// What is counted of inlets that keep nothing else ([`Keeping::Counts`]).
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.shared.tally
    }

    /// Accepted events in the order of acceptance, copies included.
    #[must_use]
    pub fn accepted_events(&self) -> Vec<Arc<Accepted>> {
        self.look(|seen| seen.store.events().to_vec())
    }

    /// Accepted profile statements in the order of acceptance.
    #[must_use]
    pub fn accepted_profiles(&self) -> Vec<Arc<Accepted>> {
        self.look(|seen| seen.store.profiles().to_vec())
    }

    /// Requests to inlets in the order of arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<InletRequest> {
        self.look(|seen| seen.requests.clone())
    }

    /// Calls to the token server in the order of arrival.
    #[must_use]
    pub fn token_calls(&self) -> Vec<TokenCall> {
        self.look(|seen| seen.token_calls.clone())
    }

    /// Every token ever given out, so that a test can search logs for them.
    #[must_use]
    pub fn issued_tokens(&self) -> Vec<String> {
        self.shared.look(|state| state.tokens.issued().to_vec())
    }

    /// Waits until the predicate holds; it is asked after every change. Bound it with
    /// `tokio::time::timeout`.
    pub async fn wait_until(&self, mut predicate: impl FnMut(&Seen) -> bool) {
        let mut changes = self.shared.changes();
        loop {
            // Marked as seen before looking, so that no change falls between the look and the wait.
            changes.mark_unchanged();
            if self.shared.look(|state| predicate(&state.seen)) {
                return;
            }
            // The sender lives in `self`, so this only returns when something changed.
            let _sender_lives = changes.changed().await;
        }
    }

    /// Adds steps to the fault script; random faults replace earlier ones.
    pub fn add_faults(&self, script: FaultScript) {
        self.shared.change(|state| state.script.extend(script));
    }

    /// Adds one step to the fault script.
    pub fn add_fault(&self, step: Step) {
        self.add_faults(FaultScript {
            steps: vec![step],
            random: None,
        });
    }

    /// Drops all faults.
    pub fn clear_faults(&self) {
        self.shared.change(|state| state.script.clear());
    }

    /// What is left of the fault script.
    #[must_use]
    pub fn faults_left(&self) -> FaultScript {
        self.shared.look(|state| state.script.left())
    }

    /// Revokes every token; returns how many were good until now.
    pub fn revoke_tokens(&self) -> usize {
        self.shared.change(|state| state.tokens.revoke())
    }

    /// Changes the shape of token answers.
    pub fn set_token_shape(&self, shape: TokenShape) {
        self.shared.change(|state| state.token_shape = shape);
    }

    /// Changes how inlets refuse a bad token.
    pub fn set_token_refusal(&self, refusal: TokenRefusal) {
        self.shared.change(|state| state.token_refusal = refusal);
    }

    /// Changes the form in which batches are answered.
    pub fn set_dialect(&self, dialect: Dialect) {
        self.shared.change(|state| state.dialect = dialect);
    }

    /// Validates records of an inlet against a schema from now on, after they are acknowledged;
    /// `None` validates nothing.
    ///
    /// # Errors
    /// [`NotASchema`]
    pub fn set_schema(&self, inlet: &str, schema: Option<&Value>) -> Result<(), NotASchema> {
        self.shared
            .change(|state| state.landing.set_schema(inlet, schema))
    }

    /// Whether the credential's role may look at batches, runs and profiles.
    pub fn allow_looking(&self, allowed: bool) {
        self.shared.change(|state| state.landing.forbid(!allowed));
    }

    /// Sets the clock of Catalog and Flow Service forward: what they show late is seen then.
    pub fn advance_landing(&self, by: Duration) {
        self.shared.change(|state| state.landing.advance(by));
    }

    /// Records that were acknowledged and are in failed batches.
    #[must_use]
    pub fn failed_to_land(&self) -> usize {
        self.shared.look(|state| state.landing.failed())
    }

    /// Enables or disables an inlet's dataflow. `false`: there is no such inlet.
    pub fn enable_flow(&self, name_or_id: &str, enabled: bool) -> bool {
        self.shared.enable_flow(name_or_id, enabled)
    }

    /// Looks at the organisation.
    pub fn organization<T>(&self, look: impl FnOnce(&Organization) -> T) -> T {
        self.shared.look(|state| look(&state.organization))
    }

    /// Changes the organisation, such as the permissions of its caller.
    pub fn change_organization<T>(&self, change: impl FnOnce(&mut Organization) -> T) -> T {
        self.shared.change(|state| change(&mut state.organization))
    }

    /// Forgets everything seen and every fault. Tokens stay good.
    pub fn reset(&self) {
        self.shared.reset();
    }
}
