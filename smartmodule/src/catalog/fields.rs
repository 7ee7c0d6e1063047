//! Every field the mapping can write: for `omit-fields`, for Data Prep mappings and for
//! provisioning a schema.
//!
//! A test holds these tables against what the mapping writes, in both directions.

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

fn paths(standard: Table, own: Table, tenant: Option<&str>) -> Vec<Field> {
    let prefix = tenant.map(|tenant| format!("_{}.capillary.", tenant.trim_start_matches('_')));
    let standard = standard.iter().map(|(path, field_type)| Field {
        path: (*path).to_owned(),
        field_type: *field_type,
    });
    let own = prefix.iter().flat_map(|prefix| {
        own.iter().map(move |(path, field_type)| Field {
            path: format!("{prefix}{path}"),
            field_type: *field_type,
        })
    });
    standard.chain(own).collect()
}

/// Every field an event can have; those under the tenant when one is given.
#[must_use]
pub fn event_paths(tenant: Option<&str>) -> Vec<Field> {
    paths(EVENT, EVENT_TENANT, tenant)
}

/// Every field a profile can have; those under the tenant when one is given.
#[must_use]
pub fn profile_paths(tenant: Option<&str>) -> Vec<Field> {
    paths(PROFILE, PROFILE_TENANT, tenant)
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

/// Whether the mapping writes this field, or something below it. `path` without `[]`.
pub(crate) fn is_known(path: &str, tenant: Option<&str>) -> bool {
    let below = |field: &Field| {
        let known = field.path.replace("[]", "");
        known == path
            || known
                .strip_prefix(path)
                .is_some_and(|rest| rest.starts_with('.'))
    };
    event_paths(tenant)
        .iter()
        .chain(&profile_paths(tenant))
        .any(below)
}
