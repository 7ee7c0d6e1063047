//! promotionEarned.

use super::common::number_of;
use crate::catalog::key::Key;
use crate::input::event::{Event, Trim};
use crate::mapping::plan::{self, Plan, PlanSlot, before, call, end, id, object, plan, text};
use crate::mapping::xdm_writer::XdmWriter;
use crate::output::name::{Name, name};
use crate::values::coerce::find;

pub(in crate::mapping) fn standard(event: &Event<'_>, xdm: &mut XdmWriter<'_>) {
    xdm.object(name!("commerce"), |xdm| {
        xdm.id(name!("promotionID"), event.find(Key::PromotionId))
    });
}

static TENANT: Plan = Plan {
    slot: PlanSlot::Tenant,
    steps: &plan([
        object(name!("promotion")),
        id(name!("id"), Key::PromotionId),
        text(name!("name"), Key::PromotionName),
        before(Trim::Activity),
        text(name!("description"), Key::PromotionDescription),
        end(),
        text(name!("startDay"), Key::PromotionStartDate),
        text(name!("endDay"), Key::PromotionEndDate),
        text(name!("earnedDay"), Key::PromotionEarnedDate),
        text(name!("earnedExpiryDay"), Key::PromotionEarnedExpiryDate),
        id(name!("issueId"), Key::IssualId),
        id(name!("earnId"), Key::EarnedId),
        text(name!("offerType"), Key::PointsOfferType),
        text(name!("earnSource"), Key::PromotionEarnSource),
        text(name!("earnCriteria"), Key::EarnCriteria),
        before(Trim::Lists),
        call(|event, xdm| {
            restrictions(event, Key::EarnRestrictions, name!("earnRestrictions"), xdm);
            restrictions(
                event,
                Key::RedemptionRestrictions,
                name!("redemptionRestrictions"),
                xdm,
            );
        }),
        end(),
        end(),
    ]),
};

pub(in crate::mapping) fn tenant(event: &Event<'_>, trim: Trim, xdm: &mut XdmWriter<'_>) {
    plan::write(&TENANT, event, trim, xdm);
}

fn restrictions(event: &Event<'_>, from: Key, to: &Name, xdm: &mut XdmWriter<'_>) {
    let Some(list) = event.get(from) else { return };
    xdm.array(to, |xdm| {
        for item in list.items() {
            let item = Some(item);
            // -1 means no limit: a restriction that restricts nothing.
            let Some(limit) = number_of(item, Key::MaxLimit)
                .and_then(|limit| limit.integer())
                .filter(|limit| *limit >= 0)
            else {
                continue;
            };
            xdm.element(|xdm| {
                xdm.copy(name!("limitOn"), find(item, Key::LimitOn));
                xdm.copy(name!("kpi"), find(item, Key::Kpi));
                xdm.copy(name!("type"), find(item, Key::RestrictionType));
                xdm.integer(name!("maxLimit"), Some(limit));
            });
        }
    });
}
