//! The public service of one SPU.

pub(super) mod consumer_offsets;
mod fetch;
mod produce;
mod sessions;

use std::sync::Arc;

use fluvio_future::net::TcpStream;
use fluvio_protocol::api::Request;
use fluvio_protocol::link::ErrorCode;
use fluvio_protocol::link::versions::{ApiVersionsResponse, PlatformVersion};
use fluvio_spu_schema::fetch::DefaultFetchRequest;
use fluvio_spu_schema::produce::DefaultProduceRequest;
use fluvio_spu_schema::server::fetch_offset::FetchOffsetsRequest;
use fluvio_spu_schema::server::stream_fetch::DefaultStreamFetchRequest;
use fluvio_spu_schema::server::update_offset::{
    OffsetUpdateStatus, UpdateOffsetsRequest, UpdateOffsetsResponse,
};
use fluvio_spu_schema::server::{SpuServerApiKey, SpuServerRequest};
use futures_util::StreamExt;
use tokio::task::JoinSet;

use self::sessions::Sessions;
use crate::mock_cluster::connection::{ServiceError, version_key};
use crate::mock_cluster::connection::{framed, reply};
use crate::mock_cluster::state::Shared;

/// Serves one connection until it ends.
pub(crate) async fn serve(shared: Arc<Shared>, spu: i32, stream: TcpStream) {
    if let Err(error) = converse(shared, spu, stream).await {
        tracing::debug!(%error, spu, "a connection to an SPU ended");
    }
}

async fn converse(shared: Arc<Shared>, spu: i32, stream: TcpStream) -> Result<(), ServiceError> {
    let (sink, mut stream) = framed(stream).split();
    let mut sink = sink.as_shared();
    let mut sessions = Sessions::new();
    // Dropped, and with it every partition stream, when the connection ends.
    let mut streams = JoinSet::new();
    let mut requests = stream.api_stream::<SpuServerRequest, SpuServerApiKey>();
    while let Some(request) = requests.next().await {
        match request? {
            SpuServerRequest::ApiVersionsRequest(request) => {
                reply(&mut sink, &request, versions()).await?
            }
            SpuServerRequest::ProduceRequest(mut request) => {
                let version = request.header.api_version();
                let produced = std::mem::take(&mut request.request);
                if let Some(response) = produce::produce(&shared, spu, produced, version).await {
                    reply(&mut sink, &request, response).await?;
                }
            }
            SpuServerRequest::FetchOffsetsRequest(request) => {
                let response = consumer_offsets::log_ends(&shared, spu, &request.request);
                reply(&mut sink, &request, response).await?;
            }
            SpuServerRequest::FileStreamFetchRequest(request) => {
                let (header, request) = request.get_header_request();
                let opened =
                    fetch::open(&shared, spu, header, request, sink.clone(), &mut sessions).await?;
                if let Some(stream) = opened {
                    streams.spawn(stream.run());
                }
            }
            SpuServerRequest::UpdateOffsetsRequest(request) => {
                let status = request.request.offsets.iter().map(|update| {
                    match sessions.get(&update.session_id) {
                        Some(session) => {
                            session.credit.send_replace(Some(update.offset));
                            OffsetUpdateStatus {
                                session_id: update.session_id,
                                error: ErrorCode::None,
                            }
                        }
                        None => OffsetUpdateStatus {
                            session_id: update.session_id,
                            error: ErrorCode::FetchSessionNotFoud,
                        },
                    }
                });
                let status = status.collect();
                reply(&mut sink, &request, UpdateOffsetsResponse { status }).await?;
            }
            SpuServerRequest::UpdateConsumerOffsetRequest(request) => {
                if let Some(response) =
                    consumer_offsets::commit(&shared, &sessions, &request.request)
                {
                    reply(&mut sink, &request, response).await?;
                }
            }
            SpuServerRequest::DeleteConsumerOffsetRequest(request) => {
                let response = consumer_offsets::delete(&shared, spu, &request.request);
                reply(&mut sink, &request, response).await?;
            }
            SpuServerRequest::FetchConsumerOffsetsRequest(request) => {
                let response = consumer_offsets::stored(&shared, spu, &request.request);
                reply(&mut sink, &request, response).await?;
            }
            SpuServerRequest::FileFetchRequest(request) => {
                fetch::part(&shared, spu, request, &mut sink).await?;
            }
            other @ SpuServerRequest::StartMirrorRequest(_) => {
                return Err(format!("{other} is not imitated").into());
            }
        }
    }
    Ok(())
}

/// The keys an SPU announces. The consumer offset requests are not among them: clients send those
/// at their default version.
fn versions() -> ApiVersionsResponse {
    let offsets = FetchOffsetsRequest::DEFAULT_API_VERSION;
    let produce = (
        DefaultProduceRequest::MIN_API_VERSION,
        DefaultProduceRequest::MAX_API_VERSION,
    );
    let fetch = (
        DefaultFetchRequest::MIN_API_VERSION,
        DefaultFetchRequest::MAX_API_VERSION,
    );
    ApiVersionsResponse {
        error_code: ErrorCode::None,
        api_keys: vec![
            version_key(SpuServerApiKey::Produce as u16, produce.0, produce.1),
            version_key(SpuServerApiKey::Fetch as u16, fetch.0, fetch.1),
            version_key(SpuServerApiKey::FetchOffsets as u16, offsets, offsets),
            version_key(
                SpuServerApiKey::StreamFetch as u16,
                0,
                DefaultStreamFetchRequest::DEFAULT_API_VERSION,
            ),
            version_key(
                SpuServerApiKey::UpdateOffsets as u16,
                0,
                UpdateOffsetsRequest::DEFAULT_API_VERSION,
            ),
        ],
        // An SPU leaves its platform version at the default.
        platform_version: PlatformVersion::default(),
    }
}
