//! Line items, which only an enriched event has.

use super::bill::{Bill, code_of, currency, is_return};
use crate::catalog::key::Key;
use crate::input::event::Event;
use crate::json::{Number, Value};
use crate::mapping::kinds::common::{id_of, number_of, text_of};
use crate::mapping::xdm_writer::XdmWriter;
use crate::output::name::{Name, name};
use crate::values::text::Text;

/// The list of lines, and whether their prices are those before the discount, as those in the shape
/// of Adobe's Capillary source are.
fn list<'a>(event: &Event<'a>) -> Option<(Value<'a>, bool)> {
    let own = event
        .get(Key::LineItemsV2)
        .or_else(|| event.get(Key::LineItems));
    own.map(|lines| (lines, false))
        .or_else(|| event.get(Key::ProductLineItems).map(|lines| (lines, true)))
}

/// What the lines of one bill share.
#[derive(Clone, Copy)]
struct Shared<'s, 'e> {
    bill: Bill,
    currency: Option<&'s Text<'e>>,
    /// Whether the prices of the event are those before the discount.
    is_gross: bool,
    /// Whether those that are written are.
    wants_gross: bool,
}

fn sku<'a>(line: Value<'a>) -> Option<Text<'a>> {
    id_of(Some(line), Key::ItemCode).or_else(|| id_of(Some(line), Key::Sku))
}

fn quantity<'a>(line: Value<'a>) -> Option<Number<'a>> {
    number_of(Some(line), Key::Qty).or_else(|| number_of(Some(line), Key::Quantity))
}

pub(super) fn products(event: &Event<'_>, xdm: &mut XdmWriter<'_>) {
    let Some((lines, is_gross)) = list(event) else {
        return;
    };
    let currency = currency(event);
    let shared = Shared {
        bill: Bill::read(event),
        currency: currency.as_ref(),
        is_gross,
        wants_gross: event.params.lines_before_discount,
    };
    xdm.array(name!("productListItems"), |xdm| {
        lines.items().for_each(|line| product(line, shared, xdm));
    });
}

fn product(line: Value<'_>, shared: Shared<'_, '_>, xdm: &mut XdmWriter<'_>) {
    // Without a SKU Platform refuses the whole record.
    let Some(sku) = sku(line) else { return };
    let line = Some(line);
    xdm.element_that_fits(|xdm| {
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
        let unit = [
            Key::UnitOfMeasureCode,
            Key::UnitOfMeasure,
            Key::Uom,
            Key::Unit,
        ];
        xdm.text(
            name!("unitOfMeasureCode"),
            unit.iter().find_map(|key| text_of(line, *key)),
        );
        // `amount` is what was paid for the line, `value` its price before the discount.
        let amount = number_of(line, Key::Amount)
            .or_else(|| number_of(line, Key::PriceTotal))
            .or_else(|| number_of(line, Key::Value));
        let is_return = amount.is_some_and(|amount| amount.is_negative())
            || match text_of(line, Key::Type) {
                Some(kind) => is_return(&kind),
                None => shared.bill.is_return,
            };
        let discount =
            number_of(line, Key::Discount).or_else(|| number_of(line, Key::DiscountAmount));
        if is_return {
            // What is given back is what was paid.
            let change = shared.is_gross.then_some(Change::Less);
            let paid = amount.map(Number::absolute);
            write_price(name!("refundAmount"), paid, change, discount, xdm);
        } else {
            let (amount, change) = match (shared.is_gross, shared.wants_gross) {
                (true, false) => (amount, Some(Change::Less)),
                (false, true) => match number_of(line, Key::Value) {
                    Some(value) => (Some(value), None),
                    None => (amount, Some(Change::More)),
                },
                _ => (amount, None),
            };
            write_price(name!("priceTotal"), amount, change, discount, xdm);
        }
        xdm.amount(name!("discountAmount"), discount);
        if amount.or(discount).is_some() {
            match text_of(line, Key::CurrencyCode) {
                Some(own) => xdm.text(name!("currencyCode"), code_of(own)),
                None => xdm.shared(name!("currencyCode"), shared.currency),
            }
        }
    });
}

/// Whether a line has no article's number.
pub(super) fn any_without_sku(event: &Event<'_>) -> bool {
    list(event).is_some_and(|(lines, _)| lines.items().any(|line| sku(line).is_none()))
}

/// What a discount does to a price.
enum Change {
    Less,
    More,
}

/// Writes a price, changed by the discount. One that cannot be worked out exactly is left out.
#[inline(always)]
fn write_price(
    name: &Name,
    price: Option<Number<'_>>,
    change: Option<Change>,
    discount: Option<Number<'_>>,
    xdm: &mut XdmWriter<'_>,
) {
    match (price, change, discount) {
        (Some(price), Some(change), Some(discount)) => {
            write_changed(name, price, change, discount.absolute(), xdm);
        }
        _ => xdm.amount(name, price),
    }
}

#[cold]
#[inline(never)]
fn write_changed(
    name: &Name,
    price: Number<'_>,
    change: Change,
    discount: Number<'_>,
    xdm: &mut XdmWriter<'_>,
) {
    let changed = match change {
        Change::Less => price.minus(discount),
        Change::More => price.plus(discount),
    };
    xdm.amount(name, changed.as_deref().and_then(Number::parse));
}

/// XDM's quantity is an integer; goods by weight keep theirs here.
pub(super) fn fractional_quantities(event: &Event<'_>, xdm: &mut XdmWriter<'_>) {
    xdm.array(name!("fractionalQuantities"), |xdm| {
        let lines = list(event).into_iter();
        for line in lines.flat_map(|(lines, _)| lines.items()) {
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
