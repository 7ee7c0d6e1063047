//! How far long work is, on standard output: a bar on a terminal, plain lines elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Steps of the bar.
const STEPS: f64 = 1_000.0;
/// `[############············]  50 % a text`
const TEMPLATE: &str = "[{bar:24}] {percent:>3} % {msg}";

/// Shows how far work is.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// On standard output.
    #[must_use]
    pub fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(STEPS as u64), ProgressDrawTarget::stdout());
        // The template is constant and tested; the default style is no reason to stop.
        let style = ProgressStyle::with_template(TEMPLATE)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("##·");
        Self(bar.with_style(style))
    }

    /// Shows the share that is done, from 0 to 1, and a text.
    pub fn show(&mut self, share: f64, text: &str) {
        if self.0.is_hidden() {
            println!("{text}");
        } else {
            self.0.set_position(step(share));
            self.0.set_message(text.to_owned());
        }
    }

    /// Leaves the bar as it is; what is printed next begins below it.
    pub fn end(&mut self) {
        self.0.abandon();
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

fn step(share: f64) -> u64 {
    (share.clamp(0.0, 1.0) * STEPS).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn template_is_valid() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }

    #[test]
    fn step_stays_within_the_bar() {
        for (share, expected) in [
            (-1.0, 0),
            (0.5, 500),
            (7.0, 1_000),
            (f64::NAN, 0),
            (f64::INFINITY, 1_000),
        ] {
            assert_eq!(step(share), expected, "{share}");
        }
    }
}
