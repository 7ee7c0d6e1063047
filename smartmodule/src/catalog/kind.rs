//! The kinds of event Capillary documents.

use super::lexicon::Lexicon;
use crate::output::padded::Padded48;

/// How a kind is mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// One of the 14 kinds of Adobe's list: field by field, and mapped unless `events` says
    /// otherwise.
    Core,
    /// Keeps facts of the core kinds true (a return takes points back, a merge gives a balance):
    /// field by field, and mapped unless `events` says otherwise.
    Companion,
    /// Rewards, coupons and badges: field by field, and mapped unless `events` says otherwise.
    Reward,
    /// Identity, time, type and what is common to all kinds, when `events` asks for them.
    Generic,
}

/// Numbers the names in the order of [`EventKind::ALL`].
static KINDS: Lexicon<{ NAMES.len() }> = Lexicon::of(NAMES);

macro_rules! kinds {
    ($($variant:ident, $name:literal, $depth:ident;)+) => {
        /// A documented kind of event, named as its `eventName`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs)] // The names say it; apart from capitals they are Capillary's own.
        pub enum EventKind {
            $($variant,)+
        }

        impl EventKind {
            /// Every documented kind, in the order of Capillary's pages.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The `eventName`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// The name as a member's value.
            #[inline(always)]
            pub(crate) fn event_name(self) -> &'static Padded48 {
                static NAMES: [Padded48; NAMES_COUNT] = [$(Padded48::new(concat!($name, "\"").as_bytes()),)+];
                NAMES.get(self as usize).unwrap_or(&NAMES[0])
            }

            /// How it is mapped.
            #[must_use]
            pub const fn depth(self) -> Depth {
                match self {
                    $(Self::$variant => Depth::$depth,)+
                }
            }

            /// The kind whose `eventName` stands in a text from `start` up to `end`, as
            /// [`from_name`](Self::from_name) finds it.
            #[inline(always)]
            pub(crate) fn at(text: &[u8], start: usize, end: usize) -> Option<Self> {
                match KINDS.find_at(text, start, end) {
                    0 => Self::in_any_case(text.get(start..end).unwrap_or_default()),
                    number => Self::numbered(number),
                }
            }

            /// The kind with this `eventName`, in capitals or not; `None` for a name that is not
            /// documented.
            #[must_use]
            pub fn from_name(name: impl AsRef<[u8]>) -> Option<Self> {
                let name = name.as_ref();
                match KINDS.find(name) {
                    0 => Self::in_any_case(name),
                    number => Self::numbered(number),
                }
            }

            #[inline(always)]
            fn numbered(number: u8) -> Option<Self> {
                Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
            }

            /// Capillary's own pages write some names with other capitals.
            #[cold]
            #[inline(never)]
            fn in_any_case(name: &[u8]) -> Option<Self> {
                let is = |known: &&str| known.as_bytes().eq_ignore_ascii_case(name);
                let index = NAMES.iter().position(is)?;
                Self::ALL.get(index).copied()
            }
        }

        const NAMES: &[&str] = &[$($name,)+];
        const NAMES_COUNT: usize = NAMES.len();
    };
}

kinds! {
    CustomerAdded, "customerAdded", Core;
    CustomerUpdated, "customerUpdated", Core;
    TransactionAdded, "transactionAdded", Core;
    TransactionUpdated, "transactionUpdated", Core;
    PointsIssued, "pointsIssued", Core;
    PointsRedeemed, "pointsRedeemed", Core;
    PointsExpired, "pointsExpired", Core;
    PointsExpiryReminder, "pointsExpiryReminder", Core;
    PointsExpiryChange, "pointsExpiryChange", Core;
    TierUpgraded, "tierUpgraded", Core;
    TierRenewed, "tierRenewed", Core;
    TierDowngraded, "tierDowngraded", Core;
    TierDowngradeReminder, "tierDowngradeReminder", Core;
    PromotionEarned, "promotionEarned", Core;
    CustomerSubscription, "customerSubscription", Companion;
    GroupCreated, "groupCreated", Generic;
    GroupUpdated, "groupUpdated", Generic;
    GroupMemberAdded, "groupMemberAdded", Generic;
    GroupMemberRemoved, "groupMemberRemoved", Generic;
    PointsContributionToGroup, "pointsContributionToGroup", Generic;
    LoyaltyCustomerMerge, "loyaltyCustomerMerge", Companion;
    NotInterestedBillAdded, "notInterestedBillAdded", Generic;
    RetroBillAdded, "retroBillAdded", Companion;
    TransactionRejected, "transactionRejected", Generic;
    RejectedTransactionRetrigger, "rejectedTransactionRetrigger", Generic;
    PromisedToCurrentPointsConversion, "promisedToCurrentPointsConversion", Companion;
    PointsTransferredInitiated, "pointsTransferredInitiated", Companion;
    PointsTransferredReceived, "pointsTransferredReceived", Generic;
    RedeemedPointsReversed, "redeemedPointsReversed", Companion;
    IssuedPointsReversed, "issuedPointsReversed", Companion;
    SinglePointsExpiryUpdated, "singlePointsExpiryUpdated", Companion;
    ManualPointsAdjustment, "manualPointsAdjustment", Generic;
    AlternateCurrenciesIssued, "alternateCurrenciesIssued", Generic;
    IssuedAlternateCurrenciesReversed, "issuedAlternateCurrenciesReversed", Generic;
    PromisedToCurrentAlternateCurrencyConversion, "promisedToCurrentAlternateCurrencyConversion", Generic;
    PromotionCreated, "promotionCreated", Generic;
    PromotionUpdated, "promotionUpdated", Generic;
    PromotionIssued, "promotionIssued", Generic;
    RevokeIssuedPromotion, "revokeIssuedPromotion", Generic;
    RevokeEarnedPromotion, "revokeEarnedPromotion", Generic;
    CartPromotionIssued, "cartPromotionIssued", Generic;
    CartPromotionEarned, "cartPromotionEarned", Generic;
    CartPromotionRedeemed, "cartPromotionRedeemed", Generic;
    CartPromotionRevoked, "cartPromotionRevoked", Generic;
    TargetAchievedValueUpdated, "targetAchievedValueUpdated", Generic;
    TargetValueAchieved, "targetValueAchieved", Generic;
    TargetPeriodCompleted, "targetPeriodCompleted", Generic;
    TargetValueUpdated, "targetValueUpdated", Generic;
    TargetCustomerEnrolment, "targetCustomerEnrolment", Generic;
    TargetPeriodStarted, "targetPeriodStarted", Generic;
    UnifiedTargetsAchieved, "unifiedTargetsAchieved", Generic;
    UnifiedTargetsUnAchieved, "unifiedTargetsUnAchieved", Generic;
    StreakLevelAchieved, "streakLevelAchieved", Generic;
    StreakLevelUnAchieved, "streakLevelUnAchieved", Generic;
    StreakCustomerEnrolment, "streakCustomerEnrolment", Generic;
    StreakCustomerUnEnrolment, "streakCustomerUnEnrolment", Generic;
    StreakStart, "streakStart", Generic;
    StreakEnd, "streakEnd", Generic;
    PartnerProgramLinked, "partnerProgramLinked", Generic;
    PartnerProgramUpdated, "partnerProgramUpdated", Generic;
    PartnerProgramDelinked, "partnerProgramDelinked", Generic;
    SupplementaryMembershipExpiryReminder, "supplementaryMembershipExpiryReminder", Generic;
    RewardCreated, "rewardCreated", Generic;
    RewardUpdated, "rewardUpdated", Generic;
    RewardIssued, "rewardIssued", Reward;
    IssueRewardFailure, "issueRewardFailure", Generic;
    RewardExpiryReminder, "rewardExpiryReminder", Generic;
    UpdateRewardTransaction, "updateRewardTransaction", Generic;
    CouponIssue, "CouponIssue", Reward;
    CouponRedeem, "CouponRedeem", Reward;
    BadgeEarned, "badgeEarned", Reward;
    CardUpdated, "cardUpdated", Generic;
    RequestUpdated, "requestUpdated", Companion;
    RequestWorkflowEvent, "requestWorkflowEvent", Generic;
}

impl EventKind {
    /// Whether the kind is mapped when the parameter `events` is not set.
    #[must_use]
    pub const fn is_default(self) -> bool {
        !matches!(self.depth(), Depth::Generic)
    }
}

/// A set of kinds, by their bits: in two words, since the engine has no shift of 128 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kinds([u64; 2]);

impl Kinds {
    #[inline(always)]
    pub(crate) const fn contains(self, kind: EventKind) -> bool {
        let [low, high] = self.0;
        let word = if (kind as u32) < u64::BITS { low } else { high };
        word >> (kind as u32 % u64::BITS) & 1 == 1
    }
}

impl FromIterator<EventKind> for Kinds {
    fn from_iter<I: IntoIterator<Item = EventKind>>(kinds: I) -> Self {
        let all: u128 = kinds
            .into_iter()
            .fold(0, |set, kind| set | 1 << kind as u32);
        Self([all as u64, (all >> u64::BITS) as u64])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_default_to_adobes_list_and_its_companions() {
        let of = |wanted: Depth| {
            let all = EventKind::ALL.iter();
            all.filter(|kind| kind.depth() == wanted).count()
        };
        assert_eq!(of(Depth::Core), 14);
        for kind in EventKind::ALL {
            assert_eq!(kind.is_default(), kind.depth() != Depth::Generic);
        }
    }

    #[test]
    fn kinds_read_back_from_their_names() {
        assert_eq!(EventKind::ALL.len(), 74);
        for kind in EventKind::ALL {
            assert_eq!(EventKind::from_name(kind.name()), Some(*kind));
        }
        assert_eq!(EventKind::from_name("IssueBulkCoupon"), None);
    }

    #[test]
    fn every_name_is_found_in_any_case_and_none_is_anothers() {
        for kind in EventKind::ALL {
            for name in [
                kind.name().to_ascii_lowercase(),
                kind.name().to_ascii_uppercase(),
            ] {
                assert_eq!(EventKind::from_name(&name), Some(*kind));
                // There must be something behind it.
                let text = format!("{name}\"{}", " ".repeat(64));
                assert_eq!(EventKind::at(text.as_bytes(), 0, name.len()), Some(*kind));
            }
            let alike = |other: &&EventKind| other.name().eq_ignore_ascii_case(kind.name());
            assert_eq!(EventKind::ALL.iter().filter(alike).count(), 1, "{kind:?}");
        }
    }
}
