//! What tests do to a cluster: kill and start its parts, move and cut what is between them.

use std::time::Duration;

use tokio::time::sleep;

use super::Cluster;
use super::Running;
use super::error::{ClusterError, failed};
use super::real::link::LinkFault;
use crate::mock_cluster::{CONSUMER_OFFSETS, CommitFault, FIRST_SPU, MockCluster};

impl Cluster {
    /// Kills an SPU and starts it again on the same address and data.
    ///
    /// # Errors
    /// When it does not come back, or the backend cannot do it.
    pub async fn restart_spu(&self, spu: usize) -> Result<(), ClusterError> {
        self.stop_spu(spu).await?;
        self.start_spu(spu).await
    }

    /// Kills an SPU.
    ///
    /// # Errors
    /// When the backend cannot do it.
    pub async fn stop_spu(&self, spu: usize) -> Result<(), ClusterError> {
        self.partitions.forget().await;
        match &self.running {
            Running::Mock(mock) => {
                mock.stop_spu(spu).await;
                Ok(())
            }
            Running::Processes(processes) => processes.stop_spu(spu).await,
            Running::Docker(containers) => containers.stop_spu(spu).await,
            Running::Profile => Err(ClusterError::NotOurs),
        }
    }

    /// Starts a stopped SPU and waits until the controller sees it.
    ///
    /// # Errors
    /// When it does not come back, or the backend cannot do it.
    pub async fn start_spu(&self, spu: usize) -> Result<(), ClusterError> {
        match &self.running {
            Running::Mock(mock) => mock.start_spu(spu).await.map_err(failed("starting an SPU")),
            Running::Processes(processes) => processes.start_spu(spu).await,
            Running::Docker(containers) => containers.start_spu(spu).await,
            Running::Profile => Err(ClusterError::NotOurs),
        }
    }

    /// Kills the whole cluster and starts it again on the same addresses and data.
    ///
    /// # Errors
    /// When it does not come back, or the backend cannot do it.
    pub async fn restart(&self) -> Result<(), ClusterError> {
        self.partitions.forget().await;
        match &self.running {
            Running::Mock(mock) => {
                mock.stop_controller().await;
                for spu in 0..mock.spu_count() {
                    mock.stop_spu(spu).await;
                }
                mock.start_controller()
                    .await
                    .map_err(failed("starting the controller"))?;
                for spu in 0..mock.spu_count() {
                    mock.start_spu(spu)
                        .await
                        .map_err(failed("starting an SPU"))?;
                }
                Ok(())
            }
            Running::Processes(processes) => processes.restart().await,
            Running::Docker(containers) => containers.restart().await,
            Running::Profile => Err(ClusterError::NotOurs),
        }
    }

    /// Kills the controller alone and starts it again after a while. SPUs go on.
    ///
    /// # Errors
    /// When it does not come back, or the backend cannot do it.
    pub async fn without_controller(&self, lasts: Duration) -> Result<(), ClusterError> {
        self.partitions.forget().await;
        match &self.running {
            Running::Mock(mock) => {
                mock.stop_controller().await;
                sleep(lasts).await;
                mock.start_controller()
                    .await
                    .map_err(failed("starting the controller"))
            }
            Running::Processes(processes) => processes.without_controller(lasts).await,
            Running::Docker(containers) => containers.without_controller(lasts).await,
            Running::Profile => Err(ClusterError::NotOurs),
        }
    }

    /// How many SPUs were started; 0 for a profile's cluster.
    #[must_use]
    pub fn spu_count(&self) -> usize {
        match &self.running {
            Running::Mock(mock) => mock.spu_count(),
            Running::Processes(processes) => processes.spu_count(),
            Running::Docker(containers) => containers.spu_count(),
            Running::Profile => 0,
        }
    }

    /// The mock's own controls, when this is the mock.
    #[must_use]
    pub fn mock(&self) -> Option<&MockCluster> {
        match &self.running {
            Running::Mock(mock) => Some(mock),
            _ => None,
        }
    }

    /// Index of the SPU that leads a partition.
    ///
    /// # Errors
    /// When there is no such partition, or the controller cannot be reached.
    pub async fn leader(&self, topic: &str, partition: u32) -> Result<usize, ClusterError> {
        let leader = self.partitions.described(topic, partition).await?.leader;
        usize::try_from(leader - FIRST_SPU).map_err(failed("numbering SPUs"))
    }

    /// Index of the SPU that stores the consumers' offsets.
    ///
    /// # Errors
    /// When the controller cannot be reached.
    pub async fn offsets_leader(&self) -> Result<usize, ClusterError> {
        self.leader(CONSUMER_OFFSETS, 0).await
    }

    /// Whether every follower of a partition has told the controller that it has all records before
    /// `end`.
    ///
    /// # Errors
    /// As [`Cluster::leader`].
    pub async fn is_replicated(
        &self,
        topic: &str,
        partition: u32,
        end: i64,
    ) -> Result<bool, ClusterError> {
        let followers = self.partitions.described(topic, partition).await?.followers;
        Ok(!followers.is_empty() && followers.iter().all(|log_end| *log_end >= end))
    }

    /// Whether links between clients and servers can be made to fail: always on the mock, on
    /// processes when started so.
    #[must_use]
    pub fn has_links(&self) -> bool {
        match &self.running {
            Running::Mock(_) => true,
            Running::Processes(processes) => processes.is_linked(),
            Running::Docker(_) | Running::Profile => false,
        }
    }

    /// Lets the way between clients and servers fail from now on. Without links nothing happens.
    pub fn fail_links(&self, fault: LinkFault) {
        match &self.running {
            Running::Mock(mock) => match fault {
                LinkFault::None => mock.heal(),
                LinkFault::CommitAnswersLost => mock.fail_commits(CommitFault::AnswerLost),
                LinkFault::CommitsRefused => mock.fail_commits(CommitFault::Refused),
                LinkFault::CutInAnswers => mock.drop_connections(),
                LinkFault::ControllerSilent => mock.swallow_controller(),
            },
            Running::Processes(processes) => processes.fail_links(fault),
            Running::Docker(_) | Running::Profile => {}
        }
    }

    /// Cuts every connection of clients. Without links nothing happens.
    pub async fn cut_links(&self) {
        self.partitions.forget().await;
        match &self.running {
            Running::Mock(mock) => mock.drop_connections(),
            Running::Processes(processes) => processes.cut_links(),
            Running::Docker(_) | Running::Profile => {}
        }
    }
}
