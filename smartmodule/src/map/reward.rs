//! rewardIssued, CouponIssue, CouponRedeem, badgeEarned.

use super::common::{id, instant, number, text};
use crate::event::{Event, Trim};
use crate::json::Value;
use crate::kind::EventKind;
use crate::read;
use crate::xdm::Xdm;

/// Loyalty Event Details of a redeemed coupon.
pub(super) fn standard(event: &Event<'_>, xdm: &mut Xdm<'_>) {
    let coupon = event.get("coupon");
    let series = read::member(coupon, "series_info");
    xdm.object("loyalty", |xdm| {
        xdm.array("couponRedemption", |xdm| {
            xdm.element(|xdm| {
                xdm.text("id", id(coupon, "code").or_else(|| id(coupon, "id")));
                xdm.text("series", id(series, "id"));
                xdm.text("seriesName", text(series, "description"));
            });
        });
    });
}

pub(super) fn tenant(event: &Event<'_>, trim: Trim, xdm: &mut Xdm<'_>) {
    match event.kind {
        EventKind::RewardIssued => reward(event, xdm),
        EventKind::CouponIssue => {
            series(event.get("series_info"), xdm);
            xdm.text("issueType", event.text("issualType"));
            if trim < Trim::Lists {
                coupons(event, xdm);
            }
        }
        EventKind::CouponRedeem => redemption(event, xdm),
        _ => badge(event, xdm),
    }
}

fn reward(event: &Event<'_>, xdm: &mut Xdm<'_>) {
    let data = Some(event.data);
    xdm.object("reward", |xdm| {
        xdm.text("id", event.id("rewardId"));
        xdm.text("type", event.text("type"));
        xdm.text("redemptionType", event.text("redemptionType"));
        xdm.text("label", event.text("label"));
        xdm.text("group", event.text("group"));
        xdm.text("tier", event.text("tier"));
        xdm.number("points", event.number("intouchPoints"));
        xdm.text("seriesId", event.id("intouchSeriesId"));
        xdm.text("transactionId", event.get("transactionId").and_then(read::numbered));
        xdm.instant("startsAt", instant(data, "startDate"));
        xdm.instant("endsAt", instant(data, "endDate"));
        let (own, vendor) = (event.get("intouchRewardDetails"), event.get("vendorRewardDetails"));
        xdm.text(
            "code",
            id(own, "intouchCouponCode").or_else(|| id(vendor, "vendorVoucher")),
        );
        xdm.instant("codeExpiresAt", instant(own, "codeExpiry"));
    });
}

fn series(series: Option<Value<'_>>, xdm: &mut Xdm<'_>) {
    xdm.object("couponSeries", |xdm| {
        xdm.text("id", id(series, "id"));
        xdm.text("name", text(series, "description"));
        xdm.text("type", text(series, "seriesType"));
        xdm.text("discountType", text(series, "discount_type"));
        xdm.number("discountValue", number(series, "discount_value"));
        xdm.instant("validUntil", instant(series, "valid_till"));
    });
}

/// The coupons of the event's customer. A coupon that names nobody is not known to be theirs.
fn coupons(event: &Event<'_>, xdm: &mut Xdm<'_>) {
    let shared = event.get("customerIdentifiers").is_some();
    xdm.array("coupons", |xdm| {
        for coupon in event.get("coupons").into_iter().flat_map(Value::items) {
            let coupon = Some(coupon);
            if shared || read::member(coupon, "customerIdentifiers").is_some() {
                xdm.element(|xdm| {
                    xdm.text("id", id(coupon, "id"));
                    xdm.text("code", id(coupon, "code"));
                    xdm.instant("issuedAt", instant(coupon, "issued_on"));
                    xdm.instant("validUntil", instant(coupon, "valid_till"));
                });
            }
        }
    });
}

fn redemption(event: &Event<'_>, xdm: &mut Xdm<'_>) {
    let (coupon, bill) = (event.get("coupon"), event.get("transaction"));
    series(read::member(coupon, "series_info"), xdm);
    xdm.object("couponRedemption", |xdm| {
        xdm.text("id", id(coupon, "redemptionId"));
        xdm.text("couponId", id(coupon, "id"));
        xdm.text("code", id(coupon, "code"));
        xdm.instant("redeemedAt", instant(coupon, "redemptionDate"));
        xdm.text("transactionId", read::member(bill, "bill_id").and_then(read::numbered));
        xdm.text("billNumber", id(bill, "number"));
    });
}

fn badge(event: &Event<'_>, xdm: &mut Xdm<'_>) {
    let data = Some(event.data);
    xdm.object("badge", |xdm| {
        xdm.text("id", event.id("badgeId"));
        xdm.text("earnId", event.id("earnId"));
        xdm.text("issueId", event.id("issualId"));
        xdm.instant("earnedAt", instant(data, "earnedOn"));
        xdm.instant("issuedAt", instant(data, "issuedOn"));
    });
}
