//! A SmartModule in the broker's own engine, and what a batch costs in it.

use std::collections::BTreeMap;
use std::time::Duration;

use capillary_xdm::{Input, Mapper, Params};
use cpu_time::ThreadTime;
use fluvio_protocol::record::Record;
use fluvio_smartengine::{
    SmartEngine, SmartModuleChainBuilder, SmartModuleChainInstance, SmartModuleConfig,
};
use fluvio_smartmodule::dataplane::smartmodule::SmartModuleInput;

/// What the 0.18.1 broker calls with.
pub(crate) const VERSION: i16 = 25;
/// The offset of a batch's first record.
pub(crate) const BASE_OFFSET: i64 = 70_000;
/// Its time.
pub(crate) const BASE_TIMESTAMP: i64 = 1_790_000_000_000;

pub(crate) type Failure = Box<dyn std::error::Error>;

/// Parameters of the mapping, as a transform gives them.
pub(crate) type Parameters = &'static [(&'static str, &'static str)];

/// A module that answers batches.
pub(crate) struct Module {
    name: &'static str,
    chain: SmartModuleChainInstance,
    /// The least time a batch took.
    pub(crate) best: Duration,
    /// Instructions the engine counted for a batch (its metrics count each twice).
    pub(crate) fuel: u64,
}

impl Module {
    /// Compiles a module.
    pub(crate) fn new(
        name: &'static str,
        wasm: Vec<u8>,
        params: Parameters,
    ) -> Result<Self, Failure> {
        let config = SmartModuleConfig::builder()
            .smartmodule_names(vec![name.to_owned()])
            .version(VERSION)
            .params(owned(params).collect::<BTreeMap<_, _>>().into())
            .build()?;
        let mut builder = SmartModuleChainBuilder::default();
        builder.add_smart_module(config, wasm);
        Ok(Self {
            name,
            chain: builder.initialize(&SmartEngine::new())?,
            best: Duration::MAX,
            fuel: 0,
        })
    }

    /// Answers one batch.
    pub(crate) fn answer(&mut self, records: &[Record]) -> Result<Vec<Record>, Failure> {
        let mut input = SmartModuleInput::try_from_records(records.to_vec(), VERSION)?;
        input.set_base_offset(BASE_OFFSET);
        input.set_base_timestamp(BASE_TIMESTAMP);
        // The work of this thread: other programs lengthen the time that passes much more.
        let start = ThreadTime::now();
        let output = self.chain.process(input)?;
        self.best = self.best.min(start.elapsed());
        let metrics = self.chain.metrics_export();
        self.fuel = metrics
            .get(self.name)
            .map_or(0, |metrics| metrics.fuel_used() / 2);
        if output.error.is_some() || output.successes.len() != records.len() {
            return Err(format!("{}: not every record was answered", self.name).into());
        }
        Ok(output.successes)
    }
}

fn owned(params: Parameters) -> impl Iterator<Item = (String, String)> {
    params
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
}

/// The mapping as the connector runs it.
pub(crate) fn native(params: Parameters) -> Result<Mapper, Failure> {
    Ok(Mapper::new(Params::from_pairs(owned(params))?))
}

/// What the mapping answers natively.
pub(crate) fn native_answer(mapper: &mut Mapper, record: &Record) -> Record {
    let mut value = Vec::new();
    let input = Input {
        offset: BASE_OFFSET + record.offset_delta(),
        timestamp: Some(BASE_TIMESTAMP + record.timestamp_delta()),
        value: record.value().as_ref(),
    };
    mapper.answer(input, &mut value);
    let mut answer = record.clone();
    answer.value = value.into();
    answer
}
