//! Partitions that are given up during the run: another process delivers them now.

use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc::Receiver;

use super::error::DeliveryError;
use super::state::{DeadLetterOf, Delivery};
use crate::aep::Transport;
use crate::dead_letter::DeadLetters;
use crate::delivery::attempt::Tokens;
use crate::delivery::entity::EntityEnd;
use crate::delivery::pipeline::Now;
use crate::offset_tracker::{Revocation, SourceItem};

impl<T, K, D> Delivery<T, K, D>
where
    T: Transport + 'static,
    K: Tokens + 'static,
    D: DeadLetters + 'static,
{
    /// Sends nothing more of a partition. What was read of it before is still in the channel.
    pub(super) fn revoke(
        &mut self,
        revocation: Revocation,
        items: &mut Receiver<SourceItem>,
    ) -> Result<(), DeliveryError> {
        self.revoked.push(revocation);
        while let Ok(item) = items.try_recv() {
            self.accept(item)?;
        }
        // Also those that are being written: they may wait for their topic for hours.
        let revoked: Vec<u32> = self.revoked.iter().map(|one| one.partition).collect();
        let dropped = self
            .dead_letters
            .remove(|of| revoked.contains(&of.position().partition));
        let writing: FuturesUnordered<_> = std::mem::take(&mut self.writing);
        let awaited = writing
            .into_iter()
            .filter(|writing| self.dead_letters.is_under_way(writing.id));
        self.writing = awaited.collect();
        for of in dropped {
            match of {
                DeadLetterOf::Record(position) => self.open.end(position),
                DeadLetterOf::Entity(record) => self.on_entity_end(&record, EntityEnd::Revoked)?,
            }
        }
        let now = self.now();
        self.drop_revoked(now)
    }

    /// Drops what waits of the partitions that were given up. Once more after each response: what
    /// was in flight may have come back to be sent again.
    pub(super) fn drop_revoked(&mut self, now: Now) -> Result<(), DeliveryError> {
        let partitions: Vec<u32> = self
            .revoked
            .iter()
            .map(|revoked| revoked.partition)
            .collect();
        for partition in partitions {
            let mut dropped = Vec::new();
            for inlet in self.inlets() {
                dropped.extend(inlet.pipeline.revoke(partition, now));
            }
            for entity in dropped {
                self.on_entity_end(&entity.record, EntityEnd::Revoked)?;
            }
        }
        Ok(())
    }

    /// Says so when nothing of a partition is in flight any more.
    pub(super) fn end_revocations(&mut self) {
        let open = &self.open;
        self.revoked
            .retain(|revoked| open.any_of(revoked.partition));
    }

    pub(super) fn is_revoked(&self, partition: u32) -> bool {
        let mut revoked = self.revoked.iter();
        revoked.any(|revoked| revoked.partition == partition)
    }
}
