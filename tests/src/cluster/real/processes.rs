//! A real cluster of `fluvio-run` processes: a controller with local metadata and SPUs registered
//! with it, on free loopback ports.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::sync::Mutex;

use super::link::{Link, LinkFault};
use super::metadata_files::Metadata;
use super::ports;
use super::registration::{self, Addresses};
use crate::cluster::error::{ClusterError, failed};
use crate::mock_cluster::FIRST_SPU;

/// Runs a command until its own input closes, then kills it. The input closes when the test drops
/// it, and also when the test process dies however it dies, so that no cluster is left behind.
/// Interrupts are ignored because the test process gets them too.
const KEEPER: &str =
    r#"trap '' INT TERM HUP; "$@" & child=$!; read -r _; kill -KILL $child; wait $child"#;

const HOST: &str = "127.0.0.1";

/// One process with the shell that keeps it.
struct Process {
    binary: PathBuf,
    arguments: Vec<OsString>,
    log: PathBuf,
    running: Mutex<Option<Child>>,
}

impl Process {
    fn new(binary: &Path, log: PathBuf, arguments: Vec<OsString>) -> Process {
        Process {
            binary: binary.to_owned(),
            arguments,
            log,
            running: Mutex::default(),
        }
    }

    async fn start(&self) -> Result<(), ClusterError> {
        let mut running = self.running.lock().await;
        if running.is_some() {
            return Ok(());
        }
        let what = format!("starting {}", self.binary.display());
        let log = File::options()
            .create(true)
            .append(true)
            .open(&self.log)
            .map_err(failed(&what))?;
        let errors = log.try_clone().map_err(failed(&what))?;
        let child = Command::new("sh")
            .args(["-c", KEEPER, "sh"])
            .arg(&self.binary)
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .map_err(failed(&what))?;
        *running = Some(child);
        Ok(())
    }

    /// Kills the process, without a chance to put anything in order.
    async fn kill(&self) -> Result<(), ClusterError> {
        let running = self.running.lock().await.take();
        if let Some(mut child) = running {
            drop(child.stdin.take());
            child.wait().await.map_err(failed("stopping a process"))?;
        }
        Ok(())
    }

    /// The last line it wrote, for an error message.
    fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        text.lines()
            .rev()
            .find(|line| !line.trim().is_empty())
            .unwrap_or("it wrote nothing")
            .to_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Waits for the end, shortly: the directory the process writes to is removed next.
        if let Some(child) = self.running.get_mut() {
            drop(child.stdin.take());
            for _ in 0..200 {
                if !matches!(child.try_wait(), Ok(None)) {
                    break;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

/// The processes of one cluster.
pub(crate) struct Processes {
    endpoint: String,
    metadata: PathBuf,
    controller: Process,
    spus: Vec<Process>,
    /// Between the clients and each server, if asked for: the controller's first.
    links: Vec<Link>,
}

impl Processes {
    /// `linked`: clients reach every server through a link that can fail.
    pub(crate) async fn start(
        binary: &Path,
        directory: &Path,
        count: usize,
        linked: bool,
    ) -> Result<Processes, ClusterError> {
        if !binary.is_file() {
            return Err(ClusterError::Missing(format!(
                "no fluvio-run binary at {}",
                binary.display()
            )));
        }
        // Metadata files and logs are looked up from the process's own directory otherwise.
        let binary = binary
            .canonicalize()
            .map_err(failed("finding fluvio-run"))?;
        let (public, private) = (ports::free()?, ports::free()?);
        let mut links = Vec::new();
        let endpoint = format!("{HOST}:{}", front(public, linked, &mut links).await?);
        let metadata = directory.join("metadata");
        let arguments = [
            "sc".into(),
            "--local".into(),
            metadata.clone().into(),
            "--bind-public".into(),
            format!("{HOST}:{public}").into(),
            "--bind-private".into(),
            format!("{HOST}:{private}").into(),
        ];
        let controller = Process::new(&binary, directory.join("sc.log"), arguments.to_vec());
        let mut cluster = Processes {
            endpoint,
            metadata,
            controller,
            spus: Vec::new(),
            links,
        };
        cluster.controller.start().await?;
        let admin = cluster.explained(registration::connect(&cluster.endpoint).await)?;
        for index in 0..count.max(1) {
            let id = FIRST_SPU + i32::try_from(index).map_err(failed("numbering SPUs"))?;
            let (public, internal) = (ports::free()?, ports::free()?);
            let addresses = Addresses {
                id,
                public: (
                    HOST.to_owned(),
                    front(public, linked, &mut cluster.links).await?,
                ),
                private: (HOST.to_owned(), internal),
            };
            // Registered first: an SPU the controller does not know waits three seconds before it
            // asks again.
            registration::register(&admin, &addresses).await?;
            let arguments = [
                "spu".into(),
                "-i".into(),
                id.to_string().into(),
                "-p".into(),
                format!("{HOST}:{public}").into(),
                "-v".into(),
                format!("{HOST}:{internal}").into(),
                "--sc-addr".into(),
                format!("{HOST}:{private}").into(),
                "--log-base-dir".into(),
                directory.join("data").into(),
            ];
            let spu = Process::new(
                &binary,
                directory.join(format!("spu-{id}.log")),
                arguments.to_vec(),
            );
            spu.start().await?;
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
        self.spu(index)?.kill().await
    }

    pub(crate) async fn start_spu(&self, index: usize) -> Result<(), ClusterError> {
        self.spu(index)?.start().await?;
        self.ready().await
    }

    pub(crate) async fn restart(&self) -> Result<(), ClusterError> {
        let saved = Metadata::read(&self.metadata).await?;
        // The controller first: it would write down that the SPUs are gone, and a kill in the
        // middle of that is what `mend` is for.
        self.controller.kill().await?;
        for spu in &self.spus {
            spu.kill().await?;
        }
        saved.mend()?;
        self.controller.start().await?;
        drop(registration::connect(&self.endpoint).await?);
        for spu in &self.spus {
            spu.start().await?;
        }
        self.ready().await
    }

    pub(crate) async fn without_controller(&self, lasts: Duration) -> Result<(), ClusterError> {
        let saved = Metadata::read(&self.metadata).await?;
        self.controller.kill().await?;
        tokio::time::sleep(lasts).await;
        saved.mend()?;
        self.controller.start().await?;
        self.ready().await
    }

    /// Whether clients reach the servers through links.
    pub(crate) fn is_linked(&self) -> bool {
        !self.links.is_empty()
    }

    pub(crate) fn fail_links(&self, fault: LinkFault) {
        let concerned = match fault {
            LinkFault::ControllerSilent => self.links.get(..1).unwrap_or_default(),
            _ => &self.links,
        };
        for link in concerned {
            link.fail(fault);
        }
    }

    pub(crate) fn cut_links(&self) {
        for link in &self.links {
            link.cut();
        }
    }

    fn spu(&self, index: usize) -> Result<&Process, ClusterError> {
        self.spus
            .get(index)
            .ok_or_else(|| ClusterError::Missing(format!("there is no SPU {index}")))
    }

    async fn ready(&self) -> Result<(), ClusterError> {
        self.explained(registration::ready(&self.endpoint, self.spus.len()).await)
    }

    /// Adds what the controller said last to an error.
    fn explained<T>(&self, result: Result<T, ClusterError>) -> Result<T, ClusterError> {
        result.map_err(|error| match error {
            ClusterError::NotUp(reason) => ClusterError::NotUp(format!(
                "{reason}; the controller's last line: {}",
                self.controller.last_words()
            )),
            other => other,
        })
    }
}

/// The port clients are given for a server's: its own, or that of a new link.
async fn front(port: u16, linked: bool, links: &mut Vec<Link>) -> Result<u16, ClusterError> {
    if !linked {
        return Ok(port);
    }
    let front = ports::free()?;
    links.push(Link::open(front, port).await?);
    Ok(front)
}
