//! The only place that waits.

use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take that takes a moment. Generous, since a slow machine is no failure; nothing that works waits for it.
pub const SOON: Duration = Duration::from_secs(60);

/// Looks until there is something, and gives it; fails after [`SOON`] with what was last seen instead.
pub fn wait_for<T>(what: &str, look: impl FnMut() -> Result<T, String>) -> T {
    wait_up_to(SOON, look).unwrap_or_else(|seen| panic!("waited {SOON:?} for {what}; last seen: {seen}"))
}

/// Looks until there is something, and gives it; gives what was last seen instead when the time is over.
pub fn wait_up_to<T>(time: Duration, mut look: impl FnMut() -> Result<T, String>) -> Result<T, String> {
    let deadline = Instant::now() + time;
    loop {
        match look() {
            Err(_) if Instant::now() < deadline => pause(),
            seen => return seen,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is where the waiting is done")]
fn pause() {
    thread::sleep(Duration::from_millis(10));
}

#[test]
fn a_wait_ends_with_what_it_found() {
    let mut looks = 0;
    let found = wait_for("the third look", || {
        looks += 1;
        if looks == 3 { Ok(looks) } else { Err(String::new()) }
    });
    assert_eq!(found, 3);
}

#[test]
fn a_wait_that_is_over_says_what_it_saw() {
    let seen = wait_up_to(Duration::ZERO, || Err::<(), _>("nothing".to_owned()));
    assert_eq!(seen, Err("nothing".to_owned()));
}
