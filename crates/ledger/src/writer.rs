//! The single writer: takes a batch, verifies every coin, counts the batch, answers. While its store cannot be reached it takes nothing.

use std::sync::Arc;
use std::time::Duration;

use batch::verify_coins;
use coin::{Refusal, Timestamp};
use tokio::sync::watch;
use vote::{CampaignFile, Nullifier, Tally, Totals};

use crate::queue::{Outlet, Reply, Submission};
use crate::{Appended, Ballot, Batch, Bell, Clock, Keys, Outcome, Reader, State, Store, StoreError, SubmitError};

/// How long the first pause is after the store could not be read back; each further one is twice as long.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(3);

/// What the writer thread owns.
pub(crate) struct Writer {
    pub(crate) store: Box<dyn Store>,
    /// Looks issued coins up, if only they count.
    pub(crate) issued: Option<Box<dyn Reader>>,
    pub(crate) file: CampaignFile,
    pub(crate) keys: Keys,
    pub(crate) clock: Clock,
    pub(crate) batch_max: usize,
    /// The sums as last committed.
    pub(crate) totals: Totals,
    pub(crate) tally: watch::Sender<Arc<Tally>>,
    /// Heard by who signs the log.
    pub(crate) bell: Bell,
}

impl Writer {
    /// Counts until the queue is closed and empty.
    ///
    /// # Errors
    ///
    /// When the committed state is not what it can be after a failure, or the queue was closed before it could be read back.
    pub(crate) fn run(mut self, mut outlet: Outlet) -> Result<(), StoreError> {
        loop {
            let batch = outlet.take(self.batch_max);
            if batch.is_empty() {
                return Ok(());
            }
            self.count(batch, &mut outlet)?;
        }
    }

    fn count(&mut self, batch: Vec<Submission>, outlet: &mut Outlet) -> Result<(), StoreError> {
        let now = (self.clock)();
        let (ballots, replies) = self.verify(batch, now);
        let (ballots, replies) = self.only_issued(ballots, replies);
        if ballots.is_empty() {
            return Ok(());
        }
        let batch = Batch {
            ballots,
            counted_at: now,
            // The queue in this process ends with it: there is nothing to resume from.
            progress: None,
        };
        match self.store.append(&batch) {
            Ok(appended) => {
                self.answer(&batch.ballots, replies, appended);
                Ok(())
            }
            Err(error) => {
                let votes = batch.ballots.len();
                tracing::error!(%error, votes, "a batch failed; whether it was kept is read back from the store");
                let recovered = self.recover(votes);
                // Never a blind second try: who is told "unknown" sends again, and the nullifier decides.
                for reply in replies {
                    send(reply, Err(SubmitError::Unknown));
                }
                recovered.or_else(|error| self.wait_for_store(error, votes, outlet))
            }
        }
    }

    /// Takes nothing in until the committed state can be read back: a disk that is full has room again some time. Only a store that fails is waited for, not one that
    /// says what cannot be.
    fn wait_for_store(
        &mut self,
        mut error: StoreError,
        batch_len: usize,
        outlet: &mut Outlet,
    ) -> Result<(), StoreError> {
        for Submission { reply, .. } in outlet.shut() {
            send(reply, Err(SubmitError::Closed));
        }
        let mut pause = PAUSE_MIN;
        while let StoreError::Backend(_) = error {
            tracing::warn!(%error, "the store does not say what it holds; no votes are taken until it does");
            if outlet.is_closed_within(pause) {
                break;
            }
            pause = PAUSE_MAX.min(2 * pause);
            match self.recover(batch_len) {
                Ok(()) => {
                    outlet.open();
                    return Ok(());
                }
                Err(next) => error = next,
            }
        }
        tracing::error!(%error, "the ledger's state is unknown; the writer stops");
        Err(error)
    }

    /// Answers the refused at once and returns the others, each ballot with its reply.
    fn verify(&self, batch: Vec<Submission>, now: Timestamp) -> (Vec<Ballot>, Vec<Reply>) {
        let keyring = self.keys.current();
        let tokens: Vec<&[u8]> = batch.iter().map(|submission| submission.token.as_slice()).collect();
        let verified = verify_coins(&tokens, &keyring, self.file.campaign(), now);
        let mut ballots = Vec::with_capacity(batch.len());
        let mut replies = Vec::with_capacity(batch.len());
        for (Submission { vote, reply, .. }, verified) in batch.into_iter().zip(verified) {
            match verified {
                Ok(coin) => {
                    ballots.push(Ballot::new(coin, vote));
                    replies.push(reply);
                }
                Err(refusal) => send(reply, Ok(Outcome::Refused(refusal))),
            }
        }
        (ballots, replies)
    }

    /// Answers those whose coin was not issued, if the campaign says which ones were, and returns the others.
    fn only_issued(&mut self, ballots: Vec<Ballot>, replies: Vec<Reply>) -> (Vec<Ballot>, Vec<Reply>) {
        let Some(reader) = &mut self.issued else {
            return (ballots, replies);
        };
        let nullifiers: Vec<Nullifier> = ballots.iter().map(|ballot| ballot.nullifier).collect();
        match reader.find_issued(&nullifiers) {
            Ok(issued) => {
                let mut counting = Vec::with_capacity(ballots.len());
                for (ballot, reply) in ballots.into_iter().zip(replies) {
                    if issued.contains(&ballot.nullifier) {
                        counting.push((ballot, reply));
                    } else {
                        send(reply, Ok(Outcome::Refused(Refusal::NotIssued)));
                    }
                }
                counting.into_iter().unzip()
            }
            Err(error) => {
                tracing::error!(%error, "the log of issued coins could not be read; nothing was counted");
                for reply in replies {
                    send(reply, Err(SubmitError::Unknown));
                }
                (Vec::new(), Vec::new())
            }
        }
    }

    fn answer(&mut self, ballots: &[Ballot], replies: Vec<Reply>, appended: Appended) {
        // Before the answers, so that whoever has one finds the vote in the tally.
        self.publish(appended.state.totals);
        for ((ballot, reply), entry) in ballots.iter().zip(replies).zip(appended.entries) {
            let outcome = if entry.is_new {
                Outcome::Counted(entry.counted)
            } else if entry.counted.vote == ballot.vote {
                Outcome::Repeated(entry.counted)
            } else {
                Outcome::Spent { first: entry.counted }
            };
            send(reply, Ok(outcome));
        }
    }

    /// Reads the committed state back after a batch of this size failed: it must be the state before it, or one that the batch explains.
    fn recover(&mut self, batch_len: usize) -> Result<(), StoreError> {
        let State { totals, .. } = self.store.recover()?;
        let most = self.totals.votes.saturating_add(batch_len as u64);
        if !totals.is_conserved() || !(self.totals.votes..=most).contains(&totals.votes) {
            let (before, after) = (self.totals.votes, totals.votes);
            return Err(StoreError::Damaged(format!(
                "{before} votes before a batch of {batch_len} failed, {after} after, and the sums do not explain it"
            )));
        }
        tracing::warn!(
            votes_before = self.totals.votes,
            votes_now = totals.votes,
            "read the ledger's state back; it counts on"
        );
        self.publish(totals);
        Ok(())
    }

    fn publish(&mut self, totals: Totals) {
        if totals != self.totals {
            self.tally.send_replace(Arc::new(Tally::new(&self.file, &totals)));
            self.totals = totals;
            self.bell.ring();
        }
    }
}

/// Answers a submitter, who may have gone: the vote counts all the same.
fn send(reply: Reply, answer: Result<Outcome, SubmitError>) {
    let _ = reply.send(answer);
}
