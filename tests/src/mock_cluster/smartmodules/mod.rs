//! SmartModule chains as an SPU builds and runs them: per stream, at the version of the request, in
//! the SPU's engine.

pub(super) mod chains;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use fluvio_controlplane_metadata::topic::Deduplication;
use fluvio_protocol::Encoder;
use fluvio_protocol::link::ErrorCode;
use fluvio_protocol::link::smartmodule::SmartModuleTransformRuntimeError;
use fluvio_protocol::record::{Batch, RawRecords, Record};
use fluvio_smartengine::{
    EngineError, Lookback, SmartModuleChainBuilder, SmartModuleChainInstance, SmartModuleConfig,
    SmartModuleInitialData,
};
use fluvio_smartmodule::dataplane::smartmodule::{
    Lookback as LookbackBound, SmartModuleExtraParams, SmartModuleInput,
};
use fluvio_spu_schema::server::smartmodule::{
    SmartModuleContextData, SmartModuleInvocation, SmartModuleInvocationWasm, SmartModuleKind,
};

use self::chains::Chain;
use crate::mock_cluster::connection::ServiceError;
use crate::mock_cluster::lock::lock;
use crate::mock_cluster::replica::Replica;
use crate::mock_cluster::state::Shared;

/// The SPU's default of `--smart-engine-max-memory`.
const MAX_MEMORY_BYTES: usize = 1_073_741_824;

/// What a pass over batches gives: the output in one batch, and the error that ended the pass
/// early.
pub(crate) type Processed = (Batch, Option<SmartModuleTransformRuntimeError>);

/// Builds the chain of a request; `None` when it names no SmartModule.
pub(crate) async fn build(
    shared: &Arc<Shared>,
    replica: &Replica,
    invocations: Vec<SmartModuleInvocation>,
    version: i16,
) -> Result<Option<Chain>, ErrorCode> {
    if invocations.is_empty() {
        return Ok(None);
    }
    let invocations = invocations
        .into_iter()
        .map(|invocation| resolved(shared, invocation));
    let invocations = invocations.collect::<Result<Vec<_>, _>>()?;
    let recipe = chains::recipe(&invocations, version);
    if let Some(chain) = shared.chains.take(recipe) {
        return Ok(Some(chain));
    }
    let mut builder = SmartModuleChainBuilder::default();
    builder.set_store_memory_limit(MAX_MEMORY_BYTES);
    for invocation in invocations {
        let (config, wasm) = configured(invocation, version)?;
        builder.add_smart_module(config, wasm);
    }
    let engine = shared.engine.clone();
    let initialized = tokio::task::spawn_blocking(move || builder.initialize(&engine)).await;
    let mut chain = match initialized {
        Ok(Ok(chain)) => chain,
        Ok(Err(error)) => {
            return Err(match error.downcast_ref() {
                Some(EngineError::StoreMemoryExceeded { requested, max, .. }) => {
                    ErrorCode::SmartModuleMemoryLimitExceeded {
                        requested: *requested as u64,
                        max: *max as u64,
                    }
                }
                _ => ErrorCode::SmartModuleChainInitError(error.to_string()),
            });
        }
        Err(error) => return Err(ErrorCode::SmartModuleChainInitError(error.to_string())),
    };
    let looked_back = chain
        .look_back(|bound| std::future::ready(recent(replica, bound).map_err(Into::into)))
        .await;
    looked_back
        .map_err(|error| ErrorCode::SmartModuleLookBackError(error.root_cause().to_string()))?;
    Ok(Some(shared.chains.lend(chain, recipe)))
}

/// Replaces a name by the wasm stored under it.
fn resolved(
    shared: &Shared,
    invocation: SmartModuleInvocation,
) -> Result<SmartModuleInvocation, ErrorCode> {
    let SmartModuleInvocationWasm::Predefined(name) = invocation.wasm else {
        return Ok(invocation);
    };
    match shared.smartmodule(&name)? {
        Some(spec) => Ok(SmartModuleInvocation {
            wasm: SmartModuleInvocationWasm::AdHoc(spec.wasm.payload.into()),
            name: Some(name),
            kind: invocation.kind,
            params: invocation.params,
        }),
        None => Err(ErrorCode::SmartModuleNotFound { name }),
    }
}

fn configured(
    invocation: SmartModuleInvocation,
    version: i16,
) -> Result<(SmartModuleConfig, Vec<u8>), ErrorCode> {
    let invalid = |error: String| ErrorCode::SmartModuleInvalid { error, name: None };
    let name = invocation.name.clone().unwrap_or_default();
    let wasm = invocation
        .wasm
        .into_raw()
        .map_err(|error| invalid(error.to_string()))?;
    let initial_data = match invocation.kind {
        SmartModuleKind::Aggregate { accumulator }
        | SmartModuleKind::Generic(SmartModuleContextData::Aggregate { accumulator }) => {
            SmartModuleInitialData::with_aggregate(accumulator)
        }
        _ => SmartModuleInitialData::default(),
    };
    let lookback = invocation.params.lookback().map(Into::into);
    let mut config = SmartModuleConfig::builder();
    config
        .smartmodule_names(vec![name])
        .params(invocation.params)
        .version(version);
    config.lookback(lookback).initial_data(initial_data);
    Ok((
        config.build().map_err(|error| invalid(error.to_string()))?,
        wasm,
    ))
}

/// The invocation that a topic's deduplication stands for.
pub(crate) fn deduplication(settings: &Deduplication) -> SmartModuleInvocation {
    let bounds = &settings.bounds;
    let mut params = BTreeMap::from([("count".to_owned(), bounds.count.to_string())]);
    if let Some(age) = bounds.age {
        params.insert("age".to_owned(), age.as_millis().to_string());
    }
    let transform = &settings.filter.transform;
    params.extend(
        transform
            .with
            .iter()
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    let lookback = LookbackBound {
        last: bounds.count,
        age: bounds.age,
    };
    SmartModuleInvocation {
        wasm: SmartModuleInvocationWasm::Predefined(transform.uses.clone()),
        kind: SmartModuleKind::Filter,
        params: SmartModuleExtraParams::new(params, Some(lookback)),
        name: Some(transform.uses.clone()),
    }
}

/// The last records of a partition. An age bound alone is not imitated: it gives none.
fn recent(replica: &Replica, bound: Lookback) -> io::Result<Vec<Record>> {
    let (Lookback::Last(count) | Lookback::Age { last: count, .. }) = bound;
    let batches = lock(&replica.log).batches().cloned().collect::<Vec<_>>();
    let mut records = Vec::new();
    for batch in batches {
        records.extend(
            batch
                .to_batch()?
                .memory_records()
                .map_err(io::Error::other)?,
        );
    }
    let surplus = records
        .len()
        .saturating_sub(usize::try_from(count).unwrap_or(usize::MAX));
    Ok(records.split_off(surplus))
}

/// Runs batches through a chain into one output batch, as the SPU's `process_batch` does, its flaws
/// included:
/// - output that would exceed `max_bytes` ends the pass, and if it is that of the first batch
///   nothing is sent for anything that was read;
/// - from the second input batch on, the records' deltas are moved by the difference of the bases
///   with the wrong sign;
/// - the output batch has no timestamp of its own.
pub(crate) fn process(
    chain: &mut Chain,
    batches: impl Iterator<Item = io::Result<Batch<RawRecords>>>,
    max_bytes: usize,
) -> Result<Processed, ServiceError> {
    let instance = chain.instance().ok_or("the chain trapped before")?;
    let processed = pass(instance, batches, max_bytes);
    if processed.is_err() {
        chain.spoil();
    }
    processed
}

fn pass(
    chain: &mut SmartModuleChainInstance,
    batches: impl Iterator<Item = io::Result<Batch<RawRecords>>>,
    max_bytes: usize,
) -> Result<Processed, ServiceError> {
    let mut output = Batch::default();
    output.set_base_offset(-1);
    output.set_offset_delta(-1);
    let mut total_bytes = 0;
    for batch in batches {
        let batch = batch?;
        let compression = batch.get_compression()?;
        let raw = &batch.records().0;
        let records = compression.uncompress(raw)?.unwrap_or_else(|| raw.to_vec());
        let input =
            SmartModuleInput::new(records, batch.get_base_offset(), batch.get_base_timestamp());
        let processed = chain.process(input)?;
        let mut records = processed.successes;
        if !records.is_empty() {
            if output.get_base_offset() == -1 {
                output.get_mut_header().set_compression(compression);
                output.set_base_offset(batch.get_base_offset());
            }
            let relative_base = output.get_base_offset() - batch.get_base_offset();
            for record in &mut records {
                record.add_base_offset(relative_base);
            }
            let bytes = records.write_size(0);
            if total_bytes + bytes > max_bytes {
                return Ok((output, processed.error));
            }
            total_bytes += bytes;
            output.mut_records().append(&mut records);
        }
        if output.get_base_offset() != -1 {
            output.add_to_offset_delta(batch.last_offset_delta() + 1);
        }
        if processed.error.is_some() {
            return Ok((output, processed.error));
        }
    }
    Ok((output, None))
}
