//! The SmartModule that answers: finding it, and asking for it as the stock connectors do.

use fluvio::metadata::objects::Metadata;
use fluvio::metadata::smartmodule::{SmartModulePackageKey, SmartModuleSpec};
use fluvio::{
    SmartModuleExtraParams, SmartModuleInvocation, SmartModuleInvocationWasm, SmartModuleKind,
};

use crate::config::Transform;

use crate::broker::error::BrokerError;

/// Checks that exactly one loaded SmartModule fits `uses`, and gives the version of its package, if
/// it has one.
///
/// The broker takes the first that fits, in no particular order: with two versions loaded, a name
/// without a version would run one of them today and the other tomorrow.
pub(crate) fn find(
    uses: &str,
    loaded: &[Metadata<SmartModuleSpec>],
) -> Result<Option<String>, BrokerError> {
    let key = SmartModulePackageKey::from_qualified_name(uses).map_err(|error| {
        BrokerError::Parameter {
            reason: format!("`uses: {uses}`: {error}"),
        }
    })?;
    let fits: Vec<&Metadata<SmartModuleSpec>> = loaded
        .iter()
        .filter(|module| {
            key.is_match(
                &module.name,
                module.spec.meta.as_ref().map(|meta| &meta.package),
            )
        })
        .collect();
    let names = |modules: &[&Metadata<SmartModuleSpec>]| {
        let names: Vec<String> = modules.iter().map(|module| name(module)).collect();
        names.join(", ")
    };
    match fits.as_slice() {
        [one] => Ok(one
            .spec
            .meta
            .as_ref()
            .map(|meta| meta.package.version.to_string())),
        [] => Err(BrokerError::SmartModuleMissing {
            uses: uses.to_owned(),
            loaded: match loaded {
                [] => "no SmartModule is".to_owned(),
                some => format!("loaded: {}", names(&some.iter().collect::<Vec<_>>())),
            },
        }),
        several => Err(BrokerError::SmartModuleAmbiguous {
            uses: uses.to_owned(),
            fits: names(several),
        }),
    }
}

/// As `fluvio smartmodule list` shows it.
fn name(module: &Metadata<SmartModuleSpec>) -> String {
    module.spec.fqdn(&module.name).into_owned()
}

/// The request to run it.
pub(crate) fn invocation(transform: &Transform) -> SmartModuleInvocation {
    SmartModuleInvocation {
        wasm: SmartModuleInvocationWasm::Predefined(transform.uses.clone()),
        kind: SmartModuleKind::Generic(fluvio::SmartModuleContextData::default()),
        params: SmartModuleExtraParams::new(transform.with.clone(), None),
        name: Some(transform.uses.clone()),
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use fluvio::metadata::smartmodule::{
        FluvioSemVersion, SmartModuleMetadata, SmartModulePackage,
    };

    use super::*;

    fn packaged(version: &str) -> Metadata<SmartModuleSpec> {
        let package = SmartModulePackage {
            name: "capillary-xdm".to_owned(),
            group: "capillary-aep".to_owned(),
            version: FluvioSemVersion::parse(version).unwrap(),
            ..SmartModulePackage::default()
        };
        let meta = SmartModuleMetadata {
            package,
            ..SmartModuleMetadata::default()
        };
        Metadata {
            name: format!("capillary-xdm-capillary-aep-{version}"),
            spec: SmartModuleSpec {
                meta: Some(meta),
                ..SmartModuleSpec::default()
            },
            ..Metadata::default()
        }
    }

    fn plain(name: &str) -> Metadata<SmartModuleSpec> {
        Metadata {
            name: name.to_owned(),
            ..Metadata::default()
        }
    }

    #[test]
    fn smartmodule_is_found_by_full_name_and_by_parts_of_it() {
        let loaded = [packaged("0.1.0"), plain("other")];
        for uses in [
            "capillary-aep/capillary-xdm@0.1.0",
            "capillary-aep/capillary-xdm",
            "capillary-xdm",
            "other",
        ] {
            assert!(find(uses, &loaded).is_ok(), "{uses}");
        }
        assert_eq!(
            find("capillary-xdm", &loaded).unwrap().as_deref(),
            Some("0.1.0")
        );
        assert_eq!(find("other", &loaded).unwrap(), None);
    }

    #[test]
    fn smartmodule_without_package_data_fits_its_plain_name() {
        assert!(
            find(
                "capillary-aep/capillary-xdm@0.1.0",
                &[plain("capillary-xdm")]
            )
            .is_ok()
        );
    }

    #[test]
    fn missing_smartmodule_is_named_with_how_to_load_it() {
        let text = find("capillary-aep/capillary-xdm@0.2.0", &[packaged("0.1.0")])
            .unwrap_err()
            .to_string();
        for part in [
            "capillary-aep/capillary-xdm@0.2.0",
            "capillary-aep/capillary-xdm@0.1.0",
            "smdk load",
        ] {
            assert!(text.contains(part), "{text}");
        }
        assert!(
            find("x", &[])
                .unwrap_err()
                .to_string()
                .contains("fluvio smartmodule create")
        );
    }

    #[test]
    fn smartmodule_versions_that_both_fit_are_an_error_naming_both() {
        let text = find("capillary-xdm", &[packaged("0.1.0"), packaged("0.2.0")])
            .unwrap_err()
            .to_string();
        assert!(text.contains("@0.1.0") && text.contains("@0.2.0"), "{text}");
        // The broker takes one without package data for every version, so a version does not tell
        // these two apart.
        let text = find(
            "capillary-aep/capillary-xdm@0.1.0",
            &[packaged("0.1.0"), plain("capillary-xdm")],
        )
        .unwrap_err()
        .to_string();
        assert!(text.contains("fluvio smartmodule delete"), "{text}");
    }
}
