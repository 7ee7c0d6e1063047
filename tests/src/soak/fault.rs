//! The kinds of faults a soak picks from.

use std::time::Duration;

use crate::cluster::Cluster;
use crate::simulator::Dialect;

/// Something that goes wrong for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// SIGKILL, then started again.
    Killed,
    /// SIGTERM, then started again.
    Terminated,
    /// SIGSTOP, and SIGCONT seconds later: as on a machine that was suspended, every clock has
    /// jumped.
    Paused,
    /// An SPU killed and started again.
    SpuRestarted,
    /// The SPU that stores the consumers' offsets killed and started again.
    OffsetsSpuDown,
    /// The whole cluster killed and started again, controller included.
    ClusterRestarted,
    /// The controller alone killed and started again: SPUs go on.
    ControllerDown,
    /// The controller answers nothing: its packets are swallowed, while every connection to the
    /// SPUs is cut.
    ControllerSilent,
    /// A partition led by another SPU: moved on the mock, by an election after its leader was
    /// killed elsewhere.
    LeaderMoved,
    /// A partition added to the topic.
    PartitionsAdded,
    /// Retention removes records while the connector is stopped or held up, in a topic of its own.
    RecordsEvicted,
    /// A topic of its own deleted and created anew under the stored offsets, shorter or longer.
    TopicRecreated,
    /// An SPU with a replica of a topic of its own is away while records come.
    FollowerDown,
    /// Other processes with the same consumer id, on a topic of its own: one stands by, and the
    /// owner is stopped, paused or killed.
    SecondInstance,
    /// Records that always fail, each in its own way, on a topic of its own; other faults go on
    /// meanwhile.
    PoisonRecords,
    /// Offsets are stored and the answer is lost.
    CommitAnswersLost,
    /// Offsets are refused.
    CommitsRefused,
    /// Every connection to the cluster is cut, some inside an answer.
    ConnectionsDropped,
    /// The dead-letter topic takes no records: refused on the mock, its leader killed elsewhere.
    DeadLettersFail,
    /// Every token revoked.
    TokenRevoked,
    /// Tokens are good for seconds only.
    TokensExpire,
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
    /// 503 to nearly everything.
    Brownout,
    /// Server errors for single records of a 207, the documents' dialect.
    InnerErrors,
    /// The same in the other dialect.
    InnerErrorsOtherDialect,
    /// Some records refused for good inside a 207.
    InnerRefusals,
    /// The same in the other dialect.
    InnerRefusalsOtherDialect,
    /// Answers that do not say what became of a record: short, empty, cut.
    UnclearAnswers,
    /// Answers of a 207 out of order, with ids that count backwards, with numbers as text.
    MisplacedAnswers,
    /// 413 to the next batches.
    TooLarge,
    /// Connections reset before the body was read.
    ResetBeforeBody,
    /// Connections reset after the records were accepted.
    ResetAfterBody,
    /// Answers that take seconds.
    Latency,
    /// Every answer takes a second.
    SlowPlatform,
    /// Answers that take longer than the connector waits.
    LatencyBeyondTimeout,
    /// Answers that trickle in, some longer than the connector waits.
    SlowAnswers,
    /// Bodies that are read slowly.
    SlowReading,
    /// No answers at all.
    Hang,
    /// Events whose time lies ahead of the connector's clock: some to wait for, some beyond any
    /// waiting.
    EventsAhead,
}

impl FaultKind {
    /// Every kind.
    pub const ALL: [Self; 46] = [
        Self::Killed,
        Self::Terminated,
        Self::Paused,
        Self::SpuRestarted,
        Self::OffsetsSpuDown,
        Self::ClusterRestarted,
        Self::ControllerDown,
        Self::ControllerSilent,
        Self::LeaderMoved,
        Self::PartitionsAdded,
        Self::RecordsEvicted,
        Self::TopicRecreated,
        Self::FollowerDown,
        Self::SecondInstance,
        Self::PoisonRecords,
        Self::CommitAnswersLost,
        Self::CommitsRefused,
        Self::ConnectionsDropped,
        Self::DeadLettersFail,
        Self::TokenRevoked,
        Self::TokensExpire,
        Self::ImsDown,
        Self::ImsSlow,
        Self::ImsThrottling,
        Self::ImsHtml,
        Self::Throttled,
        Self::ThrottledWithDelay,
        Self::ServerErrors,
        Self::InletsDown,
        Self::Brownout,
        Self::InnerErrors,
        Self::InnerErrorsOtherDialect,
        Self::InnerRefusals,
        Self::InnerRefusalsOtherDialect,
        Self::UnclearAnswers,
        Self::MisplacedAnswers,
        Self::TooLarge,
        Self::ResetBeforeBody,
        Self::ResetAfterBody,
        Self::Latency,
        Self::SlowPlatform,
        Self::LatencyBeyondTimeout,
        Self::SlowAnswers,
        Self::SlowReading,
        Self::Hang,
        Self::EventsAhead,
    ];

    /// Whether it can be played on a cluster: one that was not started here is not killed, and only
    /// the mock and processes have links that fail.
    #[must_use]
    pub fn is_possible(self, cluster: &Cluster) -> bool {
        match self {
            Self::SpuRestarted
            | Self::OffsetsSpuDown
            | Self::ClusterRestarted
            | Self::ControllerDown
            | Self::DeadLettersFail => cluster.spu_count() > 0,
            Self::LeaderMoved | Self::FollowerDown => cluster.spu_count() > 1,
            Self::CommitAnswersLost
            | Self::CommitsRefused
            | Self::ConnectionsDropped
            | Self::ControllerSilent => cluster.has_links(),
            _ => true,
        }
    }

    /// How long it takes at least, with the recovery from it.
    pub(super) fn takes(self, cluster: &Cluster) -> Duration {
        let real = cluster.mock().is_none();
        Duration::from_secs(match self {
            Self::PoisonRecords => 660,
            Self::SecondInstance => 75,
            Self::TopicRecreated | Self::FollowerDown => 45,
            Self::RecordsEvicted | Self::LeaderMoved | Self::ControllerDown if real => 30,
            Self::RecordsEvicted
            | Self::Paused
            | Self::LatencyBeyondTimeout
            | Self::EventsAhead => 12,
            Self::ControllerSilent | Self::Brownout | Self::SlowPlatform => 20,
            _ => 5,
        })
    }

    /// Milliseconds it lasts, from and to.
    pub(super) fn lasts(self) -> std::ops::Range<u64> {
        match self {
            Self::LatencyBeyondTimeout => 6_000..9_000,
            Self::ControllerSilent | Self::Brownout | Self::SlowPlatform => 5_000..15_000,
            Self::Paused => 3_000..12_000,
            Self::TokensExpire
            | Self::SlowAnswers
            | Self::OffsetsSpuDown
            | Self::ControllerDown => 3_000..6_000,
            _ => 800..3_500,
        }
    }

    /// In which dialect records are refused for good while it lasts.
    pub(super) fn refusals(self) -> Option<Dialect> {
        match self {
            Self::InnerRefusals | Self::DeadLettersFail => Some(Dialect::StatusCode),
            Self::InnerRefusalsOtherDialect => Some(Dialect::Status),
            _ => None,
        }
    }

    /// Whether tokens are revoked with it.
    pub(super) fn revokes(self) -> bool {
        matches!(
            self,
            Self::TokenRevoked
                | Self::TokensExpire
                | Self::ImsDown
                | Self::ImsSlow
                | Self::ImsThrottling
                | Self::ImsHtml
        )
    }
}
