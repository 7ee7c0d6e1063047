//! What a process used, as the system counts it.

use std::time::Duration;

use super::error::BenchError;

/// The unit of processor time in `/proc`: a hundredth of a second on every machine Linux runs on
/// today.
const TICK: Duration = Duration::from_millis(10);

/// What a process used since its start.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Usage {
    /// Time in its own code and in the system on its behalf, over all threads.
    pub(super) processor: Duration,
    /// Bytes in memory now.
    pub(super) resident: u64,
    /// The most bytes in memory so far.
    pub(super) peak: u64,
    /// How often a thread of it waited for something.
    pub(super) waits: u64,
}

impl Usage {
    /// Reads what a process used.
    pub(super) fn of(process: u32) -> Result<Self, BenchError> {
        let failed = |source| BenchError::Usage { process, source };
        let read =
            |file: &str| std::fs::read_to_string(format!("/proc/{process}/{file}")).map_err(failed);
        let status = read("status")?;
        let kilobytes = |name| field(&status, name).unwrap_or_default() * 1024;
        let mut waits = 0;
        for task in std::fs::read_dir(format!("/proc/{process}/task")).map_err(failed)? {
            let path = task.map_err(failed)?.path().join("status");
            // A thread may end between the listing and the look.
            let status = std::fs::read_to_string(path).unwrap_or_default();
            waits += field(&status, "voluntary_ctxt_switches:").unwrap_or_default();
        }
        Ok(Self {
            processor: processor(&read("stat")?),
            resident: kilobytes("VmRSS:"),
            peak: kilobytes("VmHWM:"),
            waits,
        })
    }

    /// What this process used.
    pub(super) fn own() -> Result<Self, BenchError> {
        Self::of(std::process::id())
    }
}

/// The number of a line of `status`.
fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// `utime` and `stime` of a `stat` line. The program's name before them may hold anything, spaces
/// too.
fn processor(stat: &str) -> Duration {
    let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
    let ticks: u32 = after
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|number| number.parse::<u32>().ok())
        .sum();
    TICK * ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_past_a_name_with_spaces_and_brackets() {
        let stat = "7 (a b) c) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 3";
        assert_eq!(processor(stat), Duration::from_secs(2));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn usage_of_this_process_is_measured() {
        let begin = Usage::own().unwrap();
        let mut sum = 0_u64;
        while Usage::own().unwrap().processor <= begin.processor {
            sum = std::hint::black_box((0..1_000_000_u64).sum::<u64>().wrapping_add(sum));
        }
        assert!(begin.resident > 0 && begin.peak >= begin.resident);
    }
}
