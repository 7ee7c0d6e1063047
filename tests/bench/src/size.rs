//! How much is measured: enough for figures, or just enough to see that the measurement works.

use std::time::Duration;

/// What can be measured apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Processor time and throughput with a backlog, against a bare client.
    Cost,
    /// A sink that sends one request per record.
    OneByOne,
    /// Freshness, lag and memory at given rates.
    Pace,
    /// The same backlog over different numbers of partitions.
    Partitions,
    /// Memory while the platform is down, and the way back.
    Outage,
    /// From the start to the first acknowledgement, and what waiting costs.
    Idle,
}

impl Part {
    /// All of them, in the order they are measured in.
    pub const ALL: [Self; 6] = [
        Self::Idle,
        Self::Cost,
        Self::OneByOne,
        Self::Pace,
        Self::Partitions,
        Self::Outage,
    ];

    /// The word for it on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cost => "cost",
            Self::OneByOne => "one-by-one",
            Self::Pace => "pace",
            Self::Partitions => "partitions",
            Self::Outage => "outage",
            Self::Idle => "idle",
        }
    }

    pub(super) fn what(self) -> &'static str {
        match self {
            Self::Cost => "processor time per record, against a bare client",
            Self::OneByOne => "one request per record",
            Self::Pace => "freshness and memory at fixed rates",
            Self::Partitions => "1, 3 and 8 partitions",
            Self::Outage => "the platform is down",
            Self::Idle => "start, and doing nothing",
        }
    }

    /// The part with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.name() == name)
    }
}

/// How much is measured.
#[derive(Debug, Clone)]
pub struct Size {
    /// The word for it.
    pub name: &'static str,
    /// Records of a backlog.
    pub records: u64,
    /// Records of a backlog whose statements are sent one by one.
    pub unmerged_records: u64,
    /// Records for the sink that sends one request per record.
    pub one_by_one_records: u64,
    /// Records per second.
    pub rates: Vec<u32>,
    /// How long each rate is held.
    pub pace_lasts: Duration,
    /// Records that wait while the platform is down.
    pub waiting: u64,
    /// How long it is down.
    pub outage_lasts: Duration,
    /// How long nothing happens.
    pub idle_lasts: Duration,
    /// How often the start is measured; the middle one counts.
    pub starts: usize,
    /// Numbers of partitions.
    pub partitions: Vec<u32>,
}

impl Size {
    /// For figures: some minutes.
    #[must_use]
    pub fn full() -> Self {
        Self {
            name: "full",
            records: 200_000,
            unmerged_records: 200_000,
            one_by_one_records: 100,
            rates: vec![100, 1_000, 10_000],
            pace_lasts: Duration::from_secs(30),
            waiting: 200_000,
            outage_lasts: Duration::from_secs(60),
            idle_lasts: Duration::from_secs(20),
            starts: 5,
            partitions: vec![1, 3, 8],
        }
    }

    /// For trying out that everything is measured: some seconds.
    #[must_use]
    pub fn quick() -> Self {
        Self {
            name: "quick",
            records: 1_500,
            unmerged_records: 300,
            one_by_one_records: 3,
            rates: vec![100],
            pace_lasts: Duration::from_secs(1),
            waiting: 500,
            outage_lasts: Duration::from_secs(1),
            idle_lasts: Duration::from_secs(1),
            starts: 1,
            partitions: vec![1, 2],
        }
    }
}
