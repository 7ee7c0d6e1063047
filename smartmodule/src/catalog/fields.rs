//! Every field the mapping can write: for `omit-fields`, for Data Prep mappings and for
//! provisioning a schema.
//!
//! A test holds these tables against what the mapping writes, in both directions.

use super::kind::EventKind;

/// The XDM type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// `string`.
    Text,
    /// `number`.
    Number,
    /// `integer`: 32 bits.
    Integer,
    /// `boolean`.
    Boolean,
    /// `string` with format `date-time`.
    DateTime,
    /// `string` with format `date`.
    Date,
    /// `map` of lists of `{id, primary}`.
    IdentityMap,
}

/// A field: its path from the root of the entity (`[]` marks a list) and its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// For instance `productListItems[].SKU`.
    pub path: String,
    /// Its type.
    pub field_type: FieldType,
    /// The day since which Adobe's registry has it for good, when that is later than 2021: an older
    /// organisation's may lack it.
    pub since: Option<&'static str>,
}

use FieldType::{Boolean, Date, DateTime, IdentityMap, Integer, Number, Text};

type Table = &'static [(&'static str, FieldType)];

const EVENT: Table = &[
    ("_id", Text),
    ("timestamp", DateTime),
    ("eventType", Text),
    ("identityMap", IdentityMap),
    ("commerce.purchases.id", Text),
    ("commerce.purchases.value", Integer),
    ("commerce.order.purchaseID", Text),
    ("commerce.order.priceTotal", Number),
    ("commerce.order.refundTotal", Number),
    ("commerce.order.currencyCode", Text),
    ("commerce.order.discountAmount", Number),
    ("commerce.order.createdDate", DateTime),
    ("commerce.order.lastUpdatedDate", DateTime),
    ("commerce.commerceScope.storeCode", Text),
    ("commerce.promotionID", Text),
    ("productListItems[].SKU", Text),
    ("productListItems[].name", Text),
    ("productListItems[].quantity", Integer),
    ("productListItems[].unitOfMeasureCode", Text),
    ("productListItems[].priceTotal", Number),
    ("productListItems[].refundAmount", Number),
    ("productListItems[].discountAmount", Number),
    ("productListItems[].currencyCode", Text),
    ("loyalty.pointsGained[].value", Number),
    ("loyalty.pointsGained[].loyaltyProgramId", Text),
    ("loyalty.pointsGained[].transactionId", Text),
    ("loyalty.pointsRedemption[].value", Number),
    ("loyalty.pointsRedemption[].loyaltyProgramId", Text),
    ("loyalty.pointsRedemption[].transactionId", Text),
    ("loyalty.couponRedemption[].id", Text),
    ("loyalty.couponRedemption[].series", Text),
    ("loyalty.couponRedemption[].seriesName", Text),
];

const EVENT_TENANT: Table = &[
    ("eventName", Text),
    ("organizationId", Text),
    ("refId", Text),
    ("apiRequestId", Text),
    ("loyaltyEventId", Text),
    ("eventLogId", Text),
    ("enteredAt", DateTime),
    ("loyaltyType", Text),
    ("source", Text),
    ("accountId", Text),
    ("program.id", Text),
    ("program.name", Text),
    ("program.isDefault", Boolean),
    ("store.code", Text),
    ("store.name", Text),
    ("store.externalId", Text),
    ("till.code", Text),
    ("till.name", Text),
    ("activity.name", Text),
    ("activity.identifiers[].key", Text),
    ("activity.identifiers[].value", Text),
    ("customFields[].key", Text),
    ("customFields[].value", Text),
    ("extendedFields[].key", Text),
    ("extendedFields[].value", Text),
    ("customer.status.previous", Text),
    ("customer.status.current", Text),
    ("customer.status.reason", Text),
    ("customer.updatedFields[].name", Text),
    ("customer.updatedFields[].type", Text),
    ("customer.updatedFields[].previousValue", Text),
    ("customer.updatedFields[].currentValue", Text),
    ("transaction.id", Text),
    ("transaction.billType", Text),
    ("transaction.deliveryStatus", Text),
    ("transaction.outlierStatus", Text),
    ("transaction.billClientId", Text),
    ("transaction.lineItemCount", Integer),
    ("transaction.grossAmount", Number),
    ("transaction.fractionalQuantities[].SKU", Text),
    ("transaction.fractionalQuantities[].quantity", Number),
    ("points.issued", Number),
    ("points.regularIssued", Number),
    ("points.redeemed", Number),
    ("points.redeemedValue", Number),
    ("points.expired", Number),
    ("points.expiring", Number),
    ("points.expiryDay", Text),
    ("points.balance", Number),
    ("points.lifetime", Number),
    ("points.availableBalance", Number),
    ("points.reversed", Number),
    ("points.reversedOfBill", Number),
    ("points.restored", Number),
    ("points.restoredExpired", Number),
    ("points.converted", Number),
    ("points.conversionSource", Text),
    ("points.transferred", Number),
    ("points.redemptionSummaryId", Text),
    ("points.redemptionBillNumber", Text),
    ("points.redemptionNotes", Text),
    ("points.isGroupRedemption", Boolean),
    ("points.regular[].points", Number),
    ("points.regular[].expiryDay", Text),
    ("points.promotional[].points", Number),
    ("points.promotional[].promotionId", Text),
    ("points.promotional[].promotionName", Text),
    ("points.promotional[].promotionType", Text),
    ("points.promotional[].expiryDay", Text),
    ("points.promised[].points", Number),
    ("points.promised[].externalTrigger", Boolean),
    ("points.promised[].conversionDay", Text),
    ("points.promised[].promotionId", Text),
    ("points.programs[].programId", Text),
    ("points.programs[].redeemed", Number),
    ("points.programs[].balance", Number),
    ("points.restoredPrograms[].programId", Text),
    ("points.restoredPrograms[].restored", Number),
    ("points.restoredPrograms[].balance", Number),
    ("points.mergedPrograms[].programId", Text),
    ("points.mergedPrograms[].balance", Number),
    ("points.mergedPrograms[].lifetime", Number),
    ("points.mergedPrograms[].promised", Number),
    ("points.mergedPrograms[].tierNumber", Integer),
    ("points.newExpiries[].programId", Text),
    ("points.newExpiries[].points", Number),
    ("points.newExpiries[].type", Text),
    ("points.newExpiries[].previousExpiry", Text),
    ("points.newExpiries[].newExpiry", Text),
    ("points.expiryChanges[].points", Number),
    ("points.expiryChanges[].awardId", Text),
    ("points.expiryChanges[].awardType", Text),
    ("points.expiryChanges[].promotionId", Text),
    ("points.expiryChanges[].previousExpiry", Text),
    ("points.expiryChanges[].newExpiry", Text),
    ("points.expiryChanges[].newExpiryType", Text),
    ("points.expiryChanges[].reason", Text),
    ("points.expiryChanges[].note", Text),
    ("behavioralEvent.name", Text),
    ("behavioralEvent.webhookId", Text),
    ("behavioralEvent.requestId", Text),
    ("tier.number", Integer),
    ("tier.name", Text),
    ("tier.previousNumber", Integer),
    ("tier.previousName", Text),
    ("tier.expiryDay", Text),
    ("tier.expiresAt", DateTime),
    ("tier.neverExpires", Boolean),
    ("tier.downgradeDay", Text),
    ("tier.changeType", Text),
    ("tier.notes", Text),
    ("promotion.id", Text),
    ("promotion.name", Text),
    ("promotion.description", Text),
    ("promotion.startDay", Text),
    ("promotion.endDay", Text),
    ("promotion.earnedDay", Text),
    ("promotion.earnedExpiryDay", Text),
    ("promotion.issueId", Text),
    ("promotion.earnId", Text),
    ("promotion.offerType", Text),
    ("promotion.earnSource", Text),
    ("promotion.earnCriteria", Text),
    ("promotion.earnRestrictions[].limitOn", Text),
    ("promotion.earnRestrictions[].kpi", Text),
    ("promotion.earnRestrictions[].type", Text),
    ("promotion.earnRestrictions[].maxLimit", Integer),
    ("promotion.redemptionRestrictions[].limitOn", Text),
    ("promotion.redemptionRestrictions[].kpi", Text),
    ("promotion.redemptionRestrictions[].type", Text),
    ("promotion.redemptionRestrictions[].maxLimit", Integer),
    ("reward.id", Text),
    ("reward.type", Text),
    ("reward.redemptionType", Text),
    ("reward.label", Text),
    ("reward.group", Text),
    ("reward.tier", Text),
    ("reward.points", Number),
    ("reward.seriesId", Text),
    ("reward.transactionId", Text),
    ("reward.startsAt", DateTime),
    ("reward.endsAt", DateTime),
    ("reward.code", Text),
    ("reward.codeExpiresAt", DateTime),
    ("issueType", Text),
    ("couponSeries.id", Text),
    ("couponSeries.name", Text),
    ("couponSeries.type", Text),
    ("couponSeries.discountType", Text),
    ("couponSeries.discountValue", Number),
    ("couponSeries.validUntil", DateTime),
    ("coupons[].id", Text),
    ("coupons[].code", Text),
    ("coupons[].issuedAt", DateTime),
    ("coupons[].validUntil", DateTime),
    ("couponRedemption.id", Text),
    ("couponRedemption.couponId", Text),
    ("couponRedemption.code", Text),
    ("couponRedemption.redeemedAt", DateTime),
    ("couponRedemption.transactionId", Text),
    ("couponRedemption.billNumber", Text),
    ("badge.id", Text),
    ("badge.earnId", Text),
    ("badge.issueId", Text),
    ("badge.earnedAt", DateTime),
    ("badge.issuedAt", DateTime),
    ("request.type", Text),
    ("request.baseType", Text),
    ("request.trackingId", Text),
    ("request.status", Text),
    ("request.comments", Text),
    ("subscriptions[].channel", Text),
    ("subscriptions[].previousStatus", Text),
    ("subscriptions[].currentStatus", Text),
    ("subscriptions[].priority", Text),
    ("subscriptions[].reason", Text),
    ("subscriptions[].source", Text),
    ("subscriptions[].accountId", Text),
    ("subscriptions[].orgUnitId", Text),
    ("subscriptions[].orgUnitCode", Text),
    ("details[].key", Text),
    ("details[].value", Text),
];

const PROFILE: Table = &[
    ("identityMap", IdentityMap),
    ("testProfile", Boolean),
    ("person.name.firstName", Text),
    ("person.name.lastName", Text),
    ("person.gender", Text),
    ("person.birthDate", Date),
    ("personalEmail.address", Text),
    ("mobilePhone.number", Text),
    ("loyalty.joinDate", DateTime),
    ("loyalty.loyaltyID[]", Text),
    ("loyalty.cardsDetails[].number", Text),
    ("loyalty.status", Text),
    ("loyalty.points", Number),
    ("loyalty.lifetimePoints", Number),
    ("loyalty.promisedPoints", Number),
    ("loyalty.pointsRedeemed", Number),
    ("loyalty.expiredPoints", Number),
    ("loyalty.program", Text),
    ("loyalty.pointsExpiration[].pointsExpiring", Number),
    ("loyalty.pointsExpiration[].pointsExpirationDate", DateTime),
    ("loyalty.tier", Text),
    ("loyalty.nextTier", Text),
    ("loyalty.tierExpiryDate", DateTime),
    ("loyalty.tierUpgradeDate", DateTime),
    ("loyalty.rewards.coupons[].id", Text),
    ("loyalty.rewards.coupons[].state", Text),
    ("loyalty.rewards.coupons[].series", Text),
    ("loyalty.rewards.coupons[].name", Text),
    ("loyalty.rewards.coupons[].discountValue", Number),
    ("loyalty.rewards.coupons[].startDate", DateTime),
    ("loyalty.rewards.coupons[].endDate", DateTime),
    ("loyalty.rewards.badges[].id", Text),
    ("loyalty.rewards.badges[].state", Text),
    ("loyalty.rewards.badges[].startDate", DateTime),
    ("consents.marketing.any.val", Text),
    ("consents.marketing.any.time", DateTime),
    ("consents.marketing.any.reason", Text),
    ("consents.marketing.call.val", Text),
    ("consents.marketing.call.time", DateTime),
    ("consents.marketing.call.reason", Text),
    ("consents.marketing.email.val", Text),
    ("consents.marketing.email.time", DateTime),
    ("consents.marketing.email.reason", Text),
    ("consents.marketing.fax.val", Text),
    ("consents.marketing.fax.time", DateTime),
    ("consents.marketing.fax.reason", Text),
    ("consents.marketing.postalMail.val", Text),
    ("consents.marketing.postalMail.time", DateTime),
    ("consents.marketing.postalMail.reason", Text),
    ("consents.marketing.push.val", Text),
    ("consents.marketing.push.time", DateTime),
    ("consents.marketing.push.reason", Text),
    ("consents.marketing.sms.val", Text),
    ("consents.marketing.sms.time", DateTime),
    ("consents.marketing.sms.reason", Text),
    ("consents.marketing.whatsApp.val", Text),
    ("consents.marketing.whatsApp.time", DateTime),
    ("consents.marketing.whatsApp.reason", Text),
];

const PROFILE_TENANT: Table = &[
    ("loyaltyType", Text),
    ("externalId", Text),
    ("customFields[].key", Text),
    ("customFields[].value", Text),
    ("extendedFields[].key", Text),
    ("extendedFields[].value", Text),
    ("tierNumber", Integer),
    ("tierExpiryDay", Text),
    ("tierNeverExpires", Boolean),
];

/// Fields, with all below them, and since when <https://github.com/adobe/xdm> has them for good
/// (those of loyalty were there for two weeks of October 2025, too).
type Newer = &'static [(&'static str, &'static str)];

/// In the field group Commerce Details; and the whole field group Loyalty Event Details, which was
/// experimental up to 2026-03-30.
const NEWER_IN_EVENTS: Newer = &[
    ("commerce.commerceScope", "2023-06-15"),
    ("commerce.order.discountAmount", "2023-05-15"),
    ("commerce.order.lastUpdatedDate", "2022-10-18"),
    ("commerce.order.refundTotal", "2023-10-11"),
    ("loyalty", "2025-11-14"),
    ("productListItems[].discountAmount", "2022-03-02"),
    ("productListItems[].refundAmount", "2023-03-09"),
];

/// In the field groups Consents and Preferences, and Loyalty Details, which had nine fields in 2021.
const NEWER_IN_PROFILES: Newer = &[
    ("consents.marketing.call", "2022-05-10"),
    ("consents.marketing.fax", "2022-05-10"),
    ("consents.marketing.postalMail", "2022-05-10"),
    ("consents.marketing.whatsApp", "2025-07-29"),
    ("loyalty.adjustedPoints", "2026-01-07"),
    ("loyalty.cardsDetails", "2026-01-07"),
    ("loyalty.challenges", "2026-03-30"),
    ("loyalty.expiredPoints", "2026-01-07"),
    ("loyalty.lifetimePoints", "2026-01-07"),
    ("loyalty.lifetimePurchases", "2026-01-07"),
    ("loyalty.nextTier", "2026-03-30"),
    ("loyalty.pointsToNextTier", "2026-03-30"),
    ("loyalty.promisedPoints", "2026-01-07"),
    ("loyalty.returnedPoints", "2026-01-07"),
    ("loyalty.rewards", "2026-03-30"),
    ("loyalty.tierExpiryDate", "2026-01-07"),
    ("loyalty.tierUpgradeDate", "2026-03-30"),
];

/// Whether a path, without `[]`, is this one or below it.
fn is_at_or_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn paths(standard: Table, newer: Newer, own: Table, tenant: Option<&str>) -> Vec<Field> {
    let since = |path: &str| {
        let found = newer.iter().find(|(above, _)| is_at_or_below(path, above));
        found.map(|(_, day)| *day)
    };
    let prefix = tenant.map(|tenant| format!("_{}.capillary.", tenant.trim_start_matches('_')));
    let standard = standard.iter().map(|(path, field_type)| Field {
        path: (*path).to_owned(),
        field_type: *field_type,
        since: since(path),
    });
    let own = prefix.iter().flat_map(|prefix| {
        own.iter().map(move |(path, field_type)| Field {
            path: format!("{prefix}{path}"),
            field_type: *field_type,
            since: None,
        })
    });
    standard.chain(own).collect()
}

/// Every field an event can have; those under the tenant when one is given.
#[must_use]
pub fn event_paths(tenant: Option<&str>) -> Vec<Field> {
    paths(EVENT, NEWER_IN_EVENTS, EVENT_TENANT, tenant)
}

/// Every field a profile can have; those under the tenant when one is given.
#[must_use]
pub fn profile_paths(tenant: Option<&str>) -> Vec<Field> {
    paths(PROFILE, NEWER_IN_PROFILES, PROFILE_TENANT, tenant)
}

/// Whether a record is refused without this field, or means nothing without it.
pub(crate) fn is_required(path: &str) -> bool {
    [
        "_id",
        "timestamp",
        "identityMap",
        "productListItems.SKU",
        "commerce.purchases.value",
    ]
    .contains(&path)
        || path.starts_with("identityMap.")
        // A consent without its choice is invalid.
        || path.starts_with("consents.marketing.") && path.ends_with(".val")
}

/// Whether one of these fields is at this path, or below it. `path` without `[]`.
pub(crate) fn is_known(path: &str, fields: &[Field]) -> bool {
    fields
        .iter()
        .any(|field| is_at_or_below(&field.path.replace("[]", ""), path))
}

/// What is lost without a tenant namespace: fields below `_{tenant}.capillary` that a kind has
/// besides those of all kinds.
pub(crate) const fn own_fields(kind: EventKind) -> &'static [&'static str] {
    use EventKind as K;
    match kind {
        K::CustomerAdded | K::CustomerUpdated => &["customer"],
        K::TransactionAdded | K::TransactionUpdated | K::RetroBillAdded => &["transaction"],
        K::PointsIssued
        | K::PointsRedeemed
        | K::PointsExpired
        | K::PointsExpiryReminder
        | K::PointsExpiryChange => &["points"],
        K::IssuedPointsReversed
        | K::RedeemedPointsReversed
        | K::PromisedToCurrentPointsConversion
        | K::PointsTransferredInitiated
        | K::SinglePointsExpiryUpdated
        | K::LoyaltyCustomerMerge => &["points", "details"],
        K::TierUpgraded | K::TierRenewed | K::TierDowngraded | K::TierDowngradeReminder => {
            &["tier"]
        }
        K::PromotionEarned => &["promotion"],
        K::RewardIssued => &["reward"],
        K::CouponIssue => &["coupons"],
        K::CouponRedeem => &["couponRedemption"],
        K::BadgeEarned => &["badge"],
        K::RequestUpdated => &["request"],
        K::CustomerSubscription => &["subscriptions"],
        _ => &["details"],
    }
}
