//! One line of the table.

use fluvio_protocol::record::Record;

use crate::engine::{Failure, Module, Parameters};
use crate::floor::floor_module;

/// A module, and the engine's floor for the same answers.
pub(crate) struct Row {
    pub(crate) module: Module,
    pub(crate) name: &'static str,
    pub(crate) floor: Module,
    pub(crate) answer_bytes: usize,
}

impl Row {
    pub(crate) fn new(
        name: &'static str,
        wasm: Vec<u8>,
        params: Parameters,
        records: &[Record],
    ) -> Result<Self, Failure> {
        let mut module = Module::new(name, wasm, params)?;
        let answers = module.answer(records)?;
        Ok(Self {
            module,
            name,
            answer_bytes: answers
                .iter()
                .map(|answer| answer.value().len())
                .sum::<usize>()
                / records.len(),
            floor: Module::new("floor", floor_module(answers)?, &[])?,
        })
    }
}
