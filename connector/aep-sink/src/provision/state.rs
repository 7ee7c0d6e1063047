//! The state file: what provisioning made, and what it was about to make.
//!
//! It is written before and after each thing that is made, so that a run that broke off at any call
//! is gone on with. It holds ids and names, no secrets.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::refusal::{Reason, Refusal};
use super::resource::{Kind, Wanted};

/// The form of the file.
const VERSION: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Made {
    pub(super) kind: Kind,
    pub(super) name: String,
    /// `None`: it was asked for, and no answer was seen.
    pub(super) id: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Contents {
    version: u32,
    organization_id: String,
    sandbox: String,
    prefix: String,
    made: BTreeMap<String, Made>,
    /// When the youngest flow was made, in milliseconds since the epoch.
    flows_since: Option<i64>,
}

/// The state, with its file.
#[derive(Debug)]
pub(super) struct State {
    file: PathBuf,
    contents: Contents,
    /// A plan writes nothing.
    writes: bool,
}

impl State {
    /// Reads the file, or begins one.
    pub(super) fn open(
        file: &Path,
        organization_id: &str,
        sandbox: &str,
        prefix: &str,
        writes: bool,
    ) -> Result<Self, Refusal> {
        let contents = match std::fs::read_to_string(file) {
            Ok(text) => serde_json::from_str::<Contents>(&text)
                .map_err(|error| refusal(file, format!("it cannot be understood: {error}")))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Contents {
                version: VERSION,
                organization_id: organization_id.to_owned(),
                sandbox: sandbox.to_owned(),
                prefix: prefix.to_owned(),
                made: BTreeMap::new(),
                flows_since: None,
            },
            Err(error) => return Err(refusal(file, format!("it cannot be read: {error}"))),
        };
        let of = (
            contents.version,
            contents.organization_id.as_str(),
            contents.sandbox.as_str(),
            contents.prefix.as_str(),
        );
        if of != (VERSION, organization_id, sandbox, prefix) {
            return Err(refusal(
                file,
                format!(
                    "it is of organization {}, sandbox '{}', prefix '{}'; name another file with \
                    --state",
                    of.1, of.2, of.3
                ),
            ));
        }
        Ok(Self {
            file: file.to_owned(),
            contents,
            writes,
        })
    }

    pub(super) fn get(&self, key: &str) -> Option<&Made> {
        self.contents.made.get(key)
    }

    /// Everything that was made, or may have been.
    pub(super) fn made(&self) -> impl Iterator<Item = (&String, &Made)> {
        self.contents.made.iter()
    }

    pub(super) fn flows_since(&self) -> Option<i64> {
        self.contents.flows_since
    }

    /// Something is about to be made.
    pub(super) fn intend(&mut self, wanted: &Wanted) -> Result<(), Refusal> {
        self.note(wanted, None)
    }

    /// Something was made.
    pub(super) fn was_made(&mut self, wanted: &Wanted, id: &str, now: i64) -> Result<(), Refusal> {
        if wanted.kind == Kind::Flow {
            self.contents.flows_since = Some(now);
        }
        self.note(wanted, Some(id.to_owned()))
    }

    /// Something that was asked for is there.
    pub(super) fn was_seen(&mut self, wanted: &Wanted, id: &str, now: i64) -> Result<(), Refusal> {
        let known = self.get(&wanted.key).and_then(|made| made.id.as_deref());
        match known {
            Some(known) if known == id => Ok(()),
            _ => self.was_made(wanted, id, now),
        }
    }

    /// Something is not there any more.
    pub(super) fn forget(&mut self, key: &str) -> Result<(), Refusal> {
        self.contents.made.remove(key);
        self.save()
    }

    fn note(&mut self, wanted: &Wanted, id: Option<String>) -> Result<(), Refusal> {
        let made = Made {
            kind: wanted.kind,
            name: wanted.name.clone(),
            id,
        };
        self.contents.made.insert(wanted.key.clone(), made);
        self.save()
    }

    fn save(&self) -> Result<(), Refusal> {
        if !self.writes {
            return Ok(());
        }
        let text = serde_json::to_string_pretty(&self.contents)
            .map_err(|error| refusal(&self.file, error.to_string()))?;
        write_whole(&self.file, &format!("{text}\n"))
    }
}

/// Writes a file so that a crash leaves the old one or the new one.
pub(super) fn write_whole(file: &Path, text: &str) -> Result<(), Refusal> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let written = std::fs::write(&beside, text).and_then(|()| {
        // What may be read by whom is the old file's.
        if let Ok(old) = std::fs::metadata(file) {
            std::fs::set_permissions(&beside, old.permissions())?;
        }
        std::fs::rename(&beside, file)
    });
    written.map_err(|error| refusal(file, format!("it cannot be written: {error}")))
}

fn refusal(file: &Path, text: String) -> Refusal {
    Refusal::new(format!("the file {}", file.display()), Reason::File(text))
}
