//! transactionAdded, transactionUpdated.

use std::borrow::Cow;

use super::common::{id, number, text};
use crate::event::{Event, Trim};
use crate::json::{Number, Value};
use crate::kind::EventKind;
use crate::read;
use crate::time::epoch;
use crate::xdm::Xdm;

/// What a bill counts as.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bill {
    pub(super) is_return: bool,
    /// Whether it is a purchase that counts as revenue: once, so never for an update.
    pub(super) counts: bool,
}

impl Bill {
    pub(super) fn read(event: &Event<'_>) -> Self {
        let is = |key: &str, words: &[&str]| {
            event
                .text(key)
                .is_some_and(|text| words.iter().any(|word| word.eq_ignore_ascii_case(&text)))
        };
        let sold = is("billType", &["REGULAR", "MIXED"]);
        // INTERNAL, FRAUD, TEST, DELETED, FAILED … bills are no revenue; an OUTLIER is merely unusual.
        let sound = event.get("outlierStatus").is_none() || is("outlierStatus", &["NORMAL", "OUTLIER"]);
        Self {
            is_return: is("billType", &["RETURN"]),
            counts: event.kind == EventKind::TransactionAdded && sold && sound,
        }
    }
}

pub(super) fn standard(event: &Event<'_>, trim: Trim, xdm: &mut Xdm<'_>) {
    let bill = Bill::read(event);
    xdm.object("commerce", |xdm| {
        if bill.counts {
            xdm.object("purchases", |xdm| xdm.integer("value", Some(1)));
        }
        xdm.object("order", |xdm| order(event, bill, xdm));
        let store = read::member(event.get("enteredBy"), "store");
        xdm.object("commerceScope", |xdm| xdm.text("storeCode", text(store, "code")));
    });
    if trim < Trim::Lines {
        xdm.array("productListItems", |xdm| {
            lines(event).for_each(|line| product(line, bill, xdm))
        });
    }
}

fn order(event: &Event<'_>, bill: Bill, xdm: &mut Xdm<'_>) {
    xdm.text("purchaseID", event.get("transactionId").and_then(read::numbered));
    xdm.text("purchaseOrderNumber", event.id("billNumber"));
    let amount = event.number("amount");
    if bill.is_return {
        // The sign of a return's amount is not documented.
        xdm.number("refundTotal", amount.map(Number::absolute));
    } else {
        xdm.number("priceTotal", amount);
    }
    let currency = event
        .text("currencyCode")
        .filter(|code| code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()));
    xdm.text("currencyCode", currency);
    xdm.number("discountAmount", event.number("discount"));
    // A bill's date may lie in the future by the gap between two zones; the order was there when we heard of it.
    let date = event.get("billDate").and_then(|value| epoch(value).ok());
    xdm.instant("createdDate", date.map(|date| date.min(event.at)));
}

/// Line items, which only an enriched event has.
fn lines<'a>(event: &Event<'a>) -> impl Iterator<Item = Value<'a>> {
    let lines = event.get("lineItemsV2").or_else(|| event.get("lineItems"));
    lines.into_iter().flat_map(Value::items)
}

fn sku<'a>(line: Value<'a>) -> Option<Cow<'a, str>> {
    id(Some(line), "itemCode").or_else(|| id(Some(line), "SKU"))
}

fn quantity<'a>(line: Value<'a>) -> Option<Number<'a>> {
    number(Some(line), "qty").or_else(|| number(Some(line), "quantity"))
}

fn product(line: Value<'_>, bill: Bill, xdm: &mut Xdm<'_>) {
    // Without a SKU Platform refuses the whole record.
    let Some(sku) = sku(line) else { return };
    let line = Some(line);
    xdm.element(|xdm| {
        xdm.text("SKU", Some(sku));
        xdm.text("name", text(line, "description").or_else(|| text(line, "name")));
        xdm.integer(
            "quantity",
            line.and_then(quantity).and_then(|quantity| quantity.integer()),
        );
        // `amount` is what was paid for the line, so that the lines add up to the order.
        let amount = number(line, "amount")
            .or_else(|| number(line, "priceTotal"))
            .or_else(|| number(line, "value"));
        let is_return = match text(line, "type") {
            Some(kind) => kind.eq_ignore_ascii_case("RETURN"),
            None => bill.is_return,
        };
        if is_return {
            xdm.number("refundAmount", amount.map(Number::absolute));
        } else {
            xdm.number("priceTotal", amount);
        }
        xdm.number(
            "discountAmount",
            number(line, "discount").or_else(|| number(line, "discountAmount")),
        );
    });
}

pub(super) fn tenant(event: &Event<'_>, trim: Trim, xdm: &mut Xdm<'_>) {
    xdm.object("transaction", |xdm| {
        xdm.text(
            "billType",
            event.text("billType").map(|kind| Cow::Owned(kind.to_ascii_uppercase())),
        );
        xdm.text("deliveryStatus", event.text("deliveryStatus"));
        xdm.text("outlierStatus", event.text("outlierStatus"));
        xdm.text("billClientId", event.id("billClientId"));
        xdm.integer(
            "lineItemCount",
            event.number("lineItemCount").and_then(|number| number.integer()),
        );
        // 0 means "not supplied".
        xdm.number(
            "grossAmount",
            event.number("grossAmount").filter(|gross| gross.value() != 0.0),
        );
        if trim >= Trim::Lists {
            return;
        }
        // XDM's quantity is an integer; goods by weight keep theirs here.
        xdm.array("fractionalQuantities", |xdm| {
            for line in lines(event) {
                let fraction = quantity(line).filter(|quantity| quantity.integer().is_none());
                if let (Some(sku), Some(quantity)) = (sku(line), fraction) {
                    xdm.element(|xdm| {
                        xdm.text("SKU", Some(sku));
                        xdm.number("quantity", Some(quantity));
                    });
                }
            }
        });
    });
}
