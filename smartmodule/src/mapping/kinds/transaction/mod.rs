//! transactionAdded, transactionUpdated, and retroBillAdded: a bill that is known to be a member's
//! only afterwards.

mod bill;
mod lines;

pub(in crate::mapping) use bill::Bill;

use crate::catalog::key::Key;
use crate::catalog::kind::EventKind;
use crate::input::event::{Event, Trim};
use crate::input::nobody::is_nobodys;
use crate::input::source_shape::member;
use crate::json::Number;
use crate::mapping::notes::Notes;
use crate::mapping::plan::{
    self, Plan, PlanSlot, before, call, end, id, integer, number, numbered, object, plan, text,
    upper, within,
};
use crate::mapping::xdm_writer::XdmWriter;
use crate::output::name::name;
use crate::values::coerce;
use crate::values::time::{epoch, instant_of};

/// Longer bill numbers are no word for "none".
const LONGEST_WORD: usize = 13;

static STANDARD: Plan = Plan {
    slot: PlanSlot::Standard,
    steps: &plan([
        object(name!("commerce")),
        call(purchases),
        object(name!("order")),
        call(purchase_id),
        call(total),
        number(name!("discountAmount"), Key::Discount),
        call(dates),
        end(),
        within(Key::EnteredBy),
        within(Key::Store),
        object(name!("commerceScope")),
        text(name!("storeCode"), Key::Code),
        end(),
        end(),
        end(),
        end(),
        // Last, since the lines are cut off where the event is full.
        call(lines::products),
    ]),
};

pub(in crate::mapping) fn standard(event: &Event<'_>, trim: Trim, xdm: &mut XdmWriter<'_>) {
    plan::write(&STANDARD, event, trim, xdm);
}

/// What about a bill is worth counting.
pub(in crate::mapping) fn note(event: &Event<'_>, notes: &mut Notes) {
    let bill = Bill::read(event);
    notes.bill_type_missing = bill.is_assumed;
    notes.bill_type_unknown = bill.is_unknown;
    notes.value_unreadable = event.is_unreadable(Key::Amount);
    notes.line_without_sku = lines::any_without_sku(event);
}

/// As [`standard`], of a record in the shape of Adobe's Capillary source.
pub(in crate::mapping) fn source_shaped(event: &Event<'_>, xdm: &mut XdmWriter<'_>) {
    xdm.object(name!("commerce"), |xdm| {
        purchases(event, xdm);
        xdm.object(name!("order"), |xdm| {
            let of_order = |name: &str| bill::of_order(event, name);
            xdm.text(
                name!("purchaseID"),
                of_order("purchaseID").and_then(coerce::id),
            );
            total(event, xdm);
            let discount = of_order("discountAmount").and_then(coerce::number);
            xdm.amount(name!("discountAmount"), discount);
        });
        xdm.object(name!("commerceScope"), |xdm| {
            let scope = member(event.envelope.of_source_shape("commerce"), "commerceScope");
            let code = member(scope, "storeCode").and_then(coerce::text);
            xdm.text(name!("storeCode"), code);
        });
    });
    lines::products(event, xdm);
}

/// That the bill is a purchase, where it counts as one.
fn purchases(event: &Event<'_>, xdm: &mut XdmWriter<'_>) {
    if Bill::read(event).counts {
        xdm.object(name!("purchases"), |xdm| {
            let id = event.find(Key::TransactionId).and_then(coerce::numbered);
            xdm.text(name!("id"), id);
            xdm.integer(name!("value"), Some(1));
        });
    }
}

/// The seller's number of the purchase; a purchaser has none.
fn purchase_id(event: &Event<'_>, xdm: &mut XdmWriter<'_>) {
    let bill = event.find(Key::BillNumber).and_then(coerce::id);
    // Of bills without a number all would be one.
    let bill = bill.filter(|bill| bill.len() > LONGEST_WORD || !is_nobodys(bill));
    let number = || event.find(Key::TransactionId).and_then(coerce::numbered);
    xdm.text(name!("purchaseID"), bill.or_else(number));
}

fn total(event: &Event<'_>, xdm: &mut XdmWriter<'_>) {
    let amount = bill::amount(event);
    if Bill::read(event).is_return {
        // The sign of a return's amount is not documented.
        xdm.amount(name!("refundTotal"), amount.map(Number::absolute));
    } else {
        xdm.amount(name!("priceTotal"), amount);
    }
    xdm.text(name!("currencyCode"), bill::currency(event));
}

/// A bill's date may lie in the future by the gap between two zones; the order was there when we
/// heard of it.
fn dates(event: &Event<'_>, xdm: &mut XdmWriter<'_>) {
    let date = event
        .get(Key::BillDate)
        .and_then(|value| epoch(value).ok().or_else(|| instant_of(value)));
    xdm.instant(name!("createdDate"), date.map(|date| date.min(event.at)));
    // By it an update is known among the orders, whose total must not be added once more.
    if event.kind == EventKind::TransactionUpdated {
        xdm.instant(name!("lastUpdatedDate"), Some(event.at));
    }
}

static TENANT: Plan = Plan {
    slot: PlanSlot::Tenant,
    steps: &plan([
        object(name!("transaction")),
        numbered(name!("id"), Key::TransactionId),
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
        call(lines::fractional_quantities),
        end(),
        end(),
    ]),
};

pub(in crate::mapping) fn tenant(event: &Event<'_>, trim: Trim, xdm: &mut XdmWriter<'_>) {
    plan::write(&TENANT, event, trim, xdm);
}
