//! Records that retention removed before they were read: the connector must tell exactly those.

use super::record::Place;
use super::verdict::Verdict;

/// A range the connector tells to be evicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evicted {
    /// The partition.
    pub partition: u32,
    /// The first offset.
    pub first: i64,
    /// The last one.
    pub last: i64,
}

impl Evicted {
    /// What a connector's log tells, line by line.
    #[must_use]
    pub fn told(log: &str) -> Vec<Self> {
        let lines = log
            .lines()
            .filter(|line| line.contains("ERROR") && line.contains("retention"));
        lines.filter_map(Self::read).collect()
    }

    fn read(line: &str) -> Option<Self> {
        let number = |name: &str| {
            let text = line
                .split_whitespace()
                .find_map(|word| word.strip_prefix(name))?;
            text.strip_prefix('=')?.parse::<i64>().ok()
        };
        let (first, last) = (number("first")?, number("last")?);
        // A line whose count contradicts its range tells no range.
        (number("lost")? == last - first + 1).then_some(Self {
            partition: u32::try_from(number("partition")?).ok()?,
            first,
            last,
        })
    }
}

pub(super) fn covers(told: &[Evicted], place: Place) -> bool {
    told.iter().any(|range| {
        range.partition == place.partition && (range.first..=range.last).contains(&place.offset)
    })
}

/// Ranges that overlap, or reach into what the log still has.
pub(super) fn judge(verdict: &mut Verdict, told: &[Evicted], log_starts: &[(u32, i64)]) {
    for (index, range) in told.iter().enumerate() {
        let &Evicted {
            partition,
            first,
            last,
        } = range;
        let has = log_starts
            .iter()
            .any(|(of, start)| *of == partition && last >= *start);
        let twice = told[..index].iter().any(|other| {
            other.partition == partition && other.first <= last && first <= other.last
        });
        for (wrong, why) in [
            (has, "the log still has some of it"),
            (twice, "it was told before"),
        ] {
            if wrong {
                verdict
                    .misreported
                    .push(format!("{partition}:{first}-{last}: {why}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "2026-01-01T00:00:00Z ERROR capillary_aep_sink::broker: records were \
        removed by the topic's retention before they were read partition=2 first=20 last=29 \
        lost=10";

    #[test]
    fn range_is_read_only_from_a_consistent_line_of_the_log() {
        let range = Evicted {
            partition: 2,
            first: 20,
            last: 29,
        };
        assert_eq!(Evicted::told(LINE), [range]);
        assert_eq!(Evicted::told(&LINE.replace("lost=10", "lost=9")), []);
        assert_eq!(Evicted::told(&LINE.replace("ERROR", "WARN")), []);
    }

    #[test]
    fn range_reported_twice_or_still_there_is_misreported() {
        let told = Evicted::told(LINE);
        let findings = |told: &[Evicted], start| {
            let mut verdict = Verdict::default();
            judge(&mut verdict, told, &[(2, start)]);
            verdict.misreported.len()
        };
        assert_eq!(findings(&told, 30), 0);
        assert_eq!(findings(&told, 29), 1);
        assert_eq!(findings(&[told[0], told[0]], 30), 1);
    }
}
