//! promotionEarned.

use super::common::{number, text};
use crate::event::{Event, Trim};
use crate::json::Value;
use crate::xdm::Xdm;

pub(super) fn standard(event: &Event<'_>, xdm: &mut Xdm<'_>) {
    xdm.object("commerce", |xdm| xdm.text("promotionID", event.id("promotionId")));
}

pub(super) fn tenant(event: &Event<'_>, trim: Trim, xdm: &mut Xdm<'_>) {
    xdm.object("promotion", |xdm| {
        xdm.text("id", event.id("promotionId"));
        xdm.text("name", event.text("promotionName"));
        if trim < Trim::Activity {
            xdm.text("description", event.text("promotionDescription"));
        }
        xdm.text("startDay", event.text("promotionStartDate"));
        xdm.text("endDay", event.text("promotionEndDate"));
        xdm.text("earnedDay", event.text("promotionEarnedDate"));
        xdm.text("earnedExpiryDay", event.text("promotionEarnedExpiryDate"));
        xdm.text("issueId", event.id("issualId"));
        xdm.text("earnId", event.id("earnedId"));
        xdm.text("offerType", event.text("pointsOfferType"));
        xdm.text("earnSource", event.text("promotionEarnSource"));
        xdm.text("earnCriteria", event.text("earnCriteria"));
        if trim < Trim::Lists {
            restrictions(event, "earnRestrictions", xdm);
            restrictions(event, "redemptionRestrictions", xdm);
        }
    });
}

fn restrictions(event: &Event<'_>, key: &str, xdm: &mut Xdm<'_>) {
    xdm.array(key, |xdm| {
        for item in event.get(key).into_iter().flat_map(Value::items) {
            let item = Some(item);
            // -1 means no limit: a restriction that restricts nothing.
            let Some(limit) = number(item, "maxLimit")
                .and_then(|limit| limit.integer())
                .filter(|limit| *limit >= 0)
            else {
                continue;
            };
            xdm.element(|xdm| {
                xdm.text("limitOn", text(item, "limitOn"));
                xdm.text("kpi", text(item, "kpi"));
                xdm.text("type", text(item, "restrictionType"));
                xdm.integer("maxLimit", Some(limit));
            });
        }
    });
}
