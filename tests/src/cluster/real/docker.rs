//! A real cluster in containers: one network, a controller, and SPUs whose client ports are mapped
//! to free ports of this machine.

use std::time::Duration;

use testcontainers::core::{IntoContainerPort, WaitFor};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};

use super::ports;
use super::registration::{self, Addresses};
use crate::cluster::error::{ClusterError, failed, one_line};
use crate::mock_cluster::FIRST_SPU;

const CONTROLLER_PUBLIC: u16 = 9003;
const CONTROLLER_PRIVATE: u16 = 9004;
const SPU_PUBLIC: u16 = 9010;
const SPU_PRIVATE: u16 = 9011;

/// The containers of one cluster.
pub(crate) struct Containers {
    endpoint: String,
    controller: ContainerAsync<GenericImage>,
    spus: Vec<ContainerAsync<GenericImage>>,
}

impl Containers {
    pub(crate) async fn start(image: &str, count: usize) -> Result<Containers, ClusterError> {
        let (name, tag) = image.rsplit_once(':').unwrap_or((image, "latest"));
        // Host ports are chosen here, because the engine would choose others after a restart.
        let port = ports::free()?;
        // Unique, so that several suites run side by side.
        let network = format!("fluvio-test-{}-{port}", std::process::id());
        let controller_name = format!("{network}-sc");
        let controller = GenericImage::new(name, tag)
            .with_exposed_port(CONTROLLER_PUBLIC.tcp())
            .with_wait_for(WaitFor::message_on_stdout("started successfully"))
            .with_mapped_port(port, CONTROLLER_PUBLIC.tcp())
            .with_network(&network)
            .with_container_name(&controller_name)
            .with_startup_timeout(Duration::from_secs(120))
            .with_cmd(["/fluvio-run", "sc", "--local", "/fluvio/metadata"])
            .start()
            .await
            .map_err(|error| {
                ClusterError::Missing(format!(
                    "the docker backend needs a container engine and image {image}: {}",
                    one_line(&error)
                ))
            })?;
        let endpoint = format!("127.0.0.1:{port}");
        let admin = registration::connect(&endpoint).await?;
        let mut cluster = Containers {
            endpoint,
            controller,
            spus: Vec::new(),
        };
        for index in 0..count.max(1) {
            let id = FIRST_SPU + i32::try_from(index).map_err(failed("numbering SPUs"))?;
            let port = ports::free()?;
            let spu_name = format!("{network}-spu-{id}");
            let addresses = Addresses {
                id,
                public: ("127.0.0.1".to_owned(), port),
                private: (spu_name.clone(), SPU_PRIVATE),
            };
            registration::register(&admin, &addresses).await?;
            let spu = GenericImage::new(name, tag)
                .with_exposed_port(SPU_PUBLIC.tcp())
                .with_mapped_port(port, SPU_PUBLIC.tcp())
                .with_network(&network)
                .with_container_name(&spu_name)
                .with_cmd([
                    "/fluvio-run".to_owned(),
                    "spu".to_owned(),
                    "-i".to_owned(),
                    id.to_string(),
                    "-p".to_owned(),
                    format!("0.0.0.0:{SPU_PUBLIC}"),
                    "-v".to_owned(),
                    format!("0.0.0.0:{SPU_PRIVATE}"),
                    "--sc-addr".to_owned(),
                    format!("{controller_name}:{CONTROLLER_PRIVATE}"),
                    "--log-base-dir".to_owned(),
                    "/fluvio/data".to_owned(),
                ])
                .start()
                .await
                .map_err(failed("starting an SPU's container"))?;
            cluster.spus.push(spu);
        }
        cluster.ready().await?;
        Ok(cluster)
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub(crate) fn spu_count(&self) -> usize {
        self.spus.len()
    }

    pub(crate) async fn stop_spu(&self, index: usize) -> Result<(), ClusterError> {
        kill(self.spu(index)?).await
    }

    pub(crate) async fn start_spu(&self, index: usize) -> Result<(), ClusterError> {
        self.spu(index)?
            .start()
            .await
            .map_err(failed("starting an SPU's container"))?;
        self.ready().await
    }

    pub(crate) async fn restart(&self) -> Result<(), ClusterError> {
        for container in self.spus.iter().chain([&self.controller]) {
            kill(container).await?;
        }
        for container in [&self.controller].into_iter().chain(&self.spus) {
            container
                .start()
                .await
                .map_err(failed("starting a container"))?;
        }
        self.ready().await
    }

    pub(crate) async fn without_controller(&self, lasts: Duration) -> Result<(), ClusterError> {
        kill(&self.controller).await?;
        tokio::time::sleep(lasts).await;
        self.controller
            .start()
            .await
            .map_err(failed("starting the controller's container"))?;
        self.ready().await
    }

    fn spu(&self, index: usize) -> Result<&ContainerAsync<GenericImage>, ClusterError> {
        self.spus
            .get(index)
            .ok_or_else(|| ClusterError::Missing(format!("there is no SPU {index}")))
    }

    async fn ready(&self) -> Result<(), ClusterError> {
        registration::ready(&self.endpoint, self.spus.len()).await
    }
}

/// Stops a container without the time to put anything in order.
async fn kill(container: &ContainerAsync<GenericImage>) -> Result<(), ClusterError> {
    container
        .stop_with_timeout(Some(0))
        .await
        .map_err(failed("stopping a container"))
}
