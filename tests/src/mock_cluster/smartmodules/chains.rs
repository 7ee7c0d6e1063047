//! Compiled SmartModule chains, kept for the next stream that asks for the same.
//!
//! An SPU compiles the chain anew for every stream, which takes half a second for a module of 300
//! kB. A test that cuts connections a hundred times would spend a minute in the compiler, so the
//! mock hands a chain on once its stream has ended. Unlike on an SPU a module's memory therefore
//! outlives the stream; chains with look-back or an accumulator, whose memory is their point, are
//! never handed on.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex};

use fluvio_protocol::Encoder;
use fluvio_smartengine::SmartModuleChainInstance;
use fluvio_spu_schema::server::smartmodule::{
    SmartModuleContextData, SmartModuleInvocation, SmartModuleKind,
};

use crate::mock_cluster::lock::lock;

/// Hash of what a chain was built from.
type Recipe = u64;

/// Chains nobody uses at the moment.
#[derive(Debug, Default)]
pub(crate) struct IdleChains(Mutex<HashMap<Recipe, Vec<SmartModuleChainInstance>>>);

impl IdleChains {
    /// A chain of this recipe, if one is idle.
    pub(crate) fn take(self: &Arc<Self>, recipe: Option<Recipe>) -> Option<Chain> {
        let instance = lock(&self.0).get_mut(&recipe?)?.pop()?;
        Some(self.lend(instance, recipe))
    }

    /// Wraps a chain so that it comes back.
    pub(crate) fn lend(
        self: &Arc<Self>,
        instance: SmartModuleChainInstance,
        recipe: Option<Recipe>,
    ) -> Chain {
        Chain {
            instance: Some(instance),
            recipe,
            home: Arc::clone(self),
        }
    }
}

/// A chain in use. It goes back when dropped, unless it was spoilt.
#[derive(Debug)]
pub(crate) struct Chain {
    instance: Option<SmartModuleChainInstance>,
    recipe: Option<Recipe>,
    home: Arc<IdleChains>,
}

impl Chain {
    /// The chain itself; `None` after [`Chain::spoil`].
    pub(crate) fn instance(&mut self) -> Option<&mut SmartModuleChainInstance> {
        self.instance.as_mut()
    }

    /// Throws the chain away: after a trap its memory may be in any state.
    pub(crate) fn spoil(&mut self) {
        self.instance = None;
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        if let (Some(recipe), Some(instance)) = (self.recipe, self.instance.take()) {
            lock(&self.home.0).entry(recipe).or_default().push(instance);
        }
    }
}

/// What the chain of these invocations is known by; `None` when it keeps a memory of its own. Names
/// must have been replaced by wasm.
pub(crate) fn recipe(invocations: &[SmartModuleInvocation], version: i16) -> Option<Recipe> {
    let mut hasher = DefaultHasher::new();
    version.hash(&mut hasher);
    for invocation in invocations {
        let accumulates = matches!(
            invocation.kind,
            SmartModuleKind::Aggregate { .. }
                | SmartModuleKind::Generic(SmartModuleContextData::Aggregate { .. })
        );
        if accumulates || invocation.params.lookback().is_some() {
            return None;
        }
        let mut encoded = Vec::new();
        invocation.encode(&mut encoded, version).ok()?;
        encoded.hash(&mut hasher);
    }
    Some(hasher.finish())
}
