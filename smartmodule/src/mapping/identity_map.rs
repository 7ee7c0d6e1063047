//! The identityMap of a record.

use crate::input::customer::Customer;
use crate::mapping::xdm_writer::XdmWriter;
use crate::output::name::name;
use crate::output::padded::Padded48;
use crate::params::model::Params;

/// Writes the identityMap: the primary identity, and the others unless `only_primary`.
pub(super) fn write_identity_map(
    customer: &Customer<'_>,
    xdm: &mut XdmWriter<'_>,
    params: &Params,
    org: Option<&str>,
    only_primary: bool,
) {
    let count = if only_primary {
        1
    } else {
        params.identities.len()
    };
    let identities = params.identities.iter().take(count).enumerate();
    let Some(open) = xdm.open_inline(name!("identityMap")) else {
        return;
    };
    for (index, (identifier, namespace)) in identities {
        let Some(value) = customer.value(*identifier, params, org) else {
            continue;
        };
        if xdm.omits_nothing() {
            xdm.put_padded(namespace.before());
            xdm.escaped(&value);
            xdm.put48(if index == 0 { PRIMARY } else { NOT_PRIMARY });
            continue;
        }
        xdm.array_given(namespace.code(), |xdm| {
            xdm.element(|xdm| {
                xdm.text(name!("id"), Some(value));
                xdm.boolean(name!("primary"), Some(index == 0));
            });
        });
    }
    xdm.close_inline(open, *b"{}");
}

/// The JSON after the value of an identity.
const PRIMARY: &Padded48 = &Padded48::new(b"\",\"primary\":true}]");
const NOT_PRIMARY: &Padded48 = &Padded48::new(b"\",\"primary\":false}]");
