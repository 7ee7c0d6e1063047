//! Taking back what the state file says provisioning made, and nothing else.

use super::ensure::Session;
use super::refusal::{Reason, Refusal};
use super::resource::{Kind, Removal, Wanted};
use super::services;

/// What refers to something goes before it.
const ORDER: [Kind; 9] = [
    Kind::Flow,
    Kind::TargetConnection,
    Kind::SourceConnection,
    Kind::Connection,
    Kind::MappingSet,
    Kind::Dataset,
    Kind::Schema,
    Kind::FieldGroup,
    Kind::Namespace,
];

impl Session<'_> {
    /// Takes everything back that can be. Gives how many things stay.
    pub(super) async fn destroy(&mut self) -> Result<usize, Refusal> {
        let mut made = Vec::new();
        for kind in ORDER {
            let of_kind = self.state.made().filter(|(_, made)| made.kind == kind);
            made.extend(of_kind.map(|(key, made)| {
                let wanted = Wanted {
                    key: key.clone(),
                    kind,
                    name: made.name.clone(),
                    why: "",
                    body: None,
                    fits: Vec::new(),
                };
                (wanted, made.id.clone())
            }));
        }
        if made.is_empty() {
            self.desk
                .say("Nothing to take back: the state file names nothing.");
            return Ok(0);
        }
        for (wanted, _) in &made {
            self.desk.say(&format!("  {}", wanted.words()));
        }
        let question = "About to take these back, as far as Experience Platform lets it; what the \
                        datasets hold is lost. Go on?";
        if !self.agreed && !self.desk.agrees(question) {
            return Err(Refusal::new("taking back", Reason::Declined));
        }
        let mut stay = 0;
        for (wanted, id) in made {
            let id = match id {
                Some(id) => Some(id),
                // Asked for, and no answer was seen: it may be there.
                None => {
                    let mut found = services::find(&mut self.api, &wanted).await?;
                    if found.len() == 1 {
                        found.pop().map(|found| found.id)
                    } else {
                        None
                    }
                }
            };
            let Some(id) = id else {
                self.state.forget(&wanted.key)?;
                continue;
            };
            match services::remove(&mut self.api, &wanted, &id).await? {
                Removal::Removed => {
                    self.desk.say(&format!("  removed  {}", wanted.words()));
                    self.made += 1;
                    self.state.forget(&wanted.key)?;
                }
                Removal::Gone => self.state.forget(&wanted.key)?,
                Removal::Stays => {
                    self.desk.say(&format!(
                        "  stays    {}: it cannot be taken back from here",
                        wanted.words()
                    ));
                    stay += 1;
                }
            }
        }
        Ok(stay)
    }
}
