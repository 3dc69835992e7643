//! Says how far the minting is: a bar on a terminal, one plain line per batch anywhere else. Always on standard error.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

/// The progress of one run.
pub struct Progress {
    total: usize,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Starts at `done` of `total` coins.
    pub fn start(done: usize, total: usize) -> Progress {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total as u64).with_position(done as u64);
            // The template is a constant; were it wrong, the built-in style would do.
            if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} coins, {per_sec}, {eta} left") {
                bar.set_style(style);
            }
            bar
        });
        Progress { total, bar }
    }

    /// Now at `done` coins.
    pub fn reached(&self, done: usize) {
        match &self.bar {
            Some(bar) => bar.set_position(done as u64),
            None => eprintln!("{done} of {} coins", self.total),
        }
    }

    /// Leaves the terminal tidy.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish();
        }
    }
}
