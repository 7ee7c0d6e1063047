//! rewardIssued, CouponIssue, CouponRedeem, badgeEarned.

use super::common::{id, instant};
use crate::event::{Event, Trim};
use crate::json::Value;
use crate::keys::Key;
use crate::kind::EventKind;
use crate::read::{self, find, member};
use crate::xdm::{Xdm, name};

/// Loyalty Event Details of a redeemed coupon.
#[cold]
pub(super) fn standard(event: &Event<'_>, xdm: &mut Xdm<'_>) {
    let coupon = event.get(Key::Coupon);
    let series = member(coupon, Key::SeriesInfo);
    xdm.object(name!("loyalty"), |xdm| {
        xdm.array(name!("couponRedemption"), |xdm| {
            xdm.element(|xdm| {
                xdm.text(name!("id"), id(coupon, Key::Code).or_else(|| id(coupon, Key::Id)));
                xdm.id(name!("series"), find(series, Key::Id));
                xdm.copy(name!("seriesName"), find(series, Key::Description));
            });
        });
    });
}

// Asked for by few.
#[cold]
pub(super) fn tenant(event: &Event<'_>, trim: Trim, xdm: &mut Xdm<'_>) {
    match event.kind {
        EventKind::RewardIssued => reward(event, xdm),
        EventKind::CouponIssue => {
            series(event.get(Key::SeriesInfo), xdm);
            xdm.copy(name!("issueType"), event.find(Key::IssualType));
            if trim < Trim::Lists {
                coupons(event, xdm);
            }
        }
        EventKind::CouponRedeem => redemption(event, xdm),
        _ => badge(event, xdm),
    }
}

fn reward(event: &Event<'_>, xdm: &mut Xdm<'_>) {
    let data = Some(event.data.object());
    xdm.object(name!("reward"), |xdm| {
        xdm.id(name!("id"), event.find(Key::RewardId));
        xdm.copy(name!("type"), event.find(Key::Type));
        xdm.copy(name!("redemptionType"), event.find(Key::RedemptionType));
        xdm.copy(name!("label"), event.find(Key::Label));
        xdm.copy(name!("group"), event.find(Key::Group));
        xdm.copy(name!("tier"), event.find(Key::Tier));
        xdm.number(name!("points"), event.find(Key::IntouchPoints));
        xdm.id(name!("seriesId"), event.find(Key::IntouchSeriesId));
        xdm.text(
            name!("transactionId"),
            event.get(Key::TransactionId).and_then(read::numbered),
        );
        xdm.instant(name!("startsAt"), instant(data, Key::StartDate));
        xdm.instant(name!("endsAt"), instant(data, Key::EndDate));
        let (own, vendor) = (
            event.get(Key::IntouchRewardDetails),
            event.get(Key::VendorRewardDetails),
        );
        xdm.text(
            name!("code"),
            id(own, Key::IntouchCouponCode).or_else(|| id(vendor, Key::VendorVoucher)),
        );
        xdm.instant(name!("codeExpiresAt"), instant(own, Key::CodeExpiry));
    });
}

fn series(series: Option<Value<'_>>, xdm: &mut Xdm<'_>) {
    xdm.object(name!("couponSeries"), |xdm| {
        xdm.id(name!("id"), find(series, Key::Id));
        xdm.copy(name!("name"), find(series, Key::Description));
        xdm.copy(name!("type"), find(series, Key::SeriesType));
        xdm.copy(name!("discountType"), find(series, Key::DiscountType));
        xdm.number(name!("discountValue"), find(series, Key::DiscountValue));
        xdm.instant(name!("validUntil"), instant(series, Key::ValidTill));
    });
}

/// The coupons of the event's customer. A coupon that names nobody is not known to be theirs.
fn coupons(event: &Event<'_>, xdm: &mut Xdm<'_>) {
    let shared = event.get(Key::CustomerIdentifiers).is_some();
    xdm.array(name!("coupons"), |xdm| {
        for coupon in event.get(Key::Coupons).into_iter().flat_map(Value::items) {
            let coupon = Some(coupon);
            if shared || member(coupon, Key::CustomerIdentifiers).is_some() {
                xdm.element(|xdm| {
                    xdm.id(name!("id"), find(coupon, Key::Id));
                    xdm.id(name!("code"), find(coupon, Key::Code));
                    xdm.instant(name!("issuedAt"), instant(coupon, Key::CouponIssuedOn));
                    xdm.instant(name!("validUntil"), instant(coupon, Key::ValidTill));
                });
            }
        }
    });
}

fn redemption(event: &Event<'_>, xdm: &mut Xdm<'_>) {
    let (coupon, bill) = (event.get(Key::Coupon), event.get(Key::Transaction));
    series(member(coupon, Key::SeriesInfo), xdm);
    xdm.object(name!("couponRedemption"), |xdm| {
        xdm.id(name!("id"), find(coupon, Key::RedemptionId));
        xdm.id(name!("couponId"), find(coupon, Key::Id));
        xdm.id(name!("code"), find(coupon, Key::Code));
        xdm.instant(name!("redeemedAt"), instant(coupon, Key::RedemptionDate));
        xdm.text(
            name!("transactionId"),
            member(bill, Key::BillId).and_then(read::numbered),
        );
        xdm.id(name!("billNumber"), find(bill, Key::Number));
    });
}

fn badge(event: &Event<'_>, xdm: &mut Xdm<'_>) {
    let data = Some(event.data.object());
    xdm.object(name!("badge"), |xdm| {
        xdm.id(name!("id"), event.find(Key::BadgeId));
        xdm.id(name!("earnId"), event.find(Key::EarnId));
        xdm.id(name!("issueId"), event.find(Key::IssualId));
        xdm.instant(name!("earnedAt"), instant(data, Key::EarnedOn));
        xdm.instant(name!("issuedAt"), instant(data, Key::IssuedOn));
    });
}
