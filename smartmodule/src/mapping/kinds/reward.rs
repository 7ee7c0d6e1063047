//! rewardIssued, CouponIssue, CouponRedeem, badgeEarned.

use super::common::{id_of, instant_at, number_of, text_of};
use crate::catalog::key::Key;
use crate::catalog::kind::EventKind;
use crate::input::event::{Event, Trim};
use crate::json::Value;
use crate::mapping::notes::Notes;
use crate::mapping::plan::{
    self, Plan, PlanSlot, before, call, end, id, instant, number, numbered, object, plan, text,
    within,
};
use crate::mapping::xdm_writer::XdmWriter;
use crate::output::name::name;
use crate::values::coerce::{self, find, member};
use crate::values::text::Text;
use crate::values::time::instant_of;

/// Loyalty Event Details of a redeemed coupon.
#[cold]
pub(in crate::mapping) fn standard(event: &Event<'_>, xdm: &mut XdmWriter<'_>) {
    let coupon = event.get(Key::Coupon);
    let series = member(coupon, Key::SeriesInfo);
    xdm.object(name!("loyalty"), |xdm| {
        xdm.array(name!("couponRedemption"), |xdm| {
            xdm.element(|xdm| {
                xdm.text(name!("id"), coupon_id(coupon));
                xdm.id(name!("series"), find(series, Key::Id));
                xdm.copy(name!("seriesName"), find(series, Key::Description));
            });
        });
    });
}

/// What the customer has been given last, or has used: an upsert puts the list in the place of the
/// former one.
#[cold]
pub(in crate::mapping) fn profile(
    event: &Event<'_>,
    _: bool,
    _: &mut Notes,
    xdm: &mut XdmWriter<'_>,
) {
    xdm.object(name!("loyalty"), |xdm| {
        xdm.object(name!("rewards"), |xdm| match event.kind {
            EventKind::BadgeEarned => xdm.array(name!("badges"), |xdm| badge(event, xdm)),
            _ => xdm.array(name!("coupons"), |xdm| match event.kind {
                EventKind::CouponIssue => issued(event, xdm),
                EventKind::CouponRedeem => redeemed(event, xdm),
                _ => voucher(event, xdm),
            }),
        });
    });
}

fn badge(event: &Event<'_>, xdm: &mut XdmWriter<'_>) {
    let Some(id) = event.find(Key::BadgeId).and_then(coerce::id) else {
        return;
    };
    let at = event
        .find(Key::EarnedOn)
        .or_else(|| event.find(Key::IssuedOn));
    xdm.element(|xdm| {
        xdm.text(name!("id"), Some(id));
        xdm.label(name!("state"), "active");
        xdm.instant(name!("startDate"), at.and_then(instant_of));
    });
}

/// What the coupons of a series have in common: worth money only where the discount is an amount.
fn of_series(series: Option<Value<'_>>, xdm: &mut XdmWriter<'_>) {
    xdm.text(name!("series"), id_of(series, Key::Id));
    xdm.copy(name!("name"), find(series, Key::Description));
    let is_amount =
        text_of(series, Key::DiscountType).is_some_and(|kind| kind.eq_ignore_ascii_case("ABS"));
    let value = number_of(series, Key::DiscountValue).filter(|_| is_amount);
    xdm.amount(name!("discountValue"), value);
}

/// The code a customer shows, by which an issue and its redemption are known to be one coupon's.
fn coupon_id<'a>(coupon: Option<Value<'a>>) -> Option<Text<'a>> {
    id_of(coupon, Key::Code).or_else(|| id_of(coupon, Key::Id))
}

fn issued(event: &Event<'_>, xdm: &mut XdmWriter<'_>) {
    let series = event.get(Key::SeriesInfo);
    let shared = event.get(Key::CustomerIdentifiers).is_some();
    let coupons = event.get(Key::Coupons).into_iter().flat_map(Value::items);
    let own = coupons
        .map(Some)
        .filter(|coupon| shared || member(*coupon, Key::CustomerIdentifiers).is_some());
    for coupon in own.take(MAX_COUPONS) {
        let Some(id) = coupon_id(coupon) else {
            continue;
        };
        xdm.element(|xdm| {
            xdm.text(name!("id"), Some(id));
            xdm.label(name!("state"), "active");
            of_series(series, xdm);
            xdm.instant(name!("startDate"), instant_at(coupon, Key::CouponIssuedOn));
            let until = instant_at(coupon, Key::ValidTill);
            xdm.instant(
                name!("endDate"),
                until.or_else(|| instant_at(series, Key::ValidTill)),
            );
        });
    }
}

fn redeemed(event: &Event<'_>, xdm: &mut XdmWriter<'_>) {
    let coupon = event.get(Key::Coupon);
    let Some(id) = coupon_id(coupon) else { return };
    xdm.element(|xdm| {
        xdm.text(name!("id"), Some(id));
        xdm.label(name!("state"), "redeemed");
        of_series(member(coupon, Key::SeriesInfo), xdm);
    });
}

/// The voucher of a reward; a reward without one is no coupon.
fn voucher(event: &Event<'_>, xdm: &mut XdmWriter<'_>) {
    let Some(id) = voucher_code(event) else {
        return;
    };
    let own = event.get(Key::IntouchRewardDetails);
    let until = event.find(Key::EndDate).and_then(instant_of);
    xdm.element(|xdm| {
        xdm.text(name!("id"), Some(id));
        xdm.label(name!("state"), "active");
        xdm.id(name!("series"), event.find(Key::IntouchSeriesId));
        xdm.copy(name!("name"), event.find(Key::Label));
        xdm.instant(
            name!("startDate"),
            event.find(Key::StartDate).and_then(instant_of),
        );
        xdm.instant(name!("endDate"), instant_at(own, Key::CodeExpiry).or(until));
    });
}

/// A profile has a limit.
const MAX_COUPONS: usize = 50;

pub(in crate::mapping) fn tenant(event: &Event<'_>, trim: Trim, xdm: &mut XdmWriter<'_>) {
    let plan = match event.kind {
        EventKind::RewardIssued => &REWARD,
        EventKind::CouponIssue => &COUPON_ISSUE,
        EventKind::CouponRedeem => &COUPON_REDEMPTION,
        EventKind::BadgeEarned => &BADGE,
        _ => return,
    };
    plan::write(plan, event, trim, xdm);
}

static REWARD: Plan = Plan {
    slot: PlanSlot::Tenant,
    steps: &plan([
        object(name!("reward")),
        id(name!("id"), Key::RewardId),
        text(name!("type"), Key::Type),
        text(name!("redemptionType"), Key::RedemptionType),
        text(name!("label"), Key::Label),
        text(name!("group"), Key::Group),
        text(name!("tier"), Key::Tier),
        number(name!("points"), Key::IntouchPoints),
        id(name!("seriesId"), Key::IntouchSeriesId),
        numbered(name!("transactionId"), Key::TransactionId),
        instant(name!("startsAt"), Key::StartDate),
        instant(name!("endsAt"), Key::EndDate),
        call(code),
        within(Key::IntouchRewardDetails),
        instant(name!("codeExpiresAt"), Key::CodeExpiry),
        end(),
        end(),
    ]),
};

fn code(event: &Event<'_>, xdm: &mut XdmWriter<'_>) {
    xdm.text(name!("code"), voucher_code(event));
}

/// The voucher: Capillary's own, else the vendor's.
fn voucher_code<'a>(event: &Event<'a>) -> Option<Text<'a>> {
    let (own, vendor) = (
        event.get(Key::IntouchRewardDetails),
        event.get(Key::VendorRewardDetails),
    );
    id_of(own, Key::IntouchCouponCode).or_else(|| id_of(vendor, Key::VendorVoucher))
}

static COUPON_ISSUE: Plan = Plan {
    slot: PlanSlot::Tenant,
    steps: &plan([
        within(Key::SeriesInfo),
        object(name!("couponSeries")),
        id(name!("id"), Key::Id),
        text(name!("name"), Key::Description),
        text(name!("type"), Key::SeriesType),
        text(name!("discountType"), Key::DiscountType),
        number(name!("discountValue"), Key::DiscountValue),
        instant(name!("validUntil"), Key::ValidTill),
        end(),
        end(),
        text(name!("issueType"), Key::IssualType),
        before(Trim::Lists),
        call(coupons),
        end(),
    ]),
};

/// The coupons of the event's customer. A coupon that names nobody is not known to be theirs.
fn coupons(event: &Event<'_>, xdm: &mut XdmWriter<'_>) {
    let shared = event.get(Key::CustomerIdentifiers).is_some();
    xdm.array(name!("coupons"), |xdm| {
        for coupon in event.get(Key::Coupons).into_iter().flat_map(Value::items) {
            let coupon = Some(coupon);
            if shared || member(coupon, Key::CustomerIdentifiers).is_some() {
                xdm.element(|xdm| {
                    xdm.id(name!("id"), find(coupon, Key::Id));
                    xdm.id(name!("code"), find(coupon, Key::Code));
                    xdm.instant(name!("issuedAt"), instant_at(coupon, Key::CouponIssuedOn));
                    xdm.instant(name!("validUntil"), instant_at(coupon, Key::ValidTill));
                });
            }
        }
    });
}

static COUPON_REDEMPTION: Plan = Plan {
    slot: PlanSlot::Tenant,
    steps: &plan([
        within(Key::Coupon),
        within(Key::SeriesInfo),
        object(name!("couponSeries")),
        id(name!("id"), Key::Id),
        text(name!("name"), Key::Description),
        text(name!("type"), Key::SeriesType),
        text(name!("discountType"), Key::DiscountType),
        number(name!("discountValue"), Key::DiscountValue),
        instant(name!("validUntil"), Key::ValidTill),
        end(),
        end(),
        end(),
        object(name!("couponRedemption")),
        within(Key::Coupon),
        id(name!("id"), Key::RedemptionId),
        id(name!("couponId"), Key::Id),
        id(name!("code"), Key::Code),
        instant(name!("redeemedAt"), Key::RedemptionDate),
        end(),
        within(Key::Transaction),
        numbered(name!("transactionId"), Key::BillId),
        id(name!("billNumber"), Key::Number),
        end(),
        end(),
    ]),
};

static BADGE: Plan = Plan {
    slot: PlanSlot::Tenant,
    steps: &plan([
        object(name!("badge")),
        id(name!("id"), Key::BadgeId),
        id(name!("earnId"), Key::EarnId),
        id(name!("issueId"), Key::IssualId),
        instant(name!("earnedAt"), Key::EarnedOn),
        instant(name!("issuedAt"), Key::IssuedOn),
        end(),
    ]),
};
