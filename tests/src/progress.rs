//! How far long work is, on standard output: one moving line on a terminal, plain lines elsewhere.

use std::io::{IsTerminal, Write, stdout};

const WIDTH: usize = 24;
/// Back to the first column, and nothing left of what was there.
const CLEAR: &str = "\r\x1b[2K";

/// Tells how far work is.
#[derive(Debug)]
pub struct Progress {
    is_terminal: bool,
    is_drawn: bool,
}

impl Progress {
    /// On standard output.
    #[must_use]
    pub fn new() -> Self {
        Self {
            is_terminal: stdout().is_terminal(),
            is_drawn: false,
        }
    }

    /// Shows the share that is done, from 0 to 1, and a text.
    pub fn tell(&mut self, share: f64, text: &str) {
        if self.is_terminal {
            print!("{CLEAR}{} {text}", bar(share));
            self.is_drawn = true;
            // A line that cannot be shown is no reason to stop.
            let _ = stdout().flush();
        } else {
            println!("{text}");
        }
    }

    /// Leaves the last line as it is; what is printed next begins below it.
    pub fn end(&mut self) {
        if std::mem::take(&mut self.is_drawn) {
            println!();
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

/// `[############············]  50 %`
fn bar(share: f64) -> String {
    let percent = (share.clamp(0.0, 1.0) * 100.0).round() as usize;
    let filled = WIDTH * percent / 100;
    format!(
        "[{}{}] {percent:>3} %",
        "#".repeat(filled),
        "·".repeat(WIDTH - filled)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bar_is_as_long_whatever_the_share() {
        assert_eq!(bar(0.5), "[############············]  50 %");
        for share in [-1.0, 0.0, 0.333, 0.999, 1.0, 7.0, f64::NAN, f64::INFINITY] {
            assert_eq!(
                bar(share).chars().count(),
                "[############············]  50 %".chars().count(),
                "{share}"
            );
        }
    }
}
