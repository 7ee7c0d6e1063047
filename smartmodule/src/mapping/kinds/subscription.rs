//! customerSubscription: what a customer wants to receive.

use super::common::{id_of, text_of};
use crate::catalog::key::Key;
use crate::input::event::{Event, Trim};
use crate::json::Value;
use crate::mapping::notes::Notes;
use crate::mapping::plan::{self, Plan, PlanSlot, before, each, end, id, plan, text};
use crate::mapping::xdm_writer::XdmWriter;
use crate::output::name::{Name, name};
use crate::values::text::Text;

static TENANT: Plan = Plan {
    slot: PlanSlot::Tenant,
    steps: &plan([
        before(Trim::Lists),
        each(name!("subscriptions"), Key::Subscriptions),
        text(name!("channel"), Key::Channel),
        text(name!("previousStatus"), Key::PreviousStatus),
        text(name!("currentStatus"), Key::CurrentStatus),
        text(name!("priority"), Key::Priority),
        text(name!("reason"), Key::Reason),
        text(name!("source"), Key::SourceName),
        id(name!("accountId"), Key::SourceAccountId),
        id(name!("orgUnitId"), Key::OuId),
        id(name!("orgUnitCode"), Key::OuCode),
        end(),
        end(),
    ]),
};

pub(in crate::mapping) fn tenant(event: &Event<'_>, trim: Trim, xdm: &mut XdmWriter<'_>) {
    plan::write(&TENANT, event, trim, xdm);
}

/// XDM's channels (field group Consents and Preferences), and Capillary's words for them, whose
/// list is not published.
const CHANNELS: [(&Name, &[&str]); 8] = [
    (name!("any"), &["ANY", "ALL"]),
    (
        name!("call"),
        &["CALL", "VOICE", "VOICECALL", "PHONE", "IVR"],
    ),
    (name!("email"), &["EMAIL"]),
    (name!("fax"), &["FAX"]),
    (
        name!("postalMail"),
        &["POSTALMAIL", "POST", "POSTAL", "DIRECTMAIL"],
    ),
    (
        name!("push"),
        &[
            "PUSH",
            "MOBILEPUSH",
            "APPPUSH",
            "PUSHNOTIFICATION",
            "ANDROID",
            "ANDROIDPUSH",
            "PUSHANDROID",
            "IOS",
            "IOSPUSH",
            "PUSHIOS",
        ],
    ),
    (name!("sms"), &["SMS", "TEXT"]),
    (name!("whatsApp"), &["WHATSAPP", "WHATSAPPBUSINESS"]),
];

/// A choice of XDM's list; of several for one channel the greatest is stated, since a message too
/// few is better than one too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Choice {
    Yes,
    Pending,
    No,
}

impl Choice {
    fn of(word: &str) -> Option<Self> {
        match word {
            "SUBSCRIBED" | "SUBSCRIBE" | "RESUBSCRIBED" | "OPTIN" | "OPTEDIN" | "YES" | "Y"
            | "TRUE" => Some(Self::Yes),
            "UNSUBSCRIBED" | "UNSUBSCRIBE" | "NOTSUBSCRIBED" | "OPTOUT" | "OPTEDOUT" | "NO"
            | "N" | "FALSE" | "DND" | "NDNC" | "BLOCKED" | "INACTIVE" | "DISABLED" => {
                Some(Self::No)
            }
            _ if word.starts_with("PENDING") => Some(Self::Pending),
            _ => None,
        }
    }

    const fn value(self) -> &'static str {
        match self {
            Self::Yes => "y",
            Self::Pending => "p",
            Self::No => "n",
        }
    }
}

/// XDM takes no longer reason.
const MAX_REASON: usize = 255;

/// What changed, channel by channel; nothing is said of the others.
#[cold]
pub(in crate::mapping) fn profile(
    event: &Event<'_>,
    _: bool,
    notes: &mut Notes,
    xdm: &mut XdmWriter<'_>,
) {
    let mut choices: [Option<(Choice, Option<Text<'_>>)>; CHANNELS.len()] = Default::default();
    let mut items = event
        .get(Key::Subscriptions)
        .into_iter()
        .flat_map(Value::items)
        .peekable();
    // Not a word of what changed, or in a form nobody knows.
    notes.consent_unknown = items.peek().is_none();
    for item in items {
        if !is_of_org_unit(item, event.params.org_unit.as_deref()) {
            notes.other_org_unit = true;
            continue;
        }
        let word = |key: Key| text_of(Some(item), key).map(|text| plain(&text));
        // A bill by SMS needs no consent to marketing.
        if word(Key::Priority).is_some_and(|word| word.starts_with("TRANS")) {
            continue;
        }
        let channel = word(Key::Channel).and_then(|word| {
            CHANNELS
                .iter()
                .position(|(_, words)| words.contains(&&*word))
        });
        let choice = word(Key::CurrentStatus).and_then(|word| Choice::of(&word));
        let place = channel.and_then(|channel| choices.get_mut(channel));
        let (Some(place), Some(choice)) = (place, choice) else {
            notes.consent_unknown = true;
            continue;
        };
        if place.as_ref().is_none_or(|(other, _)| *other < choice) {
            *place = Some((choice, text_of(Some(item), Key::Reason)));
        }
    }
    xdm.object(name!("consents"), |xdm| {
        xdm.object(name!("marketing"), |xdm| {
            for ((channel, _), choice) in CHANNELS.iter().zip(choices) {
                let Some((choice, reason)) = choice else {
                    continue;
                };
                xdm.object(channel, |xdm| {
                    xdm.label(name!("val"), choice.value());
                    xdm.instant(name!("time"), Some(event.at));
                    let fits = |reason: &Text<'_>| reason.chars().count() <= MAX_REASON;
                    xdm.text(name!("reason"), reason.filter(fits));
                });
            }
        });
    });
}

/// Whether a subscription is one of the organisational unit whose choices the profile shows, by its
/// id or code; one that names none is everybody's.
fn is_of_org_unit(item: Value<'_>, wanted: Option<&str>) -> bool {
    let Some(wanted) = wanted else { return true };
    let mut named = [Key::OuId, Key::OuCode]
        .into_iter()
        .filter_map(|key| id_of(Some(item), key))
        .peekable();
    named.peek().is_none() || named.any(|unit| unit.eq_ignore_ascii_case(wanted))
}

/// `Opt-in` and `OPT_IN` are one word.
fn plain(word: &str) -> String {
    let letters = word.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|letter| letter.to_ascii_uppercase()).collect()
}
