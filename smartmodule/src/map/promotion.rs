//! promotionEarned.

use super::common::number;
use crate::event::{Event, Trim};
use crate::keys::Key;
use crate::read::member;
use crate::xdm::{Name, Xdm, name};

pub(super) fn standard(event: &Event<'_>, xdm: &mut Xdm<'_>) {
    xdm.object(name!("commerce"), |xdm| {
        xdm.id(name!("promotionID"), event.get(Key::PromotionId))
    });
}

pub(super) fn tenant(event: &Event<'_>, trim: Trim, xdm: &mut Xdm<'_>) {
    xdm.object(name!("promotion"), |xdm| {
        xdm.id(name!("id"), event.get(Key::PromotionId));
        xdm.copy(name!("name"), event.get(Key::PromotionName));
        if trim < Trim::Activity {
            xdm.copy(name!("description"), event.get(Key::PromotionDescription));
        }
        xdm.copy(name!("startDay"), event.get(Key::PromotionStartDate));
        xdm.copy(name!("endDay"), event.get(Key::PromotionEndDate));
        xdm.copy(name!("earnedDay"), event.get(Key::PromotionEarnedDate));
        xdm.copy(name!("earnedExpiryDay"), event.get(Key::PromotionEarnedExpiryDate));
        xdm.id(name!("issueId"), event.get(Key::IssualId));
        xdm.id(name!("earnId"), event.get(Key::EarnedId));
        xdm.copy(name!("offerType"), event.get(Key::PointsOfferType));
        xdm.copy(name!("earnSource"), event.get(Key::PromotionEarnSource));
        xdm.copy(name!("earnCriteria"), event.get(Key::EarnCriteria));
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
                xdm.copy(name!("limitOn"), member(item, Key::LimitOn));
                xdm.copy(name!("kpi"), member(item, Key::Kpi));
                xdm.copy(name!("type"), member(item, Key::RestrictionType));
                xdm.integer(name!("maxLimit"), Some(limit));
            });
        }
    });
}
