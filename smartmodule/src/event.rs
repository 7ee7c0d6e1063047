//! What the mapping of one event works on.

use std::borrow::Cow;

use crate::envelope::Envelope;
use crate::identity::Customer;
use crate::json::{Index, Number, Value};
use crate::kind::EventKind;
use crate::params::Params;
use crate::program::Program;
use crate::read;

/// How much of the optional parts is left out to keep the event under its size limit; each level includes those before.
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
    /// The product lines.
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
    pub(crate) envelope: Envelope<'a>,
    pub(crate) data: Value<'a>,
    /// The members of `data`.
    pub(crate) members: Index<'a>,
    pub(crate) organization: Option<Cow<'a, str>>,
    pub(crate) customer: Customer<'a>,
    pub(crate) program: Program<'a>,
    /// `createdAt`, milliseconds since the epoch.
    pub(crate) at: i64,
    pub(crate) id: Cow<'a, str>,
}

impl<'a> Event<'a> {
    pub(crate) fn get(&self, key: &str) -> Option<Value<'a>> {
        self.members.get(key).filter(|value| !read::is_nothing(*value))
    }

    pub(crate) fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        self.get(key).and_then(read::text)
    }

    pub(crate) fn id(&self, key: &str) -> Option<Cow<'a, str>> {
        self.get(key).and_then(read::id)
    }

    pub(crate) fn number(&self, key: &str) -> Option<Number<'a>> {
        self.get(key).and_then(read::number)
    }

    /// Whether the customer was deleted: nothing personal may be sent any more.
    pub(crate) fn is_deleted(&self) -> bool {
        let is_deleted = |key: &str| {
            read::member(self.get("customerStatus"), key)
                .and_then(read::text)
                .is_some_and(|label| label.eq_ignore_ascii_case("deleted"))
        };
        self.kind == EventKind::CustomerUpdated && (is_deleted("currentLabel") || is_deleted("currentStatus"))
    }
}
