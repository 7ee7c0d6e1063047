//! Metadata watches: everything at first, then what changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use fluvio_protocol::api::{RequestHeader, RequestMessage};
use fluvio_protocol::{Decoder, Encoder};
use fluvio_sc_schema::TryEncodableFrom;
use fluvio_sc_schema::message::{Message, MsgType};
use fluvio_sc_schema::objects::{
    Metadata, MetadataUpdate, ObjectApiWatchRequest, ObjectApiWatchResponse, WatchResponse,
};
use fluvio_socket::ExclusiveFlvSink;

use super::metadata::Listed;
use crate::mock_cluster::state::Shared;

/// Sends the objects of one kind, and their changes until the connection ends.
pub(crate) async fn watch<S>(
    shared: Arc<Shared>,
    header: RequestHeader,
    mut sink: ExclusiveFlvSink,
    summary: bool,
) where
    S: Listed + Send + 'static,
    S::Status: Encoder + Decoder + Send + Sync + PartialEq,
    S: PartialEq,
{
    let mut changes = shared.watch_metadata();
    let mut known = objects::<S>(&shared, summary);
    let mut epoch = 1;
    let mut update = Some(MetadataUpdate::with_all(
        epoch,
        known.values().cloned().collect(),
    ));
    loop {
        if let Some(update) = update.take() {
            let version = header.api_version();
            let response = match ObjectApiWatchResponse::try_encode_from(
                WatchResponse::new(update),
                version,
            ) {
                Ok(response) => response,
                Err(error) => {
                    tracing::error!(%error, "a metadata update could not be encoded");
                    return;
                }
            };
            let message =
                RequestMessage::<ObjectApiWatchRequest>::response_with_header(&header, response);
            if sink.send_response(&message, version).await.is_err() {
                return;
            }
        }
        if changes.changed().await.is_err() {
            return;
        }
        let current = objects::<S>(&shared, summary);
        let differences = differences(&known, &current);
        known = current;
        if !differences.is_empty() {
            epoch += 1;
            update = Some(MetadataUpdate::with_changes(epoch, differences));
        }
    }
}

fn objects<S: Listed>(shared: &Shared, summary: bool) -> BTreeMap<String, Metadata<S>>
where
    S::Status: Encoder + Decoder,
{
    let listed = S::list(&shared.state()).into_iter();
    listed
        .map(|object| {
            (
                object.name.clone(),
                if summary { object.summary() } else { object },
            )
        })
        .collect()
}

fn differences<S>(
    old: &BTreeMap<String, Metadata<S>>,
    new: &BTreeMap<String, Metadata<S>>,
) -> Vec<Message<Metadata<S>>>
where
    S: Listed + PartialEq,
    S::Status: Encoder + Decoder + PartialEq,
{
    let changed = new.iter().filter(|(name, object)| {
        !old.get(*name)
            .is_some_and(|before| before.spec == object.spec && before.status == object.status)
    });
    let gone = old.iter().filter(|(name, _)| !new.contains_key(*name));
    let updates = changed.map(|(_, object)| Message {
        header: MsgType::UPDATE,
        content: object.clone(),
    });
    let deletions = gone.map(|(_, object)| Message {
        header: MsgType::DELETE,
        content: object.clone(),
    });
    updates.chain(deletions).collect()
}
