//! The steps at Adobe: the token, the inlets, and samples when they are asked for.

use tokio::time::timeout;

use super::SampledAnswers;
use super::inlet;
use super::report::{Finding, Report, Status};
use super::samples;
use crate::aep::{Endpoint, EndpointError};
use crate::config::Config;
use crate::http;
use crate::ims::{Token, TokenSource};

const TOKEN: &str = "token";
const EVENTS: &str = "events inlet";
const PROFILES: &str = "profiles inlet";

/// Asks IMS and the inlets.
pub(super) async fn steps(
    config: &Config,
    send_samples: bool,
    sampled: &SampledAnswers,
    report: &mut Report,
) {
    let platform = &config.platform;
    let skip_all = |report: &mut Report, why: &str| {
        for step in [EVENTS, PROFILES, samples::STEP] {
            report.add(Finding::skipped(step, why));
        }
    };
    // What is wrong with the client was a finding of its own.
    let Ok(clients) = http::clients(platform) else {
        report.add(Finding::skipped(TOKEN, "no HTTP client to ask with"));
        return skip_all(report, "no HTTP client to ask with");
    };
    let tokens = TokenSource::new(&platform.ims, clients.api, platform.retry);
    let Some(token) = token(config, &tokens, report).await else {
        return skip_all(report, "no token to ask with");
    };
    let probe = async |step, endpoint: Result<Endpoint, EndpointError>| match endpoint {
        Ok(endpoint) => {
            inlet::probe(
                step,
                &endpoint,
                &clients.inlets,
                &token,
                platform.http.request_timeout,
            )
            .await
        }
        Err(error) => Finding::new(step, Status::Wrong, error.to_string()),
    };
    let events = probe(EVENTS, Endpoint::events(platform)).await;
    let reached = !events.failed();
    report.add(events);
    report.add(match &platform.profiles {
        Some(profiles) => probe(PROFILES, Endpoint::profiles(platform, profiles)).await,
        None => Finding::skipped(
            PROFILES,
            "the configuration has no section `profiles`: events only",
        ),
    });
    if !send_samples {
        let why = "organization, schema, dataset and flow show only with a record; \
            `--send-samples` sends some, and what passes is ingested";
        report.add(Finding::skipped(samples::STEP, why).advise(samples::START_ADVICE));
    } else if reached {
        samples::send(platform, sampled, &clients.inlets, &token, report).await;
    } else {
        report.add(Finding::skipped(
            samples::STEP,
            "the events inlet does not answer as it should",
        ));
    }
}

/// Obtains a token.
async fn token(config: &Config, tokens: &TokenSource, report: &mut Report) -> Option<Token> {
    let ims = &config.platform.ims.token_url;
    match timeout(config.platform.http.request_timeout, tokens.token()).await {
        Ok(Ok(token)) => {
            let life = tokens.life_left().map_or(0, |life| life.as_secs());
            let life = humantime::format_duration(std::time::Duration::from_secs(life));
            report.add(Finding::ok(
                TOKEN,
                format!("obtained from {ims}, good for {life}"),
            ));
            Some(token)
        }
        Ok(Err(error)) => {
            let finding = Finding::new(TOKEN, Status::of(error.fault()), error.to_string());
            report.add(match error.fault() {
                crate::error::Fault::User => finding,
                _ if error.is_busy() => finding.advise(
                    "nothing to change here: try again later; the connector waits by itself",
                ),
                _ => finding.advise(format!(
                    "see that {ims} can be reached from here (http.proxy, http.ca-file, firewall)"
                )),
            });
            None
        }
        Err(_elapsed) => {
            report.add(
                Finding::new(
                    TOKEN,
                    Status::Unavailable,
                    format!("{ims} does not answer in time"),
                )
                .advise("see that it can be reached from here (http.proxy, firewall)"),
            );
            None
        }
    }
}
