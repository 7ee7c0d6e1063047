//! How far long work is: one moving line on a terminal, a line of the log now and then elsewhere.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tracing::info;

/// Fast enough to look alive.
const REDRAW: Duration = Duration::from_millis(250);
/// Seldom enough for a log.
const REPEAT: Duration = Duration::from_secs(10);
const WIDTH: u64 = 24;
/// Back to the first column, and nothing left of what was there.
const CLEAR: &str = "\r\x1b[2K";

/// What stands in the last line of the terminal now. Lines of the log are written above it.
static DRAWN: Mutex<String> = Mutex::new(String::new());

/// How far work is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) done: u64,
    pub(crate) total: u64,
    /// What else to say, such as `12 events delivered`.
    pub(crate) details: String,
}

/// Tells how far `work` is until it ends, and gives its result.
pub(crate) async fn during<T>(
    name: &str,
    state: impl Fn() -> State,
    work: impl Future<Output = T>,
) -> T {
    let is_terminal = io::stderr().is_terminal();
    let shown = Shown { name, is_terminal };
    let mut ticks = interval(if is_terminal { REDRAW } else { REPEAT });
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick comes at once, when there is nothing to tell.
    ticks.tick().await;
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            result = &mut work => return result,
            _ = ticks.tick() => shown.tell(&state()),
        }
    }
}

/// Removes the line when the work ends, or is given up.
struct Shown<'n> {
    name: &'n str,
    is_terminal: bool,
}

impl Shown<'_> {
    fn tell(&self, state: &State) {
        if self.is_terminal {
            let line = format!("{} {}", self.name, state.bar());
            // A line that cannot be shown is no reason to stop.
            let _ = draw(&mut io::stderr(), line);
        } else {
            info!(
                done = state.done,
                of = state.total,
                "{}: {}",
                self.name,
                state.details
            );
        }
    }
}

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        if self.is_terminal {
            let _ = draw(&mut io::stderr(), String::new());
        }
    }
}

impl State {
    /// `[######··················]  25 %  5 of 20, details`
    fn bar(&self) -> String {
        let total = self.total.max(self.done).max(1);
        let share = |of: u64| u128::from(self.done) * u128::from(of) / u128::from(total);
        let filled = usize::try_from(share(WIDTH)).unwrap_or_default();
        let empty = usize::try_from(WIDTH)
            .unwrap_or_default()
            .saturating_sub(filled);
        let bar = format!("{}{}", "#".repeat(filled), "·".repeat(empty));
        let (percent, done, of, details) = (share(100), self.done, self.total, &self.details);
        format!("[{bar}] {percent:>3} %  {done} of {of}, {details}")
    }
}

fn drawn() -> MutexGuard<'static, String> {
    DRAWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts a line in place of the one that is there; an empty one removes it.
fn draw(terminal: &mut impl Write, line: String) -> io::Result<()> {
    let mut drawn = drawn();
    if !drawn.is_empty() {
        terminal.write_all(CLEAR.as_bytes())?;
    }
    terminal.write_all(line.as_bytes())?;
    *drawn = line;
    terminal.flush()
}

/// Where the log goes: above the moving line, if there is one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Above<W>(pub(crate) W);

impl<W: Write> Write for Above<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    /// A whole line of the log comes in one piece.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let drawn = drawn();
        if drawn.is_empty() {
            return self.0.write_all(bytes);
        }
        self.0.write_all(CLEAR.as_bytes())?;
        self.0.write_all(bytes)?;
        self.0.write_all(drawn.as_bytes())?;
        self.0.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    fn state(done: u64, total: u64) -> State {
        State {
            done,
            total,
            details: "7 delivered".to_owned(),
        }
    }

    #[test]
    fn a_bar_shows_the_share_and_the_numbers() {
        assert_eq!(
            state(5, 20).bar(),
            "[######··················]  25 %  5 of 20, 7 delivered"
        );
        assert!(
            state(0, 0).bar().contains("  0 %"),
            "nothing to do is no division by zero"
        );
        assert!(state(20, 20).bar().contains("100 %") && state(30, 20).bar().contains("100 %"));
        assert!(state(u64::MAX, u64::MAX).bar().contains("100 %"));
    }

    #[test]
    fn a_line_of_the_log_goes_above_the_moving_line() {
        let mut terminal = Vec::new();
        draw(&mut terminal, "moving".to_owned()).unwrap();
        Above(&mut terminal).write_all(b"log line\n").unwrap();
        draw(&mut terminal, String::new()).unwrap();
        Above(&mut terminal).write_all(b"after\n").unwrap();
        let expected = format!("moving{CLEAR}log line\nmoving{CLEAR}after\n");
        assert_eq!(String::from_utf8(terminal).unwrap(), expected);
    }

    #[tokio::test(start_paused = true)]
    async fn progress_is_asked_for_while_the_work_lasts_and_not_after() {
        let asked = std::cell::Cell::new(0);
        let told = || {
            asked.set(asked.get() + 1);
            state(1, 2)
        };
        let work = async {
            tokio::time::sleep(REPEAT * 3 + REDRAW).await;
            "done"
        };
        assert_eq!(during("work", told, work).await, "done");
        assert!(asked.get() >= 3, "{}", asked.get());
    }
}
