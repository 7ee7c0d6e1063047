//! What the simulated platform plays while a fault lasts.

use std::time::Duration;

use fastrand::Rng;

use super::fault::FaultKind;
use crate::simulator::{
    Chance, Dialect, Fault, FaultScript, Latency, Probability, RandomFaults, Status, Step, Target,
};

/// How long a soak's connector waits for an answer.
pub(super) const REQUEST_TIMEOUT_MS: u64 = 5_000;

impl FaultKind {
    /// What the simulated platform is told, if it plays a part.
    pub(super) fn script(self, rng: &mut Rng) -> Option<FaultScript> {
        let events = || Target::Inlet("events".to_owned());
        let script = match self {
            Self::ImsDown => forever(Target::Ims, Fault::status(status(503))),
            Self::ImsSlow => steps([Step::new(Target::Ims, Fault::Pass)
                .delay(Duration::from_millis(rng.u64(500..2500)))
                .forever()]),
            Self::ImsThrottling => forever(Target::Ims, throttled(Some("1"))),
            Self::ImsHtml => forever(Target::Ims, html(if rng.bool() { 200 } else { 502 })),
            Self::Throttled => forever(Target::Inlets, throttled(None)),
            Self::ThrottledWithDelay => forever(Target::Inlets, throttled(Some("1"))),
            Self::ServerErrors => by_chance(
                rng,
                Target::Inlets,
                &[
                    (0.3, Fault::status(status(500))),
                    (0.4, Fault::status(status(503))),
                ],
            ),
            Self::Brownout => by_chance(rng, Target::Inlets, &[(0.97, Fault::status(status(503)))]),
            Self::SlowPlatform => steps([Step::new(Target::Inlets, Fault::Pass)
                .answer_delay(Duration::from_secs(1))
                .forever()]),
            Self::InletsDown => forever(Target::Inlets, Fault::status(status(503))),
            Self::InnerErrors => by_chance(rng, events(), &inner(Dialect::StatusCode)),
            Self::InnerErrorsOtherDialect => by_chance(rng, events(), &inner(Dialect::Status)),
            Self::UnclearAnswers => by_chance(
                rng,
                Target::Inlets,
                &[
                    (0.15, Fault::ShortResponses { missing: 1 }),
                    (0.15, Fault::EmptyResponses),
                    (0.15, Fault::NoResponses),
                    (0.15, Fault::EmptyBody),
                    (
                        0.15,
                        Fault::Truncated {
                            lose_connection: true,
                        },
                    ),
                    (
                        0.15,
                        Fault::Truncated {
                            lose_connection: false,
                        },
                    ),
                ],
            ),
            Self::MisplacedAnswers => {
                // Refusals for the moment among them: who reads by the wrong place takes the wrong
                // record for accepted.
                let mut faults = inner(if rng.bool() {
                    Dialect::Status
                } else {
                    Dialect::StatusCode
                })
                .to_vec();
                faults.push((0.4, Fault::ReversedResponses));
                faults.push((0.3, Fault::MisnumberedIds));
                faults.push((0.3, Fault::TextNumbers));
                by_chance(rng, events(), &faults)
            }
            Self::TooLarge => {
                steps([Step::new(events(), Fault::status(status(413))).times(rng.u32(1..6))])
            }
            Self::ResetBeforeBody => {
                by_chance(rng, Target::Inlets, &[(0.5, Fault::ResetBeforeBody)])
            }
            Self::ResetAfterBody => by_chance(
                rng,
                Target::Inlets,
                &[(0.5, Fault::ResetAfterBody { accept: true })],
            ),
            Self::Latency => FaultScript {
                steps: Vec::new(),
                random: Some(RandomFaults {
                    seed: rng.u64(..),
                    chances: Vec::new(),
                    latency_ms: Latency::try_from((200, 3000)).ok(),
                }),
            },
            Self::LatencyBeyondTimeout => {
                let beyond = || Duration::from_millis(REQUEST_TIMEOUT_MS + 1000);
                // Given up before it was accepted, and given up though it was.
                steps([
                    Step::new(Target::Inlets, Fault::Pass)
                        .delay(beyond())
                        .times(rng.u32(1..4)),
                    Step::new(Target::Inlets, Fault::Pass)
                        .answer_delay(beyond())
                        .times(rng.u32(1..4)),
                ])
            }
            Self::SlowAnswers => {
                let over_ms = rng.u64(500..REQUEST_TIMEOUT_MS + 2000);
                by_chance(rng, Target::Any, &[(0.5, Fault::SlowAnswer { over_ms })])
            }
            Self::SlowReading => {
                let pause_ms = rng.u64(100..2000);
                by_chance(
                    rng,
                    Target::Inlets,
                    &[(0.5, Fault::SlowReading { pause_ms })],
                )
            }
            Self::Hang => steps([
                Step::new(Target::Inlets, Fault::Hang { accept: rng.bool() }).times(rng.u32(1..5)),
            ]),
            _ => return None,
        };
        Some(script)
    }
}

/// A status of this list, which holds valid ones only.
pub(super) fn status(code: u16) -> Status {
    Status::try_from(code).unwrap_or_else(|error| unreachable!("{error}"))
}

fn throttled(retry_after: Option<&str>) -> Fault {
    Fault::Status {
        status: status(429),
        retry_after: retry_after.map(ToOwned::to_owned),
        body: None,
        accept: false,
    }
}

fn html(code: u16) -> Fault {
    Fault::Html {
        status: status(code),
        accept: false,
    }
}

fn inner(dialect: Dialect) -> [(f64, Fault); 3] {
    let message = |code| Fault::Message {
        status: status(code),
        message: None,
        dialect: Some(dialect),
        accept: false,
    };
    [
        (0.08, message(429)),
        (0.08, message(500)),
        (0.08, message(503)),
    ]
}

fn steps(steps: impl IntoIterator<Item = Step>) -> FaultScript {
    FaultScript {
        steps: steps.into_iter().collect(),
        random: None,
    }
}

fn forever(target: Target, fault: Fault) -> FaultScript {
    steps([Step::new(target, fault).forever()])
}

fn by_chance(rng: &mut Rng, target: Target, faults: &[(f64, Fault)]) -> FaultScript {
    let chance = |(probability, fault): &(f64, Fault)| {
        Some(Chance {
            target: target.clone(),
            probability: Probability::try_from(*probability).ok()?,
            delay_ms: 0,
            answer_delay_ms: 0,
            fault: fault.clone(),
        })
    };
    FaultScript {
        steps: Vec::new(),
        random: Some(RandomFaults {
            seed: rng.u64(..),
            chances: faults.iter().filter_map(chance).collect(),
            latency_ms: None,
        }),
    }
}
