//! The queue between many submitters and the one writer: in process, bounded, first in first out.
//!
//! This file is the seam: a queue that outlives the process takes its place. Nothing is said to a submitter because a submission was queued,
//! only because it was committed, so losing the queue loses no promise.

use std::sync::{Mutex, PoisonError};

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
pub(crate) struct Inlet(Mutex<Option<mpsc::Sender<Submission>>>);

/// The writer's end.
pub(crate) struct Outlet(mpsc::Receiver<Submission>);

/// A queue for this many submissions; at least one.
pub(crate) fn queue(capacity: usize) -> (Inlet, Outlet) {
    let (sender, receiver) = mpsc::channel(capacity.max(1));
    (Inlet(Mutex::new(Some(sender))), Outlet(receiver))
}

impl Inlet {
    /// Takes a submission in, without waiting.
    pub(crate) fn offer(&self, submission: Submission) -> Result<(), SubmitError> {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = sender.as_ref().ok_or(SubmitError::Closed)?;
        sender.try_send(submission).map_err(|error| match error {
            TrySendError::Full(_) => SubmitError::Busy,
            TrySendError::Closed(_) => SubmitError::Closed,
        })
    }

    /// Takes nothing in any more. What was taken in stays for the writer.
    pub(crate) fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Whether submissions are taken in: not closed, and the writer is there.
    pub(crate) fn is_open(&self) -> bool {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sender.as_ref().is_some_and(|sender| !sender.is_closed())
    }
}

impl Outlet {
    /// Waits for a submission, then takes all that are there, up to `max`: a batch is as large as the load makes it, and nobody waits for a timer. Empty
    /// when the queue is closed and nothing is left.
    pub(crate) fn take(&mut self, max: usize) -> Vec<Submission> {
        let mut batch = Vec::new();
        self.0.blocking_recv_many(&mut batch, max.max(1));
        batch
    }
}
