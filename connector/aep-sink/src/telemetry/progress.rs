//! How far long work is: a bar on a terminal, a line of the log now and then elsewhere.

use std::io::{self, Write};
use std::sync::LazyLock;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::time::{MissedTickBehavior, interval};
use tracing::info;

/// How often a bar is redrawn.
const REDRAW: Duration = Duration::from_millis(250);
/// How often a line is logged.
const LOG_EVERY: Duration = Duration::from_secs(10);
/// `replay [######··················]  25 %  5 of 20, 5 events delivered`
const TEMPLATE: &str = "{prefix} [{bar:24}] {percent:>3} %  {pos} of {len}, {msg}";

/// The bars on stderr; hidden when it is no terminal.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// How far work is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) done: u64,
    pub(crate) total: u64,
    /// What else to say, such as `12 events delivered`.
    pub(crate) details: String,
}

/// Shows how far `work` is until it ends, and gives its result.
pub(crate) async fn during<T>(
    name: &'static str,
    state: impl Fn() -> State,
    work: impl Future<Output = T>,
) -> T {
    let shown = Shown::new(name);
    let mut ticks = interval(if shown.bar.is_some() {
        REDRAW
    } else {
        LOG_EVERY
    });
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick comes at once, when there is nothing to show.
    ticks.tick().await;
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            result = &mut work => return result,
            _ = ticks.tick() => shown.update(&state()),
        }
    }
}

/// Removes the bar when the work ends, or is given up.
struct Shown {
    name: &'static str,
    /// On a terminal.
    bar: Option<ProgressBar>,
}

impl Shown {
    fn new(name: &'static str) -> Self {
        let bar = (!BARS.is_hidden()).then(|| {
            // The template is constant and tested; the default style is no reason to stop.
            let style = ProgressStyle::with_template(TEMPLATE)
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("##·");
            let bar = ProgressBar::new(0).with_style(style).with_prefix(name);
            BARS.add(bar)
        });
        Self { name, bar }
    }

    fn update(&self, state: &State) {
        let State {
            done,
            total,
            details,
        } = state;
        let Some(bar) = &self.bar else {
            info!(done, of = total, "{}: {details}", self.name);
            return;
        };
        bar.set_length(*total);
        bar.set_position(*done);
        bar.set_message(details.clone());
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
            BARS.remove(bar);
        }
    }
}

/// Where the log goes: stderr, above the bars.
#[derive(Debug, Clone, Copy)]
pub(super) struct AboveBars;

impl Write for AboveBars {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        BARS.suspend(|| io::stderr().write(bytes))
    }

    /// A line of the log comes in one piece.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        BARS.suspend(|| io::stderr().write_all(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn template_is_valid() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn progress_is_asked_for_while_the_work_lasts() {
        let asked = std::cell::Cell::new(0);
        let state = || {
            asked.set(asked.get() + 1);
            State {
                done: 1,
                total: 2,
                details: String::new(),
            }
        };
        let work = async {
            tokio::time::sleep(LOG_EVERY * 3 + REDRAW).await;
            "done"
        };
        assert_eq!(during("work", state, work).await, "done");
        assert!(asked.get() >= 3, "{}", asked.get());
    }
}
