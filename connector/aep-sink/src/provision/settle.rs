//! The time a new flow needs before its first record.
//!
//! Until it is over, Experience Platform acknowledges records and drops them.

use std::time::Duration;

use super::options::Desk;

/// What Adobe's documents ask for after a flow was made.
pub const USUAL: Duration = Duration::from_secs(300);
/// How often what is left is shown.
const EVERY: Duration = Duration::from_secs(30);

/// What is left of the wait, of flows made at a time in milliseconds since the epoch.
pub(super) fn left(since: Option<i64>, now: i64, wait: Duration) -> Duration {
    let Some(since) = since else {
        return Duration::ZERO;
    };
    // A clock that was set back must not make it longer.
    let passed = u64::try_from(now.saturating_sub(since)).unwrap_or(0);
    wait.saturating_sub(Duration::from_millis(passed))
}

/// Waits, and shows how long still.
pub(super) async fn count_down(left: Duration, desk: &mut dyn Desk) {
    let end = tokio::time::Instant::now() + left;
    loop {
        let left = end.saturating_duration_since(tokio::time::Instant::now());
        if left.is_zero() {
            return;
        }
        let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        desk.say(&format!(
            "  {}:{:02} until the new flows take records",
            seconds / 60,
            seconds % 60
        ));
        tokio::time::sleep(left.min(EVERY)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Lines(Vec<String>);

    impl Desk for Lines {
        fn say(&mut self, line: &str) {
            self.0.push(line.trim().to_owned());
        }

        fn agrees(&mut self, _: &str) -> bool {
            false
        }
    }

    #[test]
    fn wait_is_counted_from_the_youngest_flow() {
        let minute = 60_000;
        assert_eq!(left(None, minute, USUAL), Duration::ZERO);
        assert_eq!(left(Some(0), minute, USUAL), Duration::from_secs(240));
        assert_eq!(left(Some(0), 6 * minute, USUAL), Duration::ZERO);
        assert_eq!(left(Some(minute), 0, USUAL), USUAL);
    }

    #[tokio::test(start_paused = true)]
    async fn countdown_shows_what_is_left_and_ends() {
        let mut lines = Lines::default();
        let began = tokio::time::Instant::now();
        count_down(Duration::from_secs(65), &mut lines).await;
        assert_eq!(began.elapsed(), Duration::from_secs(65));
        let shown: Vec<&str> = lines
            .0
            .iter()
            .filter_map(|line| line.split(' ').next())
            .collect();
        assert_eq!(shown, ["1:05", "0:35", "0:05"]);
    }
}
