//! transactionAdded, transactionUpdated.

use super::common::{id, number, text};
use crate::event::{Event, Trim};
use crate::json::{Number, Value};
use crate::keys::Key;
use crate::kind::EventKind;
use crate::read::{self, find, member};
use crate::text::Text;
use crate::time::epoch;
use crate::xdm::{Xdm, name};

/// What a bill counts as.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bill {
    pub(super) is_return: bool,
    /// Whether it is a purchase that counts as revenue: once, so never for an update.
    pub(super) counts: bool,
}

impl Bill {
    pub(super) fn read(event: &Event<'_>) -> Self {
        let is = |key: Key, words: &[&str]| {
            event
                .text(key)
                .is_some_and(|text| words.iter().any(|word| word.eq_ignore_ascii_case(&text)))
        };
        let sold = is(Key::BillType, &["REGULAR", "MIXED"]);
        // INTERNAL, FRAUD, TEST, DELETED, FAILED … bills are no revenue; an OUTLIER is merely unusual.
        let sound = event.get(Key::OutlierStatus).is_none() || is(Key::OutlierStatus, &["NORMAL", "OUTLIER"]);
        Self {
            is_return: is(Key::BillType, &["RETURN"]),
            counts: event.kind == EventKind::TransactionAdded && sold && sound,
        }
    }
}

pub(super) fn standard(event: &Event<'_>, trim: Trim, xdm: &mut Xdm<'_>) {
    let bill = Bill::read(event);
    xdm.object(name!("commerce"), |xdm| {
        if bill.counts {
            xdm.object(name!("purchases"), |xdm| xdm.integer(name!("value"), Some(1)));
        }
        xdm.object(name!("order"), |xdm| order(event, bill, xdm));
        let store = member(event.get(Key::EnteredBy), Key::Store);
        xdm.object(name!("commerceScope"), |xdm| {
            xdm.copy(name!("storeCode"), find(store, Key::Code))
        });
    });
    if trim < Trim::Lines {
        xdm.array(name!("productListItems"), |xdm| {
            lines(event).for_each(|line| product(line, bill, xdm))
        });
    }
}

fn order(event: &Event<'_>, bill: Bill, xdm: &mut Xdm<'_>) {
    xdm.text(
        name!("purchaseID"),
        event.get(Key::TransactionId).and_then(read::numbered),
    );
    xdm.id(name!("purchaseOrderNumber"), event.find(Key::BillNumber));
    let amount = event.number(Key::Amount);
    if bill.is_return {
        // The sign of a return's amount is not documented.
        xdm.amount(name!("refundTotal"), amount.map(Number::absolute));
    } else {
        xdm.amount(name!("priceTotal"), amount);
    }
    let currency = event
        .text(Key::CurrencyCode)
        .filter(|code| code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()));
    xdm.text(name!("currencyCode"), currency);
    xdm.number(name!("discountAmount"), event.find(Key::Discount));
    // A bill's date may lie in the future by the gap between two zones; the order was there when we heard of it.
    let date = event.get(Key::BillDate).and_then(|value| epoch(value).ok());
    xdm.instant(name!("createdDate"), date.map(|date| date.min(event.at)));
}

/// Line items, which only an enriched event has.
fn lines<'a>(event: &Event<'a>) -> impl Iterator<Item = Value<'a>> {
    let lines = event.get(Key::LineItemsV2).or_else(|| event.get(Key::LineItems));
    lines.into_iter().flat_map(Value::items)
}

fn sku<'a>(line: Value<'a>) -> Option<Text<'a>> {
    id(Some(line), Key::ItemCode).or_else(|| id(Some(line), Key::Sku))
}

fn quantity<'a>(line: Value<'a>) -> Option<Number<'a>> {
    number(Some(line), Key::Qty).or_else(|| number(Some(line), Key::Quantity))
}

fn product(line: Value<'_>, bill: Bill, xdm: &mut Xdm<'_>) {
    // Without a SKU Platform refuses the whole record.
    let Some(sku) = sku(line) else { return };
    let line = Some(line);
    xdm.element(|xdm| {
        xdm.text(name!("SKU"), Some(sku));
        xdm.text(
            name!("name"),
            text(line, Key::Description).or_else(|| text(line, Key::Name)),
        );
        xdm.integer(
            name!("quantity"),
            line.and_then(quantity).and_then(|quantity| quantity.integer()),
        );
        // `amount` is what was paid for the line, so that the lines add up to the order.
        let amount = number(line, Key::Amount)
            .or_else(|| number(line, Key::PriceTotal))
            .or_else(|| number(line, Key::Value));
        let is_return = match text(line, Key::Type) {
            Some(kind) => kind.eq_ignore_ascii_case("RETURN"),
            None => bill.is_return,
        };
        if is_return {
            xdm.amount(name!("refundAmount"), amount.map(Number::absolute));
        } else {
            xdm.amount(name!("priceTotal"), amount);
        }
        xdm.amount(
            name!("discountAmount"),
            number(line, Key::Discount).or_else(|| number(line, Key::DiscountAmount)),
        );
    });
}

pub(super) fn tenant(event: &Event<'_>, trim: Trim, xdm: &mut Xdm<'_>) {
    xdm.object(name!("transaction"), |xdm| {
        xdm.text(name!("billType"), event.text(Key::BillType).map(Text::upper));
        xdm.copy(name!("deliveryStatus"), event.find(Key::DeliveryStatus));
        xdm.copy(name!("outlierStatus"), event.find(Key::OutlierStatus));
        xdm.id(name!("billClientId"), event.find(Key::BillClientId));
        xdm.integer(
            name!("lineItemCount"),
            event.number(Key::LineItemCount).and_then(|number| number.integer()),
        );
        // 0 means "not supplied".
        xdm.amount(
            name!("grossAmount"),
            event.number(Key::GrossAmount).filter(|gross| gross.value() != 0.0),
        );
        if trim >= Trim::Lists {
            return;
        }
        // XDM's quantity is an integer; goods by weight keep theirs here.
        xdm.array(name!("fractionalQuantities"), |xdm| {
            for line in lines(event) {
                let fraction = quantity(line).filter(|quantity| quantity.integer().is_none());
                if let (Some(sku), Some(quantity)) = (sku(line), fraction) {
                    xdm.element(|xdm| {
                        xdm.text(name!("SKU"), Some(sku));
                        xdm.amount(name!("quantity"), Some(quantity));
                    });
                }
            }
        });
    });
}
