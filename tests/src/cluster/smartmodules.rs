//! Loading SmartModules into a cluster.

use std::path::Path;

use fluvio::metadata::smartmodule::{
    FluvioSemVersion, SmartModuleMetadata, SmartModulePackage, SmartModulePackageKey,
    SmartModuleSpec, SmartModuleWasm,
};

use super::Cluster;
use super::error::{ClusterError, failed};

impl Cluster {
    /// Loads a SmartModule as `group/name@version`, or under a plain name without package data.
    ///
    /// # Errors
    /// When the name does not parse, or the controller's own.
    pub async fn load_smartmodule(&self, wasm: &[u8], name: &str) -> Result<(), ClusterError> {
        let what = format!("loading SmartModule {name}");
        let key = SmartModulePackageKey::from_qualified_name(name).map_err(failed(&what))?;
        let meta = key.group.map(|group| SmartModuleMetadata {
            package: SmartModulePackage {
                name: key.name.clone(),
                group,
                version: key.version.unwrap_or_default(),
                api_version: FluvioSemVersion::default(),
                ..SmartModulePackage::default()
            },
            ..SmartModuleMetadata::default()
        });
        self.load(wasm, key.name, meta).await
    }

    /// Loads a SmartModule with the package data of its `SmartModule.toml`, read and sent as `smdk
    /// load` does.
    ///
    /// # Errors
    /// When the file is no package data, or the controller's own.
    pub async fn load_package(&self, wasm: &[u8], manifest: &Path) -> Result<(), ClusterError> {
        let what = format!("reading {}", manifest.display());
        let meta = SmartModuleMetadata::from_toml(manifest).map_err(failed(&what))?;
        self.load(wasm, meta.package.name.clone(), Some(meta)).await
    }

    async fn load(
        &self,
        wasm: &[u8],
        name: String,
        meta: Option<SmartModuleMetadata>,
    ) -> Result<(), ClusterError> {
        let what = format!("loading SmartModule {name}");
        let wasm = SmartModuleWasm::from_raw_wasm_bytes(wasm).map_err(failed(&what))?;
        let spec = SmartModuleSpec {
            meta,
            wasm,
            ..SmartModuleSpec::default()
        };
        self.admin()
            .await?
            .create(name, false, spec)
            .await
            .map_err(failed(&what))
    }
}
