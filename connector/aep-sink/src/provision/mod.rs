//! Subcommand `provision`: sets an organisation up for the connector, from a credential and a
//! topic.
//!
//! Everything is looked up by name first, and made only when it is not there; a state file says
//! what was made, so that a run that broke off is gone on with and only that is taken back. What
//! was found and made is written into the configuration.

mod api;
mod destroy;
mod ensure;
mod options;
mod refusal;
mod resource;
mod services;
pub mod settle;
mod state;
mod steps;
mod values;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use options::{Desk, Ending, Mode, Options};

use crate::clock::Clock;
use crate::config::draft::{self, Draft};
use crate::http;
use api::Api;
use ensure::Session;
use refusal::{Reason, Refusal};
use state::State;
use steps::Stream;

/// Provisions what a configuration needs. What goes wrong is said at the desk.
pub async fn run(
    config: &Path,
    secrets: Option<&Path>,
    options: &Options,
    desk: &mut dyn Desk,
) -> Ending {
    match provision(config, secrets, options, desk).await {
        Ok(ending) => ending,
        Err(refusal) => {
            desk.say(&format!("Stopped. {refusal}."));
            if refusal.heals() {
                Ending::Failed
            } else {
                Ending::Refused
            }
        }
    }
}

async fn provision(
    config: &Path,
    secrets: Option<&Path>,
    options: &Options,
    desk: &mut dyn Desk,
) -> Result<Ending, Refusal> {
    const READING: &str = "reading the configuration";
    let wrong = |text: String| Refusal::new(READING, Reason::Configuration(text));
    let draft = draft::load(config, secrets).map_err(|error| wrong(error.to_string()))?;
    let administrator = match &options.admin_secrets {
        Some(secrets) => {
            Some(draft::load(config, Some(secrets)).map_err(|error| wrong(error.to_string()))?)
        }
        None => None,
    };
    let ims = &administrator.as_ref().unwrap_or(&draft).config.platform.ims;
    let platform = &draft.config.platform;
    let clients = http::clients(platform).map_err(|error| wrong(error.to_string()))?;
    let mut api = Api::new(
        clients.api,
        ims,
        &options.platform_url,
        &platform.organization_id,
        platform.retry,
    );
    let named = options.sandbox.as_deref().or(platform.sandbox.as_deref());
    let sandbox = services::sandboxes::choose(&mut api, named).await?;
    api.enter(&sandbox);
    desk.say(&format!(
        "Organization {}, sandbox '{sandbox}'",
        platform.organization_id
    ));
    let file = options.state.clone().unwrap_or_else(|| {
        let mut file = config.as_os_str().to_owned();
        file.push(".provisioned.json");
        PathBuf::from(file)
    });
    let writes = matches!(options.mode, Mode::Apply | Mode::Destroy);
    let state = State::open(
        &file,
        &platform.organization_id,
        &sandbox,
        &options.prefix,
        writes,
    )?;
    let mut session = Session {
        api,
        state,
        mode: options.mode,
        desk,
        clock: Clock::System,
        agreed: options.yes,
        ids: BTreeMap::new(),
        there: 0,
        made: 0,
        missing: 0,
    };
    if options.mode == Mode::Destroy {
        let stay = session.destroy().await?;
        let removed = session.made;
        session
            .desk
            .say(&format!("{removed} taken back, {stay} stay."));
        return Ok(Ending::Done);
    }
    let values = set_up(&mut session, &draft, options, &sandbox).await?;
    conclude(&mut session, &draft, config, options, &values).await
}

/// Sees to everything. Gives the values the configuration needs.
async fn set_up(
    session: &mut Session<'_>,
    draft: &Draft,
    options: &Options,
    sandbox: &str,
) -> Result<Vec<(String, serde_json::Value)>, Refusal> {
    let tenant = if options.tenant {
        Some(services::registry::tenant(&mut session.api).await?)
    } else {
        None
    };
    let wishes = values::wishes(draft, options, tenant)?;
    session.namespaces(&wishes).await?;
    let events = session.stream(Stream::Events, &wishes).await?;
    let profiles = if wishes.profiles {
        Some(session.stream(Stream::Profiles, &wishes).await?)
    } else {
        None
    };
    Ok(values::found(
        session,
        draft,
        &wishes,
        sandbox,
        &events,
        profiles.as_ref(),
    ))
}

/// Writes the configuration, sums up, and lets new flows settle.
async fn conclude(
    session: &mut Session<'_>,
    draft: &Draft,
    config: &Path,
    options: &Options,
    values: &[(String, serde_json::Value)],
) -> Result<Ending, Refusal> {
    let changes: Vec<_> = values
        .iter()
        .filter(|(path, value)| draft.written(path) != Some(value))
        .cloned()
        .collect();
    let name = config.display();
    match options.mode {
        Mode::Apply => match draft.with(&changes) {
            Ok(text) if options.print => session.desk.say(text.trim_end()),
            Ok(text) if text != draft.text() => state::write_whole(config, &text)?,
            Ok(_) => {}
            Err(error) => {
                for (path, value) in &changes {
                    session.desk.say(&format!("  to write {path}: {value}"));
                }
                let reason = Reason::File(error.to_string());
                return Err(Refusal::new(format!("the file {name}"), reason));
            }
        },
        _ => {
            for (path, value) in &changes {
                let word = if options.mode == Mode::Check {
                    "DIFFERS"
                } else {
                    "to write"
                };
                session.desk.say(&format!("  {word} {path}: {value}"));
            }
        }
    }
    let (there, made, missing) = (session.there, session.made, session.missing);
    let count = changes.len();
    match options.mode {
        Mode::Apply => {
            let place = if options.print { "shown" } else { "written" };
            session.desk.say(&format!(
                "{there} there, {made} made; {count} values of {name} {place}."
            ));
            let now = session.clock.now_ms();
            let left = settle::left(session.state.flows_since(), now, options.wait);
            settle::count_down(left, session.desk).await;
            session.desk.say(
                "Give the primary namespace the highest priority, and mark it unique, in \
                 Experience Platform (Identities, Settings): no public API does that.",
            );
            session
                .desk
                .say("Next: capillary-aep-sink check, then start it.");
            Ok(Ending::Done)
        }
        Mode::Check => {
            session.desk.say(&format!(
                "{there} there, {missing} missing; {count} values of {name} differ."
            ));
            Ok(match (missing, count) {
                (0, 0) => Ending::Done,
                _ => Ending::Failed,
            })
        }
        _ => {
            session.desk.say(&format!(
                "{there} there, {missing} to make; {count} values of {name} to write. --apply \
                 carries it out."
            ));
            Ok(Ending::Done)
        }
    }
}
