//! The version of each field of the profiles seen last: when it was stated.

use crate::delivery::digest_map::ByDigest;
use crate::delivery::entity::{Stamp, Subject};

/// Profiles in one generation; there are two. Both together take about 2 MB.
const GENERATION: usize = 8192;
/// Fields whose versions are kept. What the SmartModule states has about thirty; further ones have
/// no version.
const FIELDS: usize = 128;

/// A set of fields, one bit each.
type Fields = u128;

/// What was accepted last of each profile. Bounded; what is forgotten is sent as it comes.
#[derive(Debug, Default)]
pub struct FieldVersions {
    /// By the digest of its path, the bit of a field.
    bits: ByDigest<u64, Fields>,
    young: ByDigest<Subject, VersionEntry>,
    old: ByDigest<Subject, VersionEntry>,
    /// Whether the log says that there are too many fields.
    is_logged: bool,
}

/// What is known of one profile.
#[derive(Debug, Clone, Copy)]
pub struct Profile<'a> {
    bits: &'a ByDigest<u64, Fields>,
    known: &'a VersionEntry,
}

/// The stamps of a profile's fields, each with the fields that were stated last then. One or two:
/// most fields are stated together.
#[derive(Debug, Default)]
struct VersionEntry(Vec<(Stamp, Fields)>);

impl VersionEntry {
    fn of(&self, field: Fields) -> Option<Stamp> {
        let found = self.0.iter().find(|(_, fields)| fields & field != 0);
        found.map(|(stamp, _)| *stamp)
    }

    /// Keeps the later stamp of each field.
    fn note(&mut self, mut fields: Fields, stamp: Stamp) {
        for (_, later) in self.0.iter().filter(|(other, _)| *other >= stamp) {
            fields &= !later;
        }
        if fields == 0 {
            return;
        }
        for (_, earlier) in self.0.iter_mut().filter(|(other, _)| *other < stamp) {
            *earlier &= !fields;
        }
        self.0.retain(|(_, fields)| *fields != 0);
        match self.0.iter_mut().find(|(other, _)| *other == stamp) {
            Some((_, same)) => *same |= fields,
            None => {
                // There are thousands of profiles, so not with the four places a row begins with.
                self.0.reserve_exact(1);
                self.0.push((stamp, fields));
            }
        }
    }
}

impl Profile<'_> {
    /// When the field with this digest was stated, as far as is remembered.
    pub fn stated(self, digest: u64) -> Option<Stamp> {
        self.known.of(*self.bits.get(&digest)?)
    }
}

impl FieldVersions {
    /// What is known of a profile.
    pub fn recall(&self, subject: Subject) -> Option<Profile<'_>> {
        let known = self
            .young
            .get(&subject)
            .or_else(|| self.old.get(&subject))?;
        let bits = &self.bits;
        Some(Profile { bits, known })
    }

    /// Remembers that the fields with these digests were stated, and when.
    pub fn note(&mut self, subject: Subject, fields: impl Iterator<Item = u64>, stamp: Stamp) {
        let fields = fields.fold(0, |fields, digest| fields | self.bit(digest));
        if self.young.len() >= GENERATION && !self.young.contains_key(&subject) {
            self.old = std::mem::take(&mut self.young);
        }
        let before = self.old.remove(&subject);
        let known = self.young.entry(subject);
        known
            .or_insert_with(|| before.unwrap_or_default())
            .note(fields, stamp);
    }

    /// The bit of a field; none when there are too many.
    fn bit(&mut self, digest: u64) -> Fields {
        let next = self.bits.len();
        if next >= FIELDS {
            let known = self.bits.get(&digest).copied();
            if known.is_none() && !std::mem::replace(&mut self.is_logged, true) {
                tracing::info!(
                    most = FIELDS,
                    "profile statements have more fields than are remembered: of the others, late \
                    statements are not held back"
                );
            }
            return known.unwrap_or_default();
        }
        *self.bits.entry(digest).or_insert(1 << next)
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    const A: Subject = Subject(1);

    fn stated(versions: &FieldVersions, digests: &[u64]) -> Vec<Option<i64>> {
        let profile = versions.recall(A).unwrap();
        let at = |digest: &u64| profile.stated(*digest).map(|(at, _)| at);
        digests.iter().map(at).collect()
    }

    #[test]
    fn field_keeps_its_latest_stamp_in_any_order_of_arrival() {
        let statements: [(&[u64], i64); 4] = [
            (&[10, 11], 5),
            (&[11, 12], 9),
            (&[10, 12, 13], 7),
            (&[13], 7),
        ];
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]] {
            let mut versions = FieldVersions::default();
            for index in order {
                let (fields, at) = statements[index];
                versions.note(A, fields.iter().copied(), (at, 0));
            }
            let found = stated(&versions, &[10, 11, 12, 13, 14]);
            assert_eq!(
                found,
                [Some(7), Some(9), Some(9), Some(7), None],
                "{order:?}"
            );
        }
    }

    #[test]
    fn profile_keeps_one_stamp_for_fields_stated_together() {
        let mut versions = FieldVersions::default();
        for at in 0..100 {
            versions.note(A, [10, 11].into_iter(), (at, 0));
        }
        assert_eq!(versions.young[&A].0, [((99, 0), 0b11)]);
    }

    #[test]
    fn fields_beyond_the_limit_have_no_version() {
        let mut versions = FieldVersions::default();
        versions.note(A, 0..200, (5, 0));
        assert_eq!(
            stated(&versions, &[0, 127, 128, 199]),
            [Some(5), Some(5), None, None]
        );
    }

    #[test]
    fn profiles_not_seen_for_two_generations_are_forgotten() {
        let mut versions = FieldVersions::default();
        versions.note(A, [10].into_iter(), (5, 0));
        let others = 2..2 + 2 * GENERATION as u64;
        for other in others {
            versions.note(Subject(other), [10].into_iter(), (5, 0));
        }
        assert!(versions.recall(A).is_none());
        assert!(versions.young.len() + versions.old.len() <= 2 * GENERATION);
    }
}
