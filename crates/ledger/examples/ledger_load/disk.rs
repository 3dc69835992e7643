//! The disk, which all that are measured share: how long it takes to keep something, and when it is at rest.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// A page of Postgres' log.
const PAGE: [u8; 8192] = [7; 8192];

/// Has everything written that anybody has left to be written later, so that whoever is measured next does not wait for it.
pub fn settle() {
    assert!(Command::new("sync").status().unwrap().success());
}

/// How long every commit waits at least: the median of a hundred times, each of a page that is written behind the last one and synced.
pub fn fdatasync_ms(directory: &Path) -> f64 {
    let mut file = File::create(directory.join("probe")).unwrap();
    let mut times: Vec<f64> = (0..100)
        .map(|_| {
            file.write_all(&PAGE).unwrap();
            let began = Instant::now();
            file.sync_data().unwrap();
            began.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
