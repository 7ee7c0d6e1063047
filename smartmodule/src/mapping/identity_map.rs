//! The identityMap of a record.

use crate::input::customer::Customer;
use crate::mapping::xdm_writer::Xdm;
use crate::output::name::name;
use crate::output::padded::Word;
use crate::params::model::Params;

/// Writes the identityMap: the primary identity, and the others unless `only_primary`.
pub(super) fn write_identity_map(
    customer: &Customer<'_>,
    xdm: &mut Xdm<'_>,
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
    let Some(open) = xdm.open_here(name!("identityMap")) else {
        return;
    };
    for (index, (identifier, namespace)) in identities {
        let Some(value) = customer.value(*identifier, params, org) else {
            continue;
        };
        if xdm.omits_nothing() {
            xdm.ready_made(namespace.before());
            xdm.escaped(&value);
            xdm.known(if index == 0 { PRIMARY } else { NOT_PRIMARY });
            continue;
        }
        xdm.array_given(namespace.code(), |xdm| {
            xdm.element(|xdm| {
                xdm.text(name!("id"), Some(value));
                xdm.boolean(name!("primary"), Some(index == 0));
            });
        });
    }
    xdm.close_here(open, *b"{}");
}

/// What stands behind the value of an identity.
const PRIMARY: &Word = &Word::new(b"\",\"primary\":true}]");
const NOT_PRIMARY: &Word = &Word::new(b"\",\"primary\":false}]");
