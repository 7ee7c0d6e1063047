//! Records a test produces.

use std::time::{SystemTime, UNIX_EPOCH};

use fluvio::Compression;
use fluvio_protocol::record::{Batch, RawRecords, Record, RecordData};

use super::error::{ClusterError, failed};

/// A record to be produced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProducedRecord {
    /// The key, if any.
    pub key: Option<Vec<u8>>,
    /// The value.
    pub value: Vec<u8>,
}

impl<V: Into<Vec<u8>>> From<V> for ProducedRecord {
    fn from(value: V) -> ProducedRecord {
        ProducedRecord {
            key: None,
            value: value.into(),
        }
    }
}

/// One batch, stamped with the present time, as the client's producer makes it.
pub(super) fn batch(
    records: Vec<ProducedRecord>,
    compression: Compression,
) -> Result<Batch<RawRecords>, ClusterError> {
    let mut batch: Batch = Batch::default();
    let records = records.into_iter().map(|record| Record {
        key: record.key.map(RecordData::from),
        value: RecordData::from(record.value),
        ..Record::default()
    });
    batch.add_records(&mut records.collect());
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis();
    let header = batch.get_mut_header();
    header.first_timestamp = i64::try_from(now).unwrap_or(i64::MAX);
    header.max_time_stamp = header.first_timestamp;
    header.set_compression(compression);
    Batch::<RawRecords>::try_from(batch).map_err(failed("compressing a batch"))
}
