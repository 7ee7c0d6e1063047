//! Creating, deleting, updating and listing objects, with the controller's own checks and messages.

use std::sync::Arc;

use fluvio_controlplane_metadata::smartmodule::SmartModulePackageKey;
use fluvio_controlplane_metadata::spu::SpuSpec;
use fluvio_controlplane_metadata::store::KeyFilter;
use fluvio_controlplane_metadata::topic::{TopicSpec, UpdateTopicAction};
use fluvio_protocol::link::ErrorCode;
use fluvio_sc_schema::objects::{
    CreateRequest, DeleteRequest, ListFilter, ListRequest, ListResponse, Metadata,
    ObjectApiCreateRequest, ObjectApiDeleteRequest, ObjectApiListRequest, ObjectApiListResponse,
    ObjectApiUpdateRequest, UpdateRequest,
};
use fluvio_sc_schema::partition::PartitionSpec;
use fluvio_sc_schema::shared::validate_resource_name;
use fluvio_sc_schema::smartmodule::SmartModuleSpec;
use fluvio_sc_schema::topic::ReplicaSpec;
use fluvio_sc_schema::{AdminSpec, Status, TryEncodableFrom};

use super::metadata::Listed;
use crate::mock_cluster::connection::ServiceError;
use crate::mock_cluster::state::{Shared, State};

/// Creates a topic or a SmartModule.
pub(crate) fn create(
    shared: &Arc<Shared>,
    request: &ObjectApiCreateRequest,
) -> Result<Status, ServiceError> {
    let topic: Option<CreateRequest<TopicSpec>> = request.downcast()?;
    if let Some(topic) = topic {
        let (common, spec) = topic.parts();
        let refusal = refuse_topic(&shared.state(), &common.name, &spec);
        return Ok(match refusal {
            Some(refusal) => refusal,
            None if common.dry_run => Status::new_ok(common.name),
            None => {
                shared.change(|state| state.create_topic(&common.name, spec));
                Status::new_ok(common.name)
            }
        });
    }
    let module: Option<CreateRequest<SmartModuleSpec>> = request.downcast()?;
    if let Some(module) = module {
        let (common, spec) = module.parts();
        return Ok(create_smartmodule(shared, common.name, spec));
    }
    Err("creating this kind of object is not imitated".into())
}

/// Why a topic cannot be created; `None` when it can.
fn refuse_topic(state: &State, name: &str, spec: &TopicSpec) -> Option<Status> {
    let refusal = |code, message| Some(Status::new(name.to_owned(), code, Some(message)));
    if let Err(error) = validate_resource_name(name) {
        return refusal(
            ErrorCode::TopicInvalidName,
            format!("Invalid topic name: '{name}'. {error}"),
        );
    }
    if state.topics.contains_key(name) {
        return refusal(
            ErrorCode::TopicAlreadyExists,
            format!("Topic '{name}' already exists"),
        );
    }
    if let Some(error) = spec.validate_config() {
        return refusal(ErrorCode::TopicInvalidConfiguration, error);
    }
    if let Some(deduplication) = spec.get_deduplication() {
        let uses = &deduplication.filter.transform.uses;
        match SmartModulePackageKey::from_qualified_name(uses) {
            Ok(key) if state.smartmodules.contains_key(&key.store_id()) => {}
            Ok(_) => {
                let code = ErrorCode::DeduplicationSmartModuleNotLoaded;
                return Some(Status::new(
                    uses.clone(),
                    code.clone(),
                    Some(code.to_string()),
                ));
            }
            Err(error) => {
                let code = ErrorCode::DeduplicationSmartModuleNameInvalid(error.to_string());
                return Some(Status::new(uses.clone(), code, Some(error.to_string())));
            }
        }
    }
    if spec.partitions() == 0 {
        return refusal(
            ErrorCode::TopicError,
            "partition must be greater than 0".to_owned(),
        );
    }
    None
}

/// Stores a SmartModule under its package's id, or under the given name without package data. One
/// that exists is replaced silently.
fn create_smartmodule(shared: &Shared, name: String, spec: SmartModuleSpec) -> Status {
    let id = match &spec.meta {
        Some(meta) if !meta.package.is_valid() => {
            return Status::new(
                name,
                ErrorCode::SmartModuleError,
                Some("invalid SmartModule package".to_owned()),
            );
        }
        Some(meta) => meta.store_id(),
        None => name,
    };
    shared.change(|state| state.smartmodules.insert(id.clone(), spec));
    Status::new_ok(id)
}

/// Deletes a topic or a SmartModule.
pub(crate) fn delete(
    shared: &Arc<Shared>,
    request: &ObjectApiDeleteRequest,
) -> Result<Status, ServiceError> {
    let topic: Option<DeleteRequest<TopicSpec>> = request.downcast()?;
    if let Some(topic) = topic {
        let force = topic.is_force();
        return Ok(delete_topic(shared, topic.key(), force));
    }
    let module: Option<DeleteRequest<SmartModuleSpec>> = request.downcast()?;
    if let Some(module) = module {
        let name = module.key();
        let id = SmartModulePackageKey::from_qualified_name(&name)?.store_id();
        return Ok(
            match shared.change(|state| state.smartmodules.remove(&id)) {
                Some(_) => Status::new_ok(name),
                None => {
                    let code = ErrorCode::SmartModuleNotFound { name: name.clone() };
                    Status::new(name, code, Some("not found".to_owned()))
                }
            },
        );
    }
    Err("deleting this kind of object is not imitated".into())
}

fn delete_topic(shared: &Shared, name: String, force: bool) -> Status {
    let system = shared.state().topics.get(&name).map(TopicSpec::is_system);
    match system {
        None => Status::new(name, ErrorCode::TopicNotFound, Some("not found".to_owned())),
        Some(true) if !force => {
            let code = ErrorCode::SystemSpecDeletionAttempt {
                kind: "topic".to_owned(),
                name: name.clone(),
            };
            Status::new(name, code, None)
        }
        Some(_) => {
            shared.change(|state| state.delete_topic(&name));
            Status::new_ok(name)
        }
    }
}

/// Adds partitions to a topic.
pub(crate) fn update(
    shared: &Arc<Shared>,
    request: &ObjectApiUpdateRequest,
) -> Result<Status, ServiceError> {
    let topic: Option<UpdateRequest<TopicSpec>> = request.downcast()?;
    let Some(topic) = topic else {
        return Err("updating this kind of object is not imitated".into());
    };
    let UpdateTopicAction::AddPartition(addition) = topic.action.clone() else {
        return Err("mirrors are not imitated".into());
    };
    let name = topic.key();
    Ok(
        match shared.change(|state| add_partitions(state, &name, addition.count)) {
            Ok(()) => Status::new_ok(name),
            Err(code) => Status::new(name, code, None),
        },
    )
}

/// Adds partitions to a topic whose placement the controller computes.
pub(crate) fn add_partitions(state: &mut State, name: &str, count: u32) -> Result<(), ErrorCode> {
    let spec = state.topics.get_mut(name).ok_or(ErrorCode::TopicNotFound)?;
    if spec.is_system() {
        return Err(ErrorCode::SystemSpecUpdatingAttempt {
            kind: "topic".to_owned(),
            name: name.to_owned(),
        });
    }
    let ReplicaSpec::Computed(mut replicas) = spec.replicas().clone() else {
        return Err(ErrorCode::TopicInvalidReplicaType);
    };
    replicas.partitions += count;
    spec.set_replicas(ReplicaSpec::Computed(replicas));
    state.provision(name);
    Ok(())
}

/// Lists objects; system topics and partitions only when asked for.
pub(crate) fn list(
    shared: &Arc<Shared>,
    request: &ObjectApiListRequest,
    version: i16,
) -> Result<ObjectApiListResponse, ServiceError> {
    let state = shared.state();
    let topics: Option<ListRequest<TopicSpec>> = request.downcast()?;
    if let Some(request) = topics {
        let objects = TopicSpec::list(&state).into_iter();
        let chosen = objects.filter(|topic| {
            topic.spec.is_system() == request.system
                && request.name_filters.filter(topic.name.as_str())
        });
        return answer(chosen.collect(), version);
    }
    let partitions: Option<ListRequest<PartitionSpec>> = request.downcast()?;
    if let Some(request) = partitions {
        let objects = PartitionSpec::list(&state).into_iter();
        return answer(
            objects
                .filter(|partition| partition.spec.system == request.system)
                .collect(),
            version,
        );
    }
    let spus: Option<ListRequest<SpuSpec>> = request.downcast()?;
    if let Some(request) = spus {
        let objects = SpuSpec::list(&state).into_iter();
        return answer(
            objects
                .filter(|spu| request.name_filters.filter(spu.name.as_str()))
                .collect(),
            version,
        );
    }
    let modules: Option<ListRequest<SmartModuleSpec>> = request.downcast()?;
    if let Some(request) = modules {
        let filters: Vec<ListFilter> = request.name_filters.into();
        let keys = filters
            .iter()
            .map(|filter| SmartModulePackageKey::from_qualified_name(&filter.name));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        let wanted = |module: &Metadata<SmartModuleSpec>| {
            let package = module.spec.meta.as_ref().map(|meta| &meta.package);
            keys.is_empty() || keys.iter().any(|key| key.is_match(&module.name, package))
        };
        let objects = SmartModuleSpec::list(&state).into_iter().filter(wanted);
        let summarised = objects.map(|module| {
            if request.summary {
                module.summary()
            } else {
                module
            }
        });
        return answer(summarised.collect(), version);
    }
    Err("listing this kind of object is not imitated".into())
}

fn answer<S>(objects: Vec<Metadata<S>>, version: i16) -> Result<ObjectApiListResponse, ServiceError>
where
    S: AdminSpec,
    S::Status: fluvio_protocol::Encoder + fluvio_protocol::Decoder + std::fmt::Debug,
{
    Ok(ObjectApiListResponse::try_encode_from(
        ListResponse::new(objects),
        version,
    )?)
}
