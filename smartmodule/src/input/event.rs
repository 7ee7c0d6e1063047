//! What the mapping of one event works on.

use crate::catalog::key::Key;
use crate::catalog::kind::EventKind;
use crate::input::customer::Customer;
use crate::input::envelope::Envelope;
use crate::input::program::Program;
use crate::json::{Members, Number, Value};
use crate::params::Params;
use crate::values::coerce;
use crate::values::text::Text;

/// How much of the optional parts is left out to keep the event under its size limit; each level
/// includes those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trim {
    Nothing,
    /// Custom and extended fields, and the details of generic kinds.
    Fields,
    /// The triggering activity, notes and descriptions.
    Activity,
    /// Lists under the tenant: breakdowns, coupons, restrictions, updated fields.
    Lists,
    /// Everything under the tenant.
    Tenant,
    /// Product lines that do not fit.
    Lines,
}

impl Trim {
    pub(crate) const LEVELS: [Self; 6] = [
        Self::Nothing,
        Self::Fields,
        Self::Activity,
        Self::Lists,
        Self::Tenant,
        Self::Lines,
    ];
}

/// An event that will be mapped.
#[derive(Debug)]
pub(crate) struct Event<'a> {
    pub(crate) kind: EventKind,
    pub(crate) params: &'a Params,
    pub(crate) envelope: &'a Envelope<'a>,
    /// The members of `data`.
    pub(crate) data: Members<'a, 'a>,
    pub(crate) organization: Option<Text<'a>>,
    pub(crate) customer: &'a Customer<'a>,
    pub(crate) program: Program<'a>,
    /// `createdAt`, milliseconds since the epoch.
    pub(crate) at: i64,
    pub(crate) id: Text<'a>,
}

/// Words for deletions in the types of requests: one too many sends less, one too few links what is to
/// be forgotten.
const DELETIONS: &[&str] = &["DELET", "ERAS", "FORGET", "ANONYM"];

/// Events of the same shape have their members in the same places of their documents, and are
/// mapped by the same steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    kind: EventKind,
    document: u64,
    envelope: u32,
    data: u32,
    /// Whether all of the envelope's keys are in one object.
    is_plain: bool,
    is_deleted: bool,
}

impl<'a> Event<'a> {
    /// A member of `data`, whatever it says.
    #[inline(always)]
    pub(crate) fn find(&self, key: Key) -> Option<Value<'a>> {
        self.data.get(key)
    }

    #[inline(always)]
    pub(crate) fn shape(&self) -> Shape {
        let data = self.data.object();
        Shape {
            kind: self.kind,
            document: data.shape(),
            envelope: self.envelope.position(),
            data: data.position(),
            is_plain: self.envelope.is_plain(),
            is_deleted: self.is_deleted(),
        }
    }

    /// A member of `data` that says something.
    pub(crate) fn get(&self, key: Key) -> Option<Value<'a>> {
        self.find(key).filter(|value| !coerce::is_blank(*value))
    }

    pub(crate) fn text(&self, key: Key) -> Option<Text<'a>> {
        self.find(key).and_then(coerce::text)
    }

    pub(crate) fn number(&self, key: Key) -> Option<Number<'a>> {
        self.find(key).and_then(coerce::number)
    }

    /// Whether a member says something that is no number.
    pub(crate) fn is_unreadable(&self, key: Key) -> bool {
        self.number(key).is_none() && self.get(key).is_some()
    }

    /// Whether the customer was deleted, or is asked to be: nothing personal may be sent any more,
    /// and no identity linked.
    #[inline(always)]
    pub(crate) fn is_deleted(&self) -> bool {
        match self.kind {
            EventKind::CustomerAdded | EventKind::CustomerUpdated => self.deleted_label().is_some(),
            EventKind::RequestUpdated => self.asks_for_deletion(),
            _ => false,
        }
    }

    /// The status that says it.
    #[inline(never)]
    pub(crate) fn deleted_label(&self) -> Option<Text<'a>> {
        let status = self.find(Key::CustomerStatus)?;
        let labels = [Key::CurrentLabel, Key::CurrentStatus].map(|key| status.get(key));
        // The label alone is one, too.
        [Some(status)]
            .into_iter()
            .chain(labels)
            .filter_map(|label| coerce::text(label?))
            .find(|label| {
                let mut known = self.params.deleted_labels.iter();
                known.any(|known| known.eq_ignore_ascii_case(label))
            })
    }

    /// A request for deletion, in whatever state. An older form has its keys outside `data`.
    #[inline(never)]
    fn asks_for_deletion(&self) -> bool {
        let word = |key: Key| {
            self.text(key)
                .or_else(|| coerce::text(self.envelope.get(key)?))
        };
        let is_of = |text: &str, words: &[&str]| {
            let text = text.to_ascii_uppercase();
            words.iter().any(|word| text.contains(word))
        };
        let is_about_a_bill =
            || word(Key::RequestType).is_some_and(|kind| is_of(&kind, &["TRANSACTION"]));
        word(Key::RequestBaseType)
            .is_some_and(|base| is_of(&base, DELETIONS) && !is_of(&base, &["UNDELET", "UN_DELET"]))
            && !is_about_a_bill()
    }
}
