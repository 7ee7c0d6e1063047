//! The kinds of faults a soak picks from, and the scripts of those that the simulated platform plays.

use fastrand::Rng;

use crate::simulator::{Chance, Dialect, Fault, FaultScript, Latency, Probability, RandomFaults, Status, Step, Target};

/// Something that goes wrong for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// SIGKILL, then started again.
    Killed,
    /// SIGTERM, then started again.
    Terminated,
    /// An SPU killed and started again.
    SpuRestarted,
    /// The whole cluster killed and started again, controller included.
    ClusterRestarted,
    /// Every token revoked.
    TokenRevoked,
    /// Tokens revoked while IMS answers 503.
    ImsDown,
    /// Tokens revoked while IMS takes seconds.
    ImsSlow,
    /// Tokens revoked while IMS answers 429 with `Retry-After`.
    ImsThrottling,
    /// Tokens revoked while IMS answers pages of HTML.
    ImsHtml,
    /// 429 to everything, without `Retry-After`.
    Throttled,
    /// 429 to everything, with `Retry-After`.
    ThrottledWithDelay,
    /// 500 and 503, mixed with successes.
    ServerErrors,
    /// 503 to everything.
    InletsDown,
    /// Server errors for single records of a 207, the documents' dialect.
    InnerErrors,
    /// The same in the other dialect.
    InnerErrorsOtherDialect,
    /// Some records refused for good inside a 207.
    InnerRefusals,
    /// The same in the other dialect.
    InnerRefusalsOtherDialect,
    /// Answers that do not say what became of a record.
    UnclearAnswers,
    /// 413 to the next batches.
    TooLarge,
    /// Connections reset before the body was read.
    ResetBeforeBody,
    /// Connections reset after the records were accepted.
    ResetAfterBody,
    /// Answers that take seconds.
    Latency,
    /// No answers at all.
    Hang,
    /// Mock: partitions move to another SPU.
    LeaderMoved,
    /// Mock: offsets are stored and the answer is lost.
    CommitAnswersLost,
    /// Mock: offsets are refused.
    CommitsRefused,
    /// Mock: every connection to the cluster is cut.
    ConnectionsDropped,
    /// Mock: the dead-letter topic refuses records.
    DeadLettersFail,
}

impl FaultKind {
    /// Every kind, the mock's own at the end.
    pub const ALL: [Self; 28] = [
        Self::Killed,
        Self::Terminated,
        Self::SpuRestarted,
        Self::ClusterRestarted,
        Self::TokenRevoked,
        Self::ImsDown,
        Self::ImsSlow,
        Self::ImsThrottling,
        Self::ImsHtml,
        Self::Throttled,
        Self::ThrottledWithDelay,
        Self::ServerErrors,
        Self::InletsDown,
        Self::InnerErrors,
        Self::InnerErrorsOtherDialect,
        Self::InnerRefusals,
        Self::InnerRefusalsOtherDialect,
        Self::UnclearAnswers,
        Self::TooLarge,
        Self::ResetBeforeBody,
        Self::ResetAfterBody,
        Self::Latency,
        Self::Hang,
        Self::LeaderMoved,
        Self::CommitAnswersLost,
        Self::CommitsRefused,
        Self::ConnectionsDropped,
        Self::DeadLettersFail,
    ];

    /// Whether only the mock cluster can do it.
    #[must_use]
    pub fn is_mock_only(self) -> bool {
        self >= Self::LeaderMoved
    }

    /// In which dialect records are refused for good while it lasts.
    pub(super) fn refusals(self) -> Option<Dialect> {
        match self {
            Self::InnerRefusals => Some(Dialect::StatusCode),
            Self::InnerRefusalsOtherDialect => Some(Dialect::Status),
            _ => None,
        }
    }

    /// Whether tokens are revoked with it.
    pub(super) fn revokes(self) -> bool {
        matches!(
            self,
            Self::TokenRevoked | Self::ImsDown | Self::ImsSlow | Self::ImsThrottling | Self::ImsHtml
        )
    }

    /// What the simulated platform is told, if it plays a part.
    pub(super) fn script(self, rng: &mut Rng) -> Option<FaultScript> {
        use std::time::Duration;
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
                &[(0.3, Fault::status(status(500))), (0.4, Fault::status(status(503)))],
            ),
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
                    (0.15, Fault::Truncated { lose_connection: true }),
                    (0.15, Fault::Truncated { lose_connection: false }),
                ],
            ),
            Self::TooLarge => steps([Step::new(events(), Fault::status(status(413))).times(rng.u32(1..6))]),
            Self::ResetBeforeBody => by_chance(rng, Target::Inlets, &[(0.5, Fault::ResetBeforeBody)]),
            Self::ResetAfterBody => by_chance(rng, Target::Inlets, &[(0.5, Fault::ResetAfterBody { accept: true })]),
            Self::Latency => FaultScript {
                steps: Vec::new(),
                random: Some(RandomFaults {
                    seed: rng.u64(..),
                    chances: Vec::new(),
                    latency_ms: Latency::try_from((200, 3000)).ok(),
                }),
            },
            Self::Hang => steps([Step::new(Target::Inlets, Fault::Hang { accept: rng.bool() }).times(rng.u32(1..5))]),
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
    [(0.08, message(429)), (0.08, message(500)), (0.08, message(503))]
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
