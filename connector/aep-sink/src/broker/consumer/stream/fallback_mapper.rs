//! The SmartModule's mapping, run here for records the broker could not answer.

use bytes::Bytes;
use capillary_xdm::{Input, Mapper, Params};

use crate::config::Transform;

use super::segments::RawAnswer;
use crate::broker::error::BrokerError;
use crate::broker::partition_log::LogRecord;

/// The same code with the same parameters as in the broker.
pub(crate) struct FallbackMapper {
    mapper: Mapper,
    buffer: Vec<u8>,
}

impl FallbackMapper {
    pub(crate) fn new(transform: &Transform) -> Result<Self, BrokerError> {
        let pairs = transform
            .with
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()));
        let params = Params::from_pairs(pairs).map_err(|error| BrokerError::Parameter {
            reason: error.to_string(),
        })?;
        Ok(Self {
            mapper: Mapper::new(params),
            buffer: Vec::new(),
        })
    }

    pub(crate) fn answer(&mut self, record: &LogRecord) -> RawAnswer {
        self.buffer.clear();
        let input = Input {
            offset: record.offset,
            timestamp: record.timestamp,
            value: &record.value,
        };
        self.mapper.answer(input, &mut self.buffer);
        RawAnswer {
            offset: record.offset,
            timestamp: record.timestamp,
            value: Bytes::copy_from_slice(&self.buffer),
        }
    }
}
