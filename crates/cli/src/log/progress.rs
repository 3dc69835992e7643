//! Says how far the reading of a log is: a bar with the time that is left on a terminal, a plain line for each tenth anywhere else. Always on standard error.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

/// Plain lines in all.
const LINES: u64 = 10;

/// The progress through one log.
pub struct Progress {
    of: &'static str,
    total: u64,
    said: u64,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Of so many entries.
    pub fn start(of: &'static str, total: u64) -> Progress {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total).with_message(of);
            // The template is a constant; were it wrong, the built-in style would do.
            if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}, {per_sec}, {eta} left") {
                bar.set_style(style);
            }
            bar
        });
        Progress {
            of,
            total,
            said: 0,
            bar,
        }
    }

    /// Now at `done` entries.
    pub fn reached(&mut self, done: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(done);
            return;
        }
        let tenth = u128::from(done) * u128::from(LINES) / u128::from(self.total.max(1));
        if tenth > u128::from(self.said) {
            eprintln!("{done} of {} {}", self.total, self.of);
            self.said = u64::try_from(tenth).unwrap_or(LINES);
        }
    }

    /// Leaves the terminal tidy.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
