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
    /// A channel or status of a subscription is not known.
    pub(crate) consent_unknown: bool,
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
            (self.consent_unknown, "consent_unknown"),
            (self.trimmed, "trimmed"),
        ]
        .into_iter()
        .filter_map(|(set, name)| set.then_some(name))
    }
}
