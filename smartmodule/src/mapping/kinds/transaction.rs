//! transactionAdded, transactionUpdated.

use super::common::{id_of, number_of, text_of};
use crate::catalog::key::Key;
use crate::catalog::kind::EventKind;
use crate::input::event::{Event, Trim};
use crate::json::{Number, Value};
use crate::mapping::plan::{
    self, Plan, PlanSlot, before, call, end, id, integer, number, numbered, object, plan, text,
    upper, within,
};
use crate::mapping::xdm_writer::XdmWriter;
use crate::output::name::name;
use crate::values::text::Text;
use crate::values::time::epoch;

/// What a bill counts as.
#[derive(Debug, Clone, Copy)]
pub(in crate::mapping) struct Bill {
    pub(in crate::mapping) is_return: bool,
    /// Whether it is a purchase that counts as revenue: once, so never for an update.
    pub(in crate::mapping) counts: bool,
}

impl Bill {
    pub(in crate::mapping) fn read(event: &Event<'_>) -> Self {
        let is = |key: Key, words: &[&str]| {
            event
                .text(key)
                .is_some_and(|text| words.iter().any(|word| word.eq_ignore_ascii_case(&text)))
        };
        let sold = is(Key::BillType, &["REGULAR", "MIXED"]);
        // INTERNAL, FRAUD, TEST, DELETED, FAILED … bills are no revenue; an OUTLIER is merely
        // unusual.
        let sound = event.get(Key::OutlierStatus).is_none()
            || is(Key::OutlierStatus, &["NORMAL", "OUTLIER"]);
        Self {
            is_return: is(Key::BillType, &["RETURN"]),
            counts: event.kind == EventKind::TransactionAdded && sold && sound,
        }
    }
}

static STANDARD: Plan = Plan {
    slot: PlanSlot::Standard,
    steps: &plan([
        object(name!("commerce")),
        call(|event, xdm| {
            if Bill::read(event).counts {
                xdm.object(name!("purchases"), |xdm| {
                    xdm.integer(name!("value"), Some(1))
                });
            }
        }),
        object(name!("order")),
        numbered(name!("purchaseID"), Key::TransactionId),
        id(name!("purchaseOrderNumber"), Key::BillNumber),
        call(total),
        number(name!("discountAmount"), Key::Discount),
        call(created_date),
        end(),
        within(Key::EnteredBy),
        within(Key::Store),
        object(name!("commerceScope")),
        text(name!("storeCode"), Key::Code),
        end(),
        end(),
        end(),
        end(),
        before(Trim::Lines),
        call(|event, xdm| {
            let bill = Bill::read(event);
            xdm.array(name!("productListItems"), |xdm| {
                lines(event).for_each(|line| product(line, bill, xdm))
            });
        }),
        end(),
    ]),
};

pub(in crate::mapping) fn standard(event: &Event<'_>, trim: Trim, xdm: &mut XdmWriter<'_>) {
    plan::write(&STANDARD, event, trim, xdm);
}

fn total(event: &Event<'_>, xdm: &mut XdmWriter<'_>) {
    let amount = event.number(Key::Amount);
    if Bill::read(event).is_return {
        // The sign of a return's amount is not documented.
        xdm.amount(name!("refundTotal"), amount.map(Number::absolute));
    } else {
        xdm.amount(name!("priceTotal"), amount);
    }
    let currency = event
        .text(Key::CurrencyCode)
        .filter(|code| code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()));
    xdm.text(name!("currencyCode"), currency);
}

/// A bill's date may lie in the future by the gap between two zones; the order was there when we
/// heard of it.
fn created_date(event: &Event<'_>, xdm: &mut XdmWriter<'_>) {
    let date = event.get(Key::BillDate).and_then(|value| epoch(value).ok());
    xdm.instant(name!("createdDate"), date.map(|date| date.min(event.at)));
}

/// Line items, which only an enriched event has.
fn lines<'a>(event: &Event<'a>) -> impl Iterator<Item = Value<'a>> {
    let lines = event
        .get(Key::LineItemsV2)
        .or_else(|| event.get(Key::LineItems));
    lines.into_iter().flat_map(Value::items)
}

fn sku<'a>(line: Value<'a>) -> Option<Text<'a>> {
    id_of(Some(line), Key::ItemCode).or_else(|| id_of(Some(line), Key::Sku))
}

fn quantity<'a>(line: Value<'a>) -> Option<Number<'a>> {
    number_of(Some(line), Key::Qty).or_else(|| number_of(Some(line), Key::Quantity))
}

fn product(line: Value<'_>, bill: Bill, xdm: &mut XdmWriter<'_>) {
    // Without a SKU Platform refuses the whole record.
    let Some(sku) = sku(line) else { return };
    let line = Some(line);
    xdm.element(|xdm| {
        xdm.text(name!("SKU"), Some(sku));
        xdm.text(
            name!("name"),
            text_of(line, Key::Description).or_else(|| text_of(line, Key::Name)),
        );
        xdm.integer(
            name!("quantity"),
            line.and_then(quantity)
                .and_then(|quantity| quantity.integer()),
        );
        // `amount` is what was paid for the line, so that the lines add up to the order.
        let amount = number_of(line, Key::Amount)
            .or_else(|| number_of(line, Key::PriceTotal))
            .or_else(|| number_of(line, Key::Value));
        let is_return = match text_of(line, Key::Type) {
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
            number_of(line, Key::Discount).or_else(|| number_of(line, Key::DiscountAmount)),
        );
    });
}

static TENANT: Plan = Plan {
    slot: PlanSlot::Tenant,
    steps: &plan([
        object(name!("transaction")),
        upper(name!("billType"), Key::BillType),
        text(name!("deliveryStatus"), Key::DeliveryStatus),
        text(name!("outlierStatus"), Key::OutlierStatus),
        id(name!("billClientId"), Key::BillClientId),
        integer(name!("lineItemCount"), Key::LineItemCount),
        call(|event, xdm| {
            // 0 means "not supplied".
            let gross = event
                .number(Key::GrossAmount)
                .filter(|gross| !gross.is_zero());
            xdm.amount(name!("grossAmount"), gross);
        }),
        before(Trim::Lists),
        call(fractional_quantities),
        end(),
        end(),
    ]),
};

pub(in crate::mapping) fn tenant(event: &Event<'_>, trim: Trim, xdm: &mut XdmWriter<'_>) {
    plan::write(&TENANT, event, trim, xdm);
}

/// XDM's quantity is an integer; goods by weight keep theirs here.
fn fractional_quantities(event: &Event<'_>, xdm: &mut XdmWriter<'_>) {
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
}
