//! The simulator's state, shared by its connections.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

use super::config::{InletConfig, SimulatorConfig, TokenRefusal, TokenShape};
use super::faults::script::Script;
use super::ims::tokens::Tokens;
use super::inlet::answer::Dialect;
use super::landing::Landing;
use super::platform::organization::Organization;
use super::seen::Seen;
use super::tally::Tally;

/// What changes while the simulator runs.
#[derive(Debug)]
pub(super) struct State {
    pub(super) seen: Seen,
    pub(super) script: Script,
    pub(super) organization: Organization,
    pub(super) tokens: Tokens,
    pub(super) token_shape: TokenShape,
    pub(super) token_refusal: TokenRefusal,
    pub(super) dialect: Dialect,
    /// What became of acknowledged records.
    pub(super) landing: Landing,
    /// Names of inlets whose dataflow is disabled.
    pub(super) disabled_flows: BTreeSet<String>,
    /// Synchronous validations of the current minute: when it began, and how many.
    pub(super) sync_minute: (Instant, u32),
    pub(super) rng: fastrand::Rng,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: SimulatorConfig,
    pub(super) base_url: String,
    pub(super) started: Instant,
    pub(super) tally: Tally,
    state: Mutex<State>,
    changed: watch::Sender<u64>,
}

impl Shared {
    pub(super) fn new(config: SimulatorConfig, base_url: String) -> Self {
        let started = Instant::now();
        let state = State {
            seen: Seen::default(),
            script: Script::default(),
            organization: Organization::default(),
            tokens: Tokens::default(),
            token_shape: config.token,
            token_refusal: config.token_refusal,
            dialect: config.dialect,
            landing: Landing::default(),
            disabled_flows: BTreeSet::new(),
            sync_minute: (started, 0),
            rng: fastrand::Rng::with_seed(config.seed),
        };
        Self {
            config,
            base_url,
            started,
            tally: Tally::default(),
            state: Mutex::new(state),
            changed: watch::Sender::new(0),
        }
    }

    /// Looks at the state.
    pub(super) fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.lock())
    }

    /// Changes the state and wakes whoever waits for a change.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed
            .send_modify(|version| *version = version.wrapping_add(1));
        result
    }

    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Forgets everything seen and every fault. Tokens stay good, and the shapes of answers stay as
    /// they are.
    pub(super) fn reset(&self) {
        self.change(|state| {
            state.seen.reset();
            state.script.clear();
            state.disabled_flows.clear();
            state.landing.forget_batches();
        });
    }

    /// Enables or disables an inlet's dataflow. `false`: there is no such inlet.
    pub(super) fn enable_flow(&self, name_or_id: &str, enabled: bool) -> bool {
        let Some(inlet) = self.inlet(name_or_id) else {
            return false;
        };
        self.change(|state| match enabled {
            true => state.disabled_flows.remove(&inlet.name),
            false => state.disabled_flows.insert(inlet.name.clone()),
        });
        true
    }

    pub(super) fn inlet(&self, name_or_id: &str) -> Option<&InletConfig> {
        self.config
            .inlets
            .iter()
            .find(|inlet| inlet.name == name_or_id || inlet.id.as_str() == name_or_id)
    }

    /// A configured inlet.
    pub(super) fn inlet_of_id(&self, id: &str) -> Option<&InletConfig> {
        self.config
            .inlets
            .iter()
            .find(|inlet| inlet.id.as_str() == id)
    }

    /// Whether what is sent to an inlet now is lost, as its flow is too young.
    pub(super) fn is_too_early(&self, inlet: &InletConfig) -> bool {
        let made = self.look(|state| state.organization.flow_since(&inlet.flow_id));
        made.unwrap_or(self.started).elapsed() < self.config.flow_settles_after
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic under the lock fails its own test; the counters are still worth reading.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
