//! Seeing to one thing at a time: it is looked up by name, and made when it is not there.

use std::collections::BTreeMap;

use super::api::Api;
use super::options::{Desk, Mode};
use super::refusal::{Reason, Refusal};
use super::resource::{Found, Kind, Wanted};
use super::services::{self, Creation};
use super::state::State;
use crate::clock::Clock;

/// So often a list is looked at after a request to make something whose answer was lost.
const LOOKS: u32 = 6;
/// So often something is asked for, each time after looking for it.
const REQUESTS: u32 = 3;

/// A run, as far as it has come.
pub(super) struct Session<'a> {
    pub(super) api: Api,
    pub(super) state: State,
    pub(super) mode: Mode,
    pub(super) desk: &'a mut dyn Desk,
    pub(super) clock: Clock,
    /// Whether what stays for good was agreed to.
    pub(super) agreed: bool,
    /// Ids of what is there.
    pub(super) ids: BTreeMap<String, String>,
    pub(super) there: usize,
    pub(super) made: usize,
    pub(super) missing: usize,
}

impl Session<'_> {
    /// The id of something that is there.
    pub(super) fn id(&self, key: &str) -> Option<&str> {
        self.ids.get(key).map(String::as_str)
    }

    /// Sees to something. `None`: it is not there, and this run makes nothing.
    pub(super) async fn ensure(&mut self, wanted: Wanted) -> Result<Option<Found>, Refusal> {
        if let Some(found) = self.look(&wanted).await? {
            let made = self.state.get(&wanted.key).cloned();
            // What was asked for without an answer, and is there now, is ours.
            let ours = made.is_some_and(|made| made.id.is_none_or(|id| id == found.id));
            if ours {
                let now = self.clock.now_ms();
                self.state.was_seen(&wanted, &found.id, now)?;
            }
            let whose = if ours { ", made by provisioning" } else { "" };
            self.desk
                .say(&format!("  there    {}{whose}", wanted.words()));
            self.there += 1;
            self.ids.insert(wanted.key, found.id.clone());
            return Ok(Some(found));
        }
        if self.mode != Mode::Apply {
            let word = match self.mode {
                Mode::Check => "MISSING  ",
                _ => "to make  ",
            };
            self.desk
                .say(&format!("  {word}{}: {}", wanted.words(), wanted.why));
            self.missing += 1;
            return Ok(None);
        }
        self.agree(&wanted)?;
        let id = self.make(&wanted).await?;
        self.desk.say(&format!("  made     {}", wanted.words()));
        self.made += 1;
        self.ids.insert(wanted.key, id.clone());
        Ok(Some(Found {
            id,
            body: serde_json::Value::Null,
        }))
    }

    /// What provisioning made, by its id; else what has the name.
    async fn look(&mut self, wanted: &Wanted) -> Result<Option<Found>, Refusal> {
        let made = self.state.get(&wanted.key).cloned();
        if let Some(id) = made.as_ref().and_then(|made| made.id.as_deref())
            && let Some(found) = services::get(&mut self.api, wanted, id).await?
        {
            return Ok(Some(found));
        }
        // What was made, or may have been, a moment ago may not show in lists yet.
        let looks = if made.is_some() { LOOKS } else { 1 };
        self.look_often(wanted, looks).await
    }

    async fn look_often(&mut self, wanted: &Wanted, looks: u32) -> Result<Option<Found>, Refusal> {
        for failures in 1..=looks {
            let found = services::find(&mut self.api, wanted).await?;
            let known = self.state.get(&wanted.key);
            let known = known.and_then(|made| made.id.as_deref());
            let first = found.first().and_then(|found| wanted.misfit(&found.body));
            let fitting = found
                .into_iter()
                .filter(|found| wanted.misfit(&found.body).is_none())
                .reduce(|best, next| {
                    if known == Some(next.id.as_str()) {
                        next
                    } else {
                        best
                    }
                });
            if fitting.is_some() {
                return Ok(fitting);
            }
            if let Some(member) = first {
                let reason = Reason::Unfit {
                    member: member.trim_start_matches('/').replace('/', "."),
                };
                return Err(Refusal::new(
                    format!("looking for {}", wanted.words()),
                    reason,
                ));
            }
            if failures < looks {
                self.api.pause(failures).await;
            }
        }
        Ok(None)
    }

    /// Makes something. A request whose answer was lost is followed by looking for it, as a second
    /// request might make a second one.
    async fn make(&mut self, wanted: &Wanted) -> Result<String, Refusal> {
        let what = format!("making {}", wanted.words());
        let Some(body) = &wanted.body else {
            let text = "what it refers to is not there".to_owned();
            return Err(Refusal::new(what, Reason::Useless(text)));
        };
        self.state.intend(wanted)?;
        let mut why = String::new();
        for _ in 0..REQUESTS {
            match services::create(&mut self.api, wanted, body).await {
                Ok(Creation::Made(id)) => {
                    let now = self.clock.now_ms();
                    self.state.was_made(wanted, &id, now)?;
                    return Ok(id);
                }
                Ok(Creation::Unknown(reason)) => why = reason,
                // It was refused, so it was not made; unless that is since one was made before.
                Err(refusal) if refusal.heals() => return Err(refusal),
                Err(refusal) => {
                    if self.look_often(wanted, 1).await?.is_none() {
                        self.state.forget(&wanted.key)?;
                        return Err(refusal);
                    }
                }
            }
            if let Some(found) = self.look_often(wanted, LOOKS).await? {
                let now = self.clock.now_ms();
                self.state.was_made(wanted, &found.id, now)?;
                return Ok(found.id);
            }
        }
        Err(Refusal::new(what, Reason::Lost(why)))
    }

    /// Asks once before the first thing that stays for good.
    fn agree(&mut self, wanted: &Wanted) -> Result<(), Refusal> {
        if self.agreed || !wanted.kind.stays() {
            return Ok(());
        }
        let stays = match wanted.kind {
            Kind::Namespace => "an identity namespace cannot be deleted",
            _ => "a schema that is enabled for Profile cannot be taken back",
        };
        let question = format!(
            "About to make {}; {stays}. So it is for the namespaces and schemas after it. Go on?",
            wanted.words()
        );
        if self.desk.agrees(&question) {
            self.agreed = true;
            return Ok(());
        }
        Err(Refusal::new(wanted.words(), Reason::Declined))
    }
}
