//! The Streaming Controller's public service.

pub(super) mod admin;
mod metadata;
mod watches;

use std::sync::Arc;

use fluvio_controlplane_metadata::spu::SpuSpec;
use fluvio_controlplane_metadata::topic::TopicSpec;
use fluvio_future::net::TcpStream;
use fluvio_protocol::api::{Request, RequestMessage};
use fluvio_protocol::link::ErrorCode;
use fluvio_protocol::link::versions::{ApiVersionKey, ApiVersionsResponse, PlatformVersion};
use fluvio_sc_schema::objects::{
    ObjectApiCreateRequest, ObjectApiDeleteRequest, ObjectApiListRequest, ObjectApiUpdateRequest,
    ObjectApiWatchRequest, WatchRequest,
};
use fluvio_sc_schema::partition::PartitionSpec;
use fluvio_sc_schema::smartmodule::SmartModuleSpec;
use fluvio_sc_schema::{AdminPublicApiKey, AdminPublicDecodedRequest, TryEncodableFrom};
use fluvio_socket::ExclusiveFlvSink;
use futures_util::StreamExt;
use tokio::task::JoinSet;

use crate::mock_cluster::connection::{ServiceError, framed, reply, version_key};
use crate::mock_cluster::state::Shared;

/// Serves one connection until it ends.
pub(crate) async fn serve(shared: Arc<Shared>, stream: TcpStream) {
    if let Err(error) = converse(shared, stream).await {
        tracing::debug!(%error, "a connection to the controller ended");
    }
}

async fn converse(shared: Arc<Shared>, stream: TcpStream) -> Result<(), ServiceError> {
    let (sink, mut stream) = framed(stream).split();
    let mut sink = sink.as_shared();
    // Dropped, and with it every watch, when the connection ends.
    let mut watching = JoinSet::new();
    let mut requests = stream.api_stream::<AdminPublicDecodedRequest, AdminPublicApiKey>();
    while let Some(request) = requests.next().await {
        let request = request?;
        if shared.state().faults.silent_controller {
            // What was swallowed is not answered later.
            continue;
        }
        match request {
            AdminPublicDecodedRequest::ApiVersionsRequest(request) => {
                reply(&mut sink, &request, versions()).await?;
            }
            AdminPublicDecodedRequest::CreateRequest(request) => {
                let status = admin::create(&shared, &request.request)?;
                reply(&mut sink, &request, status).await?;
            }
            AdminPublicDecodedRequest::DeleteRequest(request) => {
                let status = admin::delete(&shared, &request.request)?;
                reply(&mut sink, &request, status).await?;
            }
            AdminPublicDecodedRequest::UpdateRequest(request) => {
                let status = admin::update(&shared, &request.request)?;
                reply(&mut sink, &request, status).await?;
            }
            AdminPublicDecodedRequest::ListRequest(request) => {
                let objects = admin::list(&shared, &request.request, request.header.api_version())?;
                reply(&mut sink, &request, objects).await?;
            }
            AdminPublicDecodedRequest::WatchRequest(request) => {
                watch(&shared, request, &sink, &mut watching)?
            }
            AdminPublicDecodedRequest::MirroringRequest(_) => {
                return Err("mirroring is not imitated".into());
            }
        }
    }
    Ok(())
}

fn watch(
    shared: &Arc<Shared>,
    request: RequestMessage<ObjectApiWatchRequest>,
    sink: &ExclusiveFlvSink,
    watching: &mut JoinSet<()>,
) -> Result<(), ServiceError> {
    let (header, request) = request.get_header_request();
    let (shared, sink) = (Arc::clone(shared), sink.clone());
    if is_kind::<TopicSpec>(&request)?.is_some() {
        watching.spawn(watches::watch::<TopicSpec>(shared, header, sink, false));
    } else if is_kind::<SpuSpec>(&request)?.is_some() {
        watching.spawn(watches::watch::<SpuSpec>(shared, header, sink, false));
    } else if is_kind::<PartitionSpec>(&request)?.is_some() {
        watching.spawn(watches::watch::<PartitionSpec>(shared, header, sink, false));
    } else if let Some(request) = is_kind::<SmartModuleSpec>(&request)? {
        watching.spawn(watches::watch::<SmartModuleSpec>(
            shared,
            header,
            sink,
            request.summary,
        ));
    } else {
        return Err("a watch for a kind of object that is not imitated".into());
    }
    Ok(())
}

fn is_kind<S>(request: &ObjectApiWatchRequest) -> Result<Option<WatchRequest<S>>, ServiceError>
where
    S: fluvio_sc_schema::AdminSpec,
{
    Ok(request.downcast()?)
}

fn versions() -> ApiVersionsResponse {
    ApiVersionsResponse {
        error_code: ErrorCode::None,
        api_keys: vec![
            supported::<ObjectApiCreateRequest>(),
            supported::<ObjectApiDeleteRequest>(),
            supported::<ObjectApiListRequest>(),
            supported::<ObjectApiWatchRequest>(),
            supported::<ObjectApiUpdateRequest>(),
        ],
        platform_version: PlatformVersion::from(semver::Version::new(0, 18, 1)),
    }
}

fn supported<R: Request>() -> ApiVersionKey {
    version_key(R::API_KEY, R::MIN_API_VERSION, R::MAX_API_VERSION)
}
