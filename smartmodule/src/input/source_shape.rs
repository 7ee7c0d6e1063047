//! Records in the shape of Adobe's Capillary source, which Capillary's Connect+ makes of events for
//! it: XDM but for the e-mail's namespace `email`, and lines of a bill in `productLineItems`.
//!
//! They say neither which event they were nor when (but for bills) it happened.

use crate::catalog::kind::EventKind;
use crate::json::Value;
use crate::params::Params;
use crate::params::identity::Identifier;
use crate::values::coerce;

/// The kind a record of this shape counts as; `None` for any other record.
#[cold]
#[inline(never)]
pub(crate) fn kind(document: Value<'_>) -> Option<EventKind> {
    let says = |name: &str| member(Some(document), name);
    says("identityMap").filter(Value::is_object)?;
    // Records of other sources are XDM events, too.
    let of_another = says("eventType")
        .is_some_and(|kind| coerce::text(kind).as_deref() != Some("commerce.purchases"));
    if of_another {
        None
    } else if says("commerce").or(says("productLineItems")).is_some() {
        Some(EventKind::TransactionAdded)
    } else {
        says("loyalty").map(|_| EventKind::CustomerUpdated)
    }
}

/// A member that says something, by a name no event of Capillary's has; of a repeated one the last.
#[inline(never)]
pub(crate) fn member<'a>(object: Option<Value<'a>>, name: &str) -> Option<Value<'a>> {
    let found = object?.members().filter(|member| member.name() == name);
    found.last().filter(|value| !coerce::is_blank(*value))
}

/// The identities of the one person the record is about: those named as a namespace of
/// `identities` is, and `email`.
pub(crate) fn identities<'a>(
    document: Value<'a>,
    params: &Params,
) -> impl Iterator<Item = (Identifier, Value<'a>)> {
    let map = member(Some(document), "identityMap");
    let all = map.into_iter().flat_map(Value::members);
    all.filter_map(|namespace| {
        let name = namespace.name();
        let mut known = params.identities.iter();
        let identifier = known
            .find(|(_, known)| known.code().eq_ignore_ascii_case(&name))
            .map(|(identifier, _)| *identifier)
            .or_else(|| {
                name.eq_ignore_ascii_case("email")
                    .then_some(Identifier::Email)
            })?;
        let id = |entry| member(Some(entry), "id");
        let is_primary = |entry: &Value<'_>| {
            member(Some(*entry), "primary").and_then(coerce::boolean) == Some(true)
        };
        let mut entries = namespace.items();
        let first = entries.clone().find_map(id);
        // Adobe's own table of the mapping has no list here.
        let chosen = entries.find(is_primary).and_then(id).or(first);
        chosen.or_else(|| id(namespace)).map(|id| (identifier, id))
    })
}
