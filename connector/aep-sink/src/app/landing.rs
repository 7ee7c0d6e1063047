//! The watch over what became of acknowledged records, beside delivery.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tracing::warn;

use crate::admin::Observer;
use crate::broker::Broker;
use crate::config::Config;
use crate::http::ApiClient;
use crate::ims::TokenSource;
use crate::landing::{BrokerStorage, PlatformApi, Target, Watch, WatchParts};

type LandingWatch = Watch<PlatformApi, BrokerStorage>;

/// The watch of a configuration; none when it is off.
pub(super) fn watch(
    config: &Config,
    observer: &Observer,
    broker: &Arc<Broker>,
    tokens: &TokenSource,
    api: ApiClient,
) -> Option<LandingWatch> {
    let (Some(settings), Some(landing)) = (&config.platform.landed, &observer.landing) else {
        return None;
    };
    let storage = BrokerStorage::new(
        Arc::clone(broker),
        config.topic.clone(),
        settings.journal.clone(),
        config.platform.dead_letter.clone(),
    );
    Some(Watch::new(WatchParts {
        settings: settings.clone(),
        topic: config.topic.clone(),
        params: config.transform.params.clone(),
        targets: Target::all(&config.platform),
        platform: PlatformApi::new(&config.platform, api, tokens.clone()),
        storage,
        journal: Arc::clone(&landing.journal),
        progress: Arc::clone(&landing.progress),
        partitions: Arc::clone(&observer.partitions),
        conditions: Arc::clone(&observer.conditions),
        metrics: Arc::clone(&observer.metrics),
        recent: Arc::clone(&observer.dead_letters),
        clock: observer.clock.clone(),
    }))
}

/// Watches for ever.
pub(super) async fn run(watch: Option<&LandingWatch>) {
    match watch {
        Some(watch) => watch.run().await,
        None => std::future::pending().await,
    }
}

/// Writes the last of the journal, while what is being written of it ends.
pub(super) async fn finish(
    watch: Option<&LandingWatch>,
    watching: Pin<&mut impl Future<Output = ()>>,
    within: Duration,
) {
    let Some(watch) = watch else { return };
    let flushed = async {
        tokio::select! {
            () = watching => Ok(()),
            flushed = watch.flush() => flushed,
        }
    };
    match timeout(within, flushed).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            warn!(%error, "the last of the journal of what was sent is not written");
        }
        Err(_) => warn!("the last of the journal of what was sent is not written in time"),
    }
}
