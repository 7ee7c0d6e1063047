//! What a bill counts as, and in which currency.

use crate::catalog::key::Key;
use crate::catalog::kind::EventKind;
use crate::input::event::Event;
use crate::input::source_shape::member;
use crate::json::{Number, Value};
use crate::values::coerce;
use crate::values::text::Text;

/// What a bill counts as.
#[derive(Debug, Clone, Copy)]
pub(in crate::mapping) struct Bill {
    /// A return, or a total below 0.
    pub(in crate::mapping) is_return: bool,
    /// Whether it is a purchase that counts as revenue: once, so never for an update.
    pub(in crate::mapping) counts: bool,
    /// Whether it counts although it does not say what it is.
    pub(in crate::mapping) is_assumed: bool,
    /// Whether its type is not documented, and no word for a return.
    pub(in crate::mapping) is_unknown: bool,
}

/// Bills that shoppers who are no members leave are no purchases of a customer.
const OTHERS: &[&str] = &["NOT_INTERESTED"];

impl Bill {
    pub(in crate::mapping) fn read(event: &Event<'_>) -> Self {
        let kind = event.text(Key::BillType);
        let is = |words: &[&str]| {
            kind.as_ref()
                .is_some_and(|kind| words.iter().any(|word| word.eq_ignore_ascii_case(kind)))
        };
        let is_below = amount(event).is_some_and(|amount| amount.is_negative());
        let is_untyped = kind.is_none() && event.params.untyped_is_purchase;
        let is_regular = is(&["REGULAR", "MIXED"]);
        let is_purchase = !is_below && (is_untyped || is_regular);
        let is_returned = kind.as_deref().is_some_and(is_return);
        // INTERNAL, FRAUD, TEST, DELETED, FAILED … bills are no revenue; an OUTLIER is merely
        // unusual.
        let is_sound = || {
            event.get(Key::OutlierStatus).is_none()
                || event.text(Key::OutlierStatus).is_some_and(|status| {
                    status.eq_ignore_ascii_case("NORMAL") || status.eq_ignore_ascii_case("OUTLIER")
                })
        };
        let counts = event.kind != EventKind::TransactionUpdated && is_purchase && is_sound();
        Self {
            is_return: is_below || is_returned,
            counts,
            is_assumed: counts && kind.is_none(),
            is_unknown: !is_regular && !is_returned && kind.is_some() && !is(OTHERS),
        }
    }
}

/// The total of the bill, after all discounts.
pub(super) fn amount<'e>(event: &Event<'e>) -> Option<Number<'e>> {
    let of_order = || of_order(event, "priceTotal").and_then(coerce::number);
    event.number(Key::Amount).or_else(of_order)
}

/// A member of the order, in the shape of Adobe's Capillary source.
pub(super) fn of_order<'e>(event: &Event<'e>, name: &str) -> Option<Value<'e>> {
    let order = member(event.envelope.of_source_shape("commerce"), "order");
    member(order, name)
}

/// Whether a type of bill or line is a return: RETURN, NOT_INTERESTED_RETURN, also in other words.
pub(super) fn is_return(kind: &str) -> bool {
    ["RETURN", "RETURNED", "REFUND", "REFUNDED"]
        .iter()
        .any(|word| {
            let start = kind.len().saturating_sub(word.len());
            kind.get(start..)
                .is_some_and(|end| end.eq_ignore_ascii_case(word))
        })
}

/// The currency of the bill; that of the organisation where the bill leaves it open.
pub(super) fn currency<'e>(event: &Event<'e>) -> Option<Text<'e>> {
    let of_order = || of_order(event, "currencyCode").and_then(coerce::text);
    match event.text(Key::CurrencyCode).or_else(of_order) {
        Some(code) => code_of(code),
        None => own_currency(event),
    }
}

#[inline(never)]
fn own_currency<'e>(event: &Event<'e>) -> Option<Text<'e>> {
    let own = event.params.currency.as_deref()?;
    amount(event).map(|_: Number<'_>| Text::Plain(own))
}

/// A code in upper case, when it is one.
pub(super) fn code_of(code: Text<'_>) -> Option<Text<'_>> {
    let is_code = code.len() == 3 && code.bytes().all(|b| b.is_ascii_alphabetic());
    is_code.then(|| code.upper())
}
