//! rewardIssued, CouponIssue, CouponRedeem, badgeEarned.

use super::common::{id_of, instant_at};
use crate::catalog::key::Key;
use crate::catalog::kind::EventKind;
use crate::input::event::{Event, Trim};
use crate::json::Value;
use crate::mapping::plan::{
    self, Plan, PlanSlot, before, call, end, id, instant, number, numbered, object, plan, text,
    within,
};
use crate::mapping::xdm_writer::XdmWriter;
use crate::output::name::name;
use crate::values::coerce::{find, member};

/// Loyalty Event Details of a redeemed coupon.
#[cold]
pub(in crate::mapping) fn standard(event: &Event<'_>, xdm: &mut XdmWriter<'_>) {
    let coupon = event.get(Key::Coupon);
    let series = member(coupon, Key::SeriesInfo);
    xdm.object(name!("loyalty"), |xdm| {
        xdm.array(name!("couponRedemption"), |xdm| {
            xdm.element(|xdm| {
                xdm.text(
                    name!("id"),
                    id_of(coupon, Key::Code).or_else(|| id_of(coupon, Key::Id)),
                );
                xdm.id(name!("series"), find(series, Key::Id));
                xdm.copy(name!("seriesName"), find(series, Key::Description));
            });
        });
    });
}

pub(in crate::mapping) fn tenant(event: &Event<'_>, trim: Trim, xdm: &mut XdmWriter<'_>) {
    let plan = match event.kind {
        EventKind::RewardIssued => &REWARD,
        EventKind::CouponIssue => &COUPON_ISSUE,
        EventKind::CouponRedeem => &COUPON_REDEMPTION,
        _ => &BADGE,
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

/// The voucher: Capillary's own, else the vendor's.
fn code(event: &Event<'_>, xdm: &mut XdmWriter<'_>) {
    let (own, vendor) = (
        event.get(Key::IntouchRewardDetails),
        event.get(Key::VendorRewardDetails),
    );
    xdm.text(
        name!("code"),
        id_of(own, Key::IntouchCouponCode).or_else(|| id_of(vendor, Key::VendorVoucher)),
    );
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
