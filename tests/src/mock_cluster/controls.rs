//! What tests do to a mock cluster, and see in it, past the protocol.

use std::io;
use std::time::Duration;

use fluvio_controlplane_metadata::topic::TopicSpec;
use fluvio_protocol::link::ErrorCode;
use fluvio_protocol::record::{Batch, Offset, RawRecords, Record};

use super::MockCluster;
use super::connection::Listener;
use super::controller::admin;
use super::faults::{CommitFault, Faults};
use super::ids::CONSUMER_OFFSETS;
use super::ids::spu_id;
use super::lock::lock;
use super::replica::Replica;
use super::spu::consumer_offsets;
use super::state::Partition;

/// A record as it lies in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its offset: the batch's base plus the record's own delta.
    pub offset: i64,
    /// Its key, if it has one.
    pub key: Option<Vec<u8>>,
    /// Its value.
    pub value: Vec<u8>,
}

impl MockCluster {
    /// Creates a topic at once, without the controller's checks.
    pub fn create_topic(&self, name: &str, partitions: u32) {
        let spec = TopicSpec::new_computed(partitions, 1, None);
        self.shared.change(|state| state.create_topic(name, spec));
    }

    /// Deletes a topic: its open streams end with `TopicDeleted`, its stored offsets are forgotten.
    pub fn delete_topic(&self, name: &str) {
        self.shared.change(|state| state.delete_topic(name));
    }

    /// Deletes a topic and creates it again, empty; stored offsets are kept, as when a consumer
    /// commits once more in between.
    ///
    /// # Errors
    /// When there is no such topic.
    pub fn recreate_topic(&self, name: &str) -> io::Result<()> {
        self.shared.change(|state| {
            let spec = state
                .topics
                .get(name)
                .cloned()
                .ok_or(io::ErrorKind::NotFound)?;
            let kept = state.offsets.clone();
            state.delete_topic(name);
            state.offsets = kept;
            state.create_topic(name, spec);
            Ok(())
        })
    }

    /// Adds partitions to a topic.
    ///
    /// # Errors
    /// The controller's own: no such topic, a system topic, assigned replicas.
    pub fn add_partitions(&self, name: &str, count: u32) -> Result<(), ErrorCode> {
        self.shared
            .change(|state| admin::add_partitions(state, name, count))
    }

    /// Appends a batch as it is, with the deltas its records have: for gaps as `deduplication`
    /// leaves them, and for odd producers. Gives the offset of its first record.
    ///
    /// # Errors
    /// When there is no such partition or the batch is one no SPU would take.
    pub fn append(
        &self,
        topic: &str,
        partition: u32,
        batch: Batch<RawRecords>,
    ) -> io::Result<Offset> {
        super::log::Log::accepts(&batch).map_err(|code| io::Error::other(code.to_string()))?;
        self.partition(topic, partition)?
            .replica
            .append(vec![batch])
    }

    /// Appends a batch of uncompressed records whose offsets skip numbers: `(delta, value)` each,
    /// and the batch ends at `last_delta`.
    ///
    /// # Errors
    /// As [`MockCluster::append`].
    pub fn append_with_gaps(
        &self,
        topic: &str,
        partition: u32,
        records: &[(i64, &[u8])],
        last_delta: i32,
    ) -> io::Result<Offset> {
        let mut batch: Batch = Batch::default();
        for (delta, value) in records {
            let mut record = Record::new(value.to_vec());
            record.preamble.set_offset_delta(*delta);
            batch.mut_records().push(record);
        }
        batch.set_offset_delta(last_delta);
        self.append(
            topic,
            partition,
            Batch::<RawRecords>::try_from(batch).map_err(io::Error::other)?,
        )
    }

    /// Removes the batches that end before `offset`, as retention does; gives the new log start.
    ///
    /// # Errors
    /// When there is no such partition.
    pub fn evict(&self, topic: &str, partition: u32, offset: Offset) -> io::Result<Offset> {
        let found = self.partition(topic, partition)?;
        let mut log = lock(&found.replica.log);
        log.evict(offset);
        Ok(log.start())
    }

    /// Log start and end of a partition.
    ///
    /// # Errors
    /// When there is no such partition.
    pub fn log_range(&self, topic: &str, partition: u32) -> io::Result<(Offset, Offset)> {
        Ok(self.partition(topic, partition)?.replica.range())
    }

    /// The records of a partition.
    ///
    /// # Errors
    /// When there is no such partition or a batch cannot be decoded.
    pub fn records(&self, topic: &str, partition: u32) -> io::Result<Vec<StoredRecord>> {
        let found = self.partition(topic, partition)?;
        let batches = lock(&found.replica.log)
            .batches()
            .cloned()
            .collect::<Vec<_>>();
        let mut records = Vec::new();
        for batch in batches {
            let decoded = batch
                .to_batch()?
                .memory_records()
                .map_err(io::Error::other)?;
            records.extend(decoded.into_iter().map(|record| StoredRecord {
                offset: batch.base + record.preamble.offset_delta(),
                key: record.key.map(|key| key.to_vec()),
                value: record.value.to_vec(),
            }));
        }
        Ok(records)
    }

    /// The offset a consumer stored.
    #[must_use]
    pub fn stored_offset(&self, consumer: &str, topic: &str, partition: u32) -> Option<Offset> {
        let key = (consumer.to_owned(), topic.to_owned(), partition);
        self.shared
            .state()
            .offsets
            .get(&key)
            .map(|stored| stored.offset)
    }

    /// Stores an offset for a consumer, as a second process with the same id would.
    pub fn set_stored_offset(&self, consumer: &str, topic: &str, partition: u32, offset: Offset) {
        let key = (consumer.to_owned(), topic.to_owned(), partition);
        consumer_offsets::store(&mut self.shared.state(), key, offset);
    }

    /// Index of the SPU that leads a partition.
    #[must_use]
    pub fn leader(&self, topic: &str, partition: u32) -> Option<usize> {
        let leader = self.partition(topic, partition).ok()?.leader;
        (0..self.spus.len()).find(|index| spu_id(*index) == leader)
    }

    /// Index of the SPU that stores the consumers' offsets.
    #[must_use]
    pub fn offsets_leader(&self) -> Option<usize> {
        self.leader(CONSUMER_OFFSETS, 0)
    }

    /// Lets another SPU lead a partition; its records move along. Streams on the old leader go
    /// silent, as on a real SPU.
    ///
    /// # Errors
    /// When there is no such partition or SPU.
    pub fn move_leader(&self, topic: &str, partition: u32, spu: usize) -> io::Result<()> {
        if spu >= self.spus.len() {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.shared.change(|state| {
            let found = state
                .partitions
                .get_mut(&(topic.to_owned(), partition))
                .ok_or(io::ErrorKind::NotFound)?;
            let old = &found.replica;
            let replica = Replica::new(topic, partition, old.deduplication.clone());
            *lock(&replica.log) = lock(&old.log).clone();
            replica.refresh();
            found.replica = std::sync::Arc::new(replica);
            found.leader = spu_id(spu);
            found.spus = vec![spu_id(spu)];
            Ok(())
        })
    }

    /// Stops an SPU as the death of its process does: its port closes, its connections break, its
    /// partitions have no leader.
    pub async fn stop_spu(&self, spu: usize) {
        if let Some(listener) = self.spus.get(spu) {
            listener.stop().await;
            self.set_online(spu, false);
        }
    }

    /// Starts a stopped SPU on its old port, with its old data.
    ///
    /// # Errors
    /// When the port was taken meanwhile.
    pub async fn start_spu(&self, spu: usize) -> io::Result<()> {
        if spu < self.spus.len() {
            self.serve_spu(spu).await?;
            self.set_online(spu, true);
        }
        Ok(())
    }

    /// Stops the controller; SPUs go on serving.
    pub async fn stop_controller(&self) {
        self.sc.stop().await;
    }

    /// Starts a stopped controller on its old port.
    ///
    /// # Errors
    /// When the port was taken meanwhile.
    pub async fn start_controller(&self) -> io::Result<()> {
        self.serve_controller().await
    }

    /// Lets the controller answer nothing from now on, as a network does that swallows its packets;
    /// [`MockCluster::heal`] ends it.
    pub fn swallow_controller(&self) {
        self.shared.state().faults.silent_controller = true;
    }

    /// How many connections clients have to one SPU.
    #[must_use]
    pub fn spu_connections(&self, spu: usize) -> usize {
        self.spus.get(spu).map_or(0, Listener::connections)
    }

    /// Cuts every connection, to the controller and to the SPUs.
    pub fn drop_connections(&self) {
        self.sc.drop_connections();
        for index in 0..self.spus.len() {
            self.drop_spu_connections(index);
        }
    }

    /// Cuts every connection to one SPU.
    pub fn drop_spu_connections(&self, spu: usize) {
        if let Some(listener) = self.spus.get(spu) {
            listener.drop_connections();
        }
    }

    /// Lets the SPU tell an old high watermark until the next write, as after a crash.
    ///
    /// # Errors
    /// When there is no such partition.
    pub fn lag_high_watermark(&self, topic: &str, partition: u32, told: Offset) -> io::Result<()> {
        self.partition(topic, partition)?.replica.lag(told);
        Ok(())
    }

    /// Removes records from the end of a log, as a crash before they were written to disk does.
    ///
    /// # Errors
    /// When there is no such partition.
    pub fn truncate(&self, topic: &str, partition: u32, end: Offset) -> io::Result<()> {
        let found = self.partition(topic, partition)?;
        lock(&found.replica.log).truncate(end);
        found.replica.refresh();
        Ok(())
    }

    /// Forgets the offset a consumer stored.
    pub fn forget_stored_offset(&self, consumer: &str, topic: &str, partition: u32) {
        let key = (consumer.to_owned(), topic.to_owned(), partition);
        self.shared.state().offsets.remove(&key);
    }

    /// Keeps loaded SmartModules from the SPUs from now on; [`MockCluster::heal`] ends it.
    pub fn hide_smartmodules_from_spus(&self) {
        self.shared.state().faults.unknown_smartmodules = true;
    }

    /// Makes commits of consumer offsets fail from now on.
    pub fn fail_commits(&self, fault: CommitFault) {
        self.shared.state().faults.commit = fault;
    }

    /// Delays every read of a partition stream from now on.
    pub fn delay_fetches(&self, delay: Duration) {
        self.shared.state().faults.fetch_delay = delay;
    }

    /// Lets a topic refuse records from now on.
    pub fn fail_produce(&self, topic: &str, error: ErrorCode) {
        self.shared
            .state()
            .faults
            .produce
            .insert(topic.to_owned(), error);
    }

    /// Lets a topic store records without ever answering, so that a producer's retry stores them
    /// twice.
    pub fn lose_produce_answers(&self, topic: &str) {
        self.shared
            .state()
            .faults
            .unanswered_produce
            .push(topic.to_owned());
    }

    /// The followers of a partition go away: records are stored, the high watermark stands still,
    /// and a producer that waits for it is told that it timed out.
    ///
    /// # Errors
    /// When there is no such partition.
    pub fn stop_followers(&self, topic: &str, partition: u32) -> io::Result<()> {
        self.partition(topic, partition)?
            .replica
            .set_replicated(false);
        Ok(())
    }

    /// The followers of a partition are back: everything is replicated.
    ///
    /// # Errors
    /// When there is no such partition.
    pub fn start_followers(&self, topic: &str, partition: u32) -> io::Result<()> {
        self.partition(topic, partition)?
            .replica
            .set_replicated(true);
        Ok(())
    }

    /// Ends every fault that was switched on; stopped parts stay stopped.
    pub fn heal(&self) {
        self.shared.state().faults = Faults::default();
    }

    fn set_online(&self, spu: usize, online: bool) {
        self.shared.change(|state| state.set_online(spu, online));
    }

    fn partition(&self, topic: &str, partition: u32) -> io::Result<Partition> {
        let found = self
            .shared
            .state()
            .partitions
            .get(&(topic.to_owned(), partition))
            .cloned();
        found.ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::NotFound,
                format!("no partition {topic}-{partition}"),
            )
        })
    }
}
