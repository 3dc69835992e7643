//! How much processor time a process has used, so that a measurement can say what its parts cost. Linux only; elsewhere nothing is known.

use std::fs;

/// The unit of /proc/PID/stat: a hundredth of a second, on every Linux (proc_pid_stat(5), USER_HZ).
const TICK_US: f64 = 10_000.0;

/// User and system time of all threads of a process so far, also of those that have ended, in microseconds. `None` where the system does not say.
pub fn used_us(process: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The second field is the program's name in parentheses, and may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    let ticks = |place: usize| rest.split_whitespace().nth(place)?.parse::<f64>().ok();
    // Fields 14 and 15, counted from the third.
    Some((ticks(11)? + ticks(12)?) * TICK_US)
}

#[test]
#[cfg(target_os = "linux")]
fn a_process_that_works_uses_time() {
    let before = used_us(std::process::id()).unwrap();
    let mut number = 0_u64;
    while used_us(std::process::id()).unwrap() < before + 3.0 * TICK_US {
        number = std::hint::black_box(number + 1);
    }
}
