//! Expiry days: calendar days in the organisation's zone, which is not in the event.

use crate::catalog::key::Key;
use crate::input::event::Event;
use crate::json::Value;
use crate::params::Params;
use crate::values::coerce;
use crate::values::text::Text;
use crate::values::time::Moment;

/// When something ends, as far as the event and the parameters tell.
#[derive(Debug, Default)]
pub(in crate::mapping) struct Expiry<'a> {
    /// The day (or what stood there) as text.
    pub(in crate::mapping) day: Option<Text<'a>>,
    /// The instant; of a day, its end.
    pub(in crate::mapping) instant: Option<i64>,
    /// The year 2100 or later, which Capillary writes for "never".
    pub(in crate::mapping) never: bool,
    /// Whether the event said anything.
    pub(in crate::mapping) stated: bool,
}

impl<'a> Expiry<'a> {
    /// Reads `key` and its `twin`, `<key>InMillis`, which newer organisations get. The day comes
    /// from the text; the twin is only the instant, and only when it lies on that day.
    pub(in crate::mapping) fn read(event: &Event<'a>, key: Key, twin: Key) -> Self {
        Self::of(event.get(key), event.get(twin), event.params)
    }

    /// Reads a value and its twin.
    pub(in crate::mapping) fn of(
        value: Option<Value<'a>>,
        twin: Option<Value<'a>>,
        params: &Params,
    ) -> Self {
        let zone = params.time_zone.as_ref();
        let read = |value: Value<'a>| Moment::read(value).filter(|moment| !moment.is_unset());
        let moment = value.and_then(read);
        let twin = twin.and_then(read);
        if moment.or(twin).is_some_and(Moment::is_never) {
            return Self {
                never: true,
                stated: true,
                ..Self::default()
            };
        }
        let twin = match (twin, moment) {
            (Some(Moment::Instant(ms)), Some(moment)) if moment.agrees(ms, zone) => Some(ms),
            (Some(Moment::Instant(ms)), None) => Some(ms),
            _ => None,
        };
        Self {
            day: value.and_then(coerce::text),
            instant: twin.or_else(|| moment.map(|moment| moment.end(zone))),
            never: false,
            stated: moment.is_some() || twin.is_some(),
        }
    }
}
