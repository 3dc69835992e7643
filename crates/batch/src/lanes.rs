//! Several pieces of work at once, their results one after the other in the order of the work.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

/// Does `work` on each item, on `lanes` threads (1 at least), and hands each result to `take` in the items' order. A lane is at most one result ahead of `take`, so
/// that what waits stays bounded.
///
/// # Errors
///
/// The first error of `work` or `take` in the items' order; nothing after it is taken.
pub fn in_order<Items: Iterator + Clone + Send, Done: Send, Error: Send>(
    items: Items,
    lanes: usize,
    work: impl Fn(Items::Item) -> Result<Done, Error> + Sync,
    mut take: impl FnMut(Items::Item, Done) -> Result<(), Error>,
) -> Result<(), Error> {
    let (work, lanes) = (&work, lanes.max(1));
    thread::scope(|scope| {
        let start = |lane: usize| -> Receiver<Result<Done, Error>> {
            let (sender, receiver) = sync_channel(1);
            let items = items.clone();
            scope.spawn(move || {
                for item in items.skip(lane).step_by(lanes) {
                    let done = work(item);
                    let failed = done.is_err();
                    // Nobody listens any more when an earlier item failed.
                    if sender.send(done).is_err() || failed {
                        return;
                    }
                }
            });
            receiver
        };
        let receivers: Vec<_> = (0..lanes).map(start).collect();
        for (item, receiver) in items.clone().zip(receivers.iter().cycle()) {
            // A lane that panicked sends nothing more; leaving the scope passes its panic on.
            let Ok(done) = receiver.recv() else { return Ok(()) };
            take(item, done?)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::in_order;

    #[test]
    fn results_come_in_order_and_work_at_once() {
        let together = Barrier::new(3);
        let mut taken = Vec::new();
        let work = |item: u32| {
            // With fewer than three at work this would wait for ever.
            together.wait();
            Ok::<_, ()>(item * 10)
        };
        in_order(0..9, 3, work, |_, done| {
            taken.push(done);
            Ok(())
        })
        .unwrap();
        assert_eq!(taken, [0, 10, 20, 30, 40, 50, 60, 70, 80]);
    }

    #[test]
    fn nothing_is_taken_after_a_failure() {
        for lanes in 1..5 {
            let mut taken = Vec::new();
            let work = |item: u32| if item == 7 { Err("seven") } else { Ok(item) };
            let result = in_order(0..20, lanes, work, |_, done| {
                taken.push(done);
                Ok(())
            });
            assert_eq!((result, taken.len()), (Err("seven"), 7));
            let result = in_order(
                0..20,
                lanes,
                Ok,
                |_, done| if done == 3 { Err("three") } else { Ok(()) },
            );
            assert_eq!(result, Err("three"));
        }
    }
}
