//! What the mapping's short words mean, for people. A test holds them against `docs/mapping.md`.

/// Reasons why an event is skipped: nothing is sent, and its offset counts as done.
pub(super) const SKIPS: [(&str, &str); 5] = [
    ("unknown_kind", "the event name is not documented"),
    ("unwanted_kind", "`events` does not list it"),
    ("other_organization", "`organizations` does not list it"),
    ("no_identity", "it is about no customer"),
    (
        "no_primary_identity",
        "its customer has no (valid) primary identity",
    ),
];

/// Notes of a mapped answer.
pub(super) const NOTES: [(&str, &str); 11] = [
    (
        "program_unknown",
        "which loyalty program it belongs to is not known, so there is an event only; see \
        `program-id`",
    ),
    (
        "other_program",
        "it belongs to a program the profile does not speak of, so there is an event only; see \
        `program-id`",
    ),
    (
        "of_a_group",
        "the balance or tier is a group's, so there is an event only",
    ),
    (
        "tier_name_unknown",
        "the tier's number stands for its name; see `tiers`",
    ),
    (
        "bill_type_missing",
        "the bill does not say what it is and counts as a purchase; see `missing-bill-type`",
    ),
    (
        "bill_type_unknown",
        "the bill's type is not documented, so it is an order and no purchase",
    ),
    (
        "line_without_sku",
        "a line without an article's number was left out, since XDM requires one",
    ),
    (
        "value_unreadable",
        "an amount, a balance or a day stands there in a form that is not known, and was left out",
    ),
    (
        "consent_unknown",
        "a channel or status of a subscription is not known, so the profile does not state it",
    ),
    (
        "other_org_unit",
        "a subscription is of another organisational unit than `org-unit`, so the profile does \
        not state it",
    ),
    (
        "trimmed",
        "optional parts were left out, since Profile drops what is too large silently",
    ),
];

/// The meaning of a word; the word itself when it is a new one.
pub(super) fn meaning<'w>(words: &[(&str, &'w str)], word: &'w str) -> &'w str {
    words
        .iter()
        .find(|(known, _)| *known == word)
        .map_or(word, |(_, meaning)| meaning)
}
