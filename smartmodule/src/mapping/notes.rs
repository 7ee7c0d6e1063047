//! What is counted about mapped records.

/// Things about a mapped record that are worth counting.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Notes {
    /// The event could state profile facts, but of which program is not known.
    pub(crate) program_unknown: bool,
    /// It belongs to a program the profile does not speak of.
    pub(crate) other_program: bool,
    /// The balance or tier is that of a group, not of the customer.
    pub(crate) of_a_group: bool,
    /// The tier's number stands where its name should.
    pub(crate) tier_name_unknown: bool,
    /// A bill that does not say what it is counts as a purchase.
    pub(crate) bill_type_missing: bool,
    /// A bill of a type that is not documented: its total is an order's, it is no purchase.
    pub(crate) bill_type_unknown: bool,
    /// A line without an article's number, which XDM requires, was left out.
    pub(crate) line_without_sku: bool,
    /// An amount, a balance or a day is there, and in no form that is known.
    pub(crate) value_unreadable: bool,
    /// A channel or status of a subscription is not known.
    pub(crate) consent_unknown: bool,
    /// A subscription is of an organisational unit the profile does not speak of.
    pub(crate) other_org_unit: bool,
    /// Optional parts were left out to stay under the size limit.
    pub(crate) trimmed: bool,
}

impl Notes {
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        [
            (self.program_unknown, "program_unknown"),
            (self.other_program, "other_program"),
            (self.of_a_group, "of_a_group"),
            (self.tier_name_unknown, "tier_name_unknown"),
            (self.bill_type_missing, "bill_type_missing"),
            (self.bill_type_unknown, "bill_type_unknown"),
            (self.line_without_sku, "line_without_sku"),
            (self.value_unreadable, "value_unreadable"),
            (self.consent_unknown, "consent_unknown"),
            (self.other_org_unit, "other_org_unit"),
            (self.trimmed, "trimmed"),
        ]
        .into_iter()
        .filter_map(|(set, name)| set.then_some(name))
    }
}
