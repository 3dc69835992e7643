//! The queue between many submitters and the one writer: in process, bounded, first in first out.
//!
//! This file is the seam: a queue that outlives the process takes its place. Nothing is said to a submitter because a submission was queued,
//! only because it was committed, so losing the queue loses no promise. The writer can shut it for a while.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use vote::Vote;

use crate::{Outcome, SubmitError};

/// Somebody's coin and vote, and where the answer goes.
pub(crate) struct Submission {
    pub(crate) token: Vec<u8>,
    pub(crate) vote: Vote,
    pub(crate) reply: Reply,
}

/// Where the answer to one submission goes. Dropped without an answer, it says [`SubmitError::Unknown`].
pub(crate) type Reply = oneshot::Sender<Result<Outcome, SubmitError>>;

/// The end that takes submissions in.
pub(crate) struct Inlet(Arc<Mutex<Door>>);

/// The writer's end.
pub(crate) struct Outlet {
    receiver: mpsc::Receiver<Submission>,
    door: Arc<Mutex<Door>>,
}

/// Where submissions come in.
struct Door {
    /// `None` once nothing comes in any more.
    sender: Option<mpsc::Sender<Submission>>,
    /// Whether nothing comes in for now.
    is_shut: bool,
}

/// A queue for this many submissions; at least one.
pub(crate) fn queue(capacity: usize) -> (Inlet, Outlet) {
    let (sender, receiver) = mpsc::channel(capacity.max(1));
    let door = Arc::new(Mutex::new(Door {
        sender: Some(sender),
        is_shut: false,
    }));
    (Inlet(Arc::clone(&door)), Outlet { receiver, door })
}

impl Inlet {
    /// Takes a submission in, without waiting.
    pub(crate) fn offer(&self, submission: Submission) -> Result<(), SubmitError> {
        let door = lock(&self.0);
        let sender = door.sender.as_ref().filter(|_| !door.is_shut);
        let sender = sender.ok_or(SubmitError::Closed)?;
        sender.try_send(submission).map_err(|error| match error {
            TrySendError::Full(_) => SubmitError::Busy,
            TrySendError::Closed(_) => SubmitError::Closed,
        })
    }

    /// Takes nothing in any more. What was taken in stays for the writer.
    pub(crate) fn close(&self) {
        lock(&self.0).sender.take();
    }

    /// Whether submissions are taken in: not closed, not shut, and the writer is there.
    pub(crate) fn is_open(&self) -> bool {
        let door = lock(&self.0);
        let sender = door.sender.as_ref().filter(|_| !door.is_shut);
        sender.is_some_and(|sender| !sender.is_closed())
    }
}

fn lock(door: &Mutex<Door>) -> MutexGuard<'_, Door> {
    door.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Outlet {
    /// Waits for a submission, then takes all that are there, up to `max`: a batch is as large as the load makes it, and nobody waits for a timer. Empty
    /// when the queue is closed and nothing is left.
    pub(crate) fn take(&mut self, max: usize) -> Vec<Submission> {
        let mut batch = Vec::new();
        self.receiver.blocking_recv_many(&mut batch, max.max(1));
        batch
    }

    /// Takes nothing in for now, and gives back what waits: nothing of it was begun.
    pub(crate) fn shut(&mut self) -> Vec<Submission> {
        lock(&self.door).is_shut = true;
        std::iter::from_fn(|| self.receiver.try_recv().ok()).collect()
    }

    /// Takes submissions in again.
    pub(crate) fn open(&self) {
        lock(&self.door).is_shut = false;
    }

    /// Waits for so long at most, and no longer once the queue is closed, if whoever closes it unparks this thread; whether it is closed.
    pub(crate) fn is_closed_within(&self, time: Duration) -> bool {
        if !self.receiver.is_closed() {
            thread::park_timeout(time);
        }
        self.receiver.is_closed()
    }
}
