//! promotionEarned.

use super::common::number;
use crate::event::{Event, Trim};
use crate::keys::Key;
use crate::read::find;
use crate::xdm::{Name, Xdm, name};

pub(super) fn standard(event: &Event<'_>, xdm: &mut Xdm<'_>) {
    xdm.object(name!("commerce"), |xdm| {
        xdm.id(name!("promotionID"), event.find(Key::PromotionId))
    });
}

pub(super) fn tenant(event: &Event<'_>, trim: Trim, xdm: &mut Xdm<'_>) {
    xdm.object(name!("promotion"), |xdm| {
        xdm.id(name!("id"), event.find(Key::PromotionId));
        xdm.copy(name!("name"), event.find(Key::PromotionName));
        if trim < Trim::Activity {
            xdm.copy(name!("description"), event.find(Key::PromotionDescription));
        }
        xdm.copy(name!("startDay"), event.find(Key::PromotionStartDate));
        xdm.copy(name!("endDay"), event.find(Key::PromotionEndDate));
        xdm.copy(name!("earnedDay"), event.find(Key::PromotionEarnedDate));
        xdm.copy(name!("earnedExpiryDay"), event.find(Key::PromotionEarnedExpiryDate));
        xdm.id(name!("issueId"), event.find(Key::IssualId));
        xdm.id(name!("earnId"), event.find(Key::EarnedId));
        xdm.copy(name!("offerType"), event.find(Key::PointsOfferType));
        xdm.copy(name!("earnSource"), event.find(Key::PromotionEarnSource));
        xdm.copy(name!("earnCriteria"), event.find(Key::EarnCriteria));
        if trim < Trim::Lists {
            restrictions(event, Key::EarnRestrictions, name!("earnRestrictions"), xdm);
            restrictions(event, Key::RedemptionRestrictions, name!("redemptionRestrictions"), xdm);
        }
    });
}

fn restrictions(event: &Event<'_>, from: Key, to: &Name, xdm: &mut Xdm<'_>) {
    let Some(list) = event.get(from) else { return };
    xdm.array(to, |xdm| {
        for item in list.items() {
            let item = Some(item);
            // -1 means no limit: a restriction that restricts nothing.
            let Some(limit) = number(item, Key::MaxLimit)
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
