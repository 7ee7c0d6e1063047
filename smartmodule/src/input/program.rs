//! Which loyalty program an event belongs to, and whether it is the one the profile speaks of.
//!
//! A profile has one `loyalty` object, while balances and tiers are per program: without a choice
//! the last event of any program would win.

use crate::catalog::key::Key;
use crate::json::{Members, Value};
use crate::params::Params;
use crate::values::coerce;
use crate::values::text::Text;

/// The program of an event.
#[derive(Debug, Default)]
pub(crate) struct Program<'a> {
    pub(crate) id: Option<Text<'a>>,
    pub(crate) name: Option<Text<'a>>,
    pub(crate) is_default: Option<bool>,
    /// Its tiers: where their numbers and names stand in the document of …
    tiers: &'a [(u32, u32)],
    /// … this value.
    details: Option<Value<'a>>,
}

/// Whether the profile speaks of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    Chosen,
    Other,
    Unknown,
}

/// Positions of what an event says of its program; 0 is none.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProgramLocations {
    details: u32,
    details_id: u32,
    name: u32,
    is_default: u32,
    /// Number and name of each tier.
    tiers: Vec<(u32, u32)>,
}

impl ProgramLocations {
    /// Looks for them.
    pub(crate) fn of(data: Members<'_, '_>) -> Self {
        let details = data
            .get(Key::LoyaltyProgramDetails)
            .and_then(Value::as_object);
        let position = |value: Option<Value<'_>>| value.map_or(0, Value::position);
        let of = |key: Key| position(coerce::find(details, key));
        Self {
            details: position(details),
            details_id: of(Key::Id),
            name: of(Key::Name),
            is_default: of(Key::IsDefault),
            tiers: coerce::find(details, Key::Tiers)
                .into_iter()
                .flat_map(Value::items)
                .map(|tier| {
                    (
                        position(tier.get(Key::TierNumber)),
                        position(tier.get(Key::TierName)),
                    )
                })
                .filter(|(number, name)| *number != 0 && *name != 0)
                .collect(),
        }
    }
}

impl<'a> Program<'a> {
    pub(crate) fn read(data: Members<'_, 'a>, locations: &'a ProgramLocations) -> Self {
        let at = |place: u32| (place != 0).then(|| data.object().moved(place));
        let details_id = at(locations.details_id).and_then(coerce::numbered);
        let id = data
            .get(Key::LoyaltyProgramId)
            .and_then(coerce::numbered)
            .or_else(|| details_id.clone());
        // Details of another program say nothing about this one.
        let is_same = details_id.is_none() || details_id == id;
        let of_same = |place: u32| at(place).filter(|_| is_same);
        Self {
            id,
            name: of_same(locations.name).and_then(coerce::text_inline),
            is_default: of_same(locations.is_default).and_then(coerce::boolean),
            tiers: &locations.tiers,
            details: of_same(locations.details),
        }
    }

    /// The id of the program the profile speaks of, as far as this event tells.
    pub(crate) fn chosen_id(&self, params: &'a Params) -> Option<&str> {
        match &params.program_id {
            Some(id) => Some(id),
            None if self.is_default == Some(true) => self.id.as_deref(),
            None => None,
        }
    }

    pub(crate) fn choice(&self, params: &Params) -> Choice {
        let is_chosen = match (&params.program_id, &self.id) {
            (Some(wanted), Some(id)) => Some(**wanted == **id),
            (Some(_), None) => None,
            (None, _) => self.is_default,
        };
        match is_chosen {
            Some(true) => Choice::Chosen,
            Some(false) => Choice::Other,
            None => Choice::Unknown,
        }
    }

    /// The name of a tier: from the event, else from the parameter. Numbers may repeat; then only
    /// agreeing names count.
    pub(crate) fn tier_name(&self, number: i64, params: &'a Params) -> Option<Text<'a>> {
        let tiers = self.details.into_iter().flat_map(|details| {
            self.tiers
                .iter()
                .map(move |(number, name)| (details.moved(*number), details.moved(*name)))
        });
        let mut names = tiers
            .filter(|(tier, _)| coerce::integer(*tier) == Some(number))
            .filter_map(|(_, name)| coerce::text(name));
        let first = names.next();
        let agreed = first.filter(|first| names.all(|name| name == *first));
        agreed.or_else(|| params.tier_name(number))
    }
    /// The name of the tier above one; none above the highest.
    pub(crate) fn next_tier_name(&self, number: i64, params: &'a Params) -> Option<Text<'a>> {
        let stated = self.details.into_iter().flat_map(|details| {
            self.tiers
                .iter()
                .filter_map(move |(number, _)| coerce::integer(details.moved(*number)))
        });
        let given = params.tiers.iter().map(|(tier, _)| *tier);
        let next = stated.chain(given).filter(|tier| *tier > number).min()?;
        self.tier_name(next, params)
    }
}
