//! Line items, which only an enriched event has.

use super::bill::{Bill, code_of, currency, is_return};
use crate::catalog::key::Key;
use crate::input::event::Event;
use crate::json::{Number, Value};
use crate::mapping::kinds::common::{id_of, number_of, text_of};
use crate::mapping::xdm_writer::XdmWriter;
use crate::output::name::name;
use crate::values::text::Text;

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

pub(super) fn products(event: &Event<'_>, xdm: &mut XdmWriter<'_>) {
    let mut lines = lines(event).peekable();
    if lines.peek().is_none() {
        return;
    }
    let (bill, currency) = (Bill::read(event), currency(event));
    xdm.array(name!("productListItems"), |xdm| {
        lines.for_each(|line| product(line, bill, currency.as_ref(), xdm));
    });
}

fn product(line: Value<'_>, bill: Bill, currency: Option<&Text<'_>>, xdm: &mut XdmWriter<'_>) {
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
        // `amount` is what was paid for the line, so that the lines add up to the order.
        let amount = number_of(line, Key::Amount)
            .or_else(|| number_of(line, Key::PriceTotal))
            .or_else(|| number_of(line, Key::Value));
        let is_return = amount.is_some_and(|amount| amount.is_negative())
            || match text_of(line, Key::Type) {
                Some(kind) => is_return(&kind),
                None => bill.is_return,
            };
        if is_return {
            xdm.amount(name!("refundAmount"), amount.map(Number::absolute));
        } else {
            xdm.amount(name!("priceTotal"), amount);
        }
        let discount =
            number_of(line, Key::Discount).or_else(|| number_of(line, Key::DiscountAmount));
        xdm.amount(name!("discountAmount"), discount);
        if amount.or(discount).is_some() {
            match text_of(line, Key::CurrencyCode) {
                Some(own) => xdm.text(name!("currencyCode"), code_of(own)),
                None => xdm.shared(name!("currencyCode"), currency),
            }
        }
    });
}

/// Whether a line has no article's number.
pub(super) fn any_without_sku(event: &Event<'_>) -> bool {
    lines(event).any(|line| sku(line).is_none())
}

/// XDM's quantity is an integer; goods by weight keep theirs here.
pub(super) fn fractional_quantities(event: &Event<'_>, xdm: &mut XdmWriter<'_>) {
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
