//! Which epochs and generations are accepted (rule R1).

use std::time::Duration;

use hushwire_types::{Epoch, Generation, Timestamp};

use crate::error::Refusal;

/// Application messages are accepted in the current epoch and in so many before it, because a Commit may overtake a
/// message that was encrypted before.
pub const PAST_EPOCHS: u64 = 2;

/// For so long after an epoch has ended its application messages are accepted. Members keep its keys for 24 hours (rule
/// R8) by clocks and connections of their own: what is accepted must be readable by all of them, so this is half of it.
pub const PAST_EPOCH_TIME: Duration = Duration::from_secs(12 * 60 * 60);

/// Where a conversation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The current generation.
    pub generation: Generation,
    /// Its epoch.
    pub epoch: Epoch,
}

/// Whether an application message of this epoch is accepted.
///
/// # Errors
/// `ClosedGeneration`, `StaleEpoch`, `FutureEpoch`.
pub fn application(now: Standing, generation: Generation, epoch: Epoch) -> Result<(), Refusal> {
    let Standing { generation: current, epoch: at } = now;
    if generation != current {
        return Err(Refusal::ClosedGeneration { generation: current, epoch: at });
    }
    if epoch > at {
        return Err(Refusal::FutureEpoch { generation: current, epoch: at });
    }
    if epoch.0.saturating_add(PAST_EPOCHS) < at.0 {
        return Err(Refusal::StaleEpoch { generation: current, epoch: at });
    }
    Ok(())
}

/// Whether an application message of a past epoch is still accepted, by when the Commit that ended the epoch was
/// accepted; `None` where that is so old that it is not in the log any more.
///
/// # Errors
/// `StaleEpoch`: the sender encrypts again.
pub fn not_outlived(now: Standing, ended_at: Option<Timestamp>, at: Timestamp) -> Result<(), Refusal> {
    match ended_at {
        Some(ended_at) if at.since(ended_at) < PAST_EPOCH_TIME => Ok(()),
        _ => Err(Refusal::StaleEpoch { generation: now.generation, epoch: now.epoch }),
    }
}

/// Whether a Commit made in this epoch is accepted: compare-and-swap.
///
/// # Errors
/// `ClosedGeneration`, `StaleEpoch`, `FutureEpoch`.
pub fn commit(now: Standing, generation: Generation, epoch: Epoch) -> Result<(), Refusal> {
    application(now, generation, epoch)?;
    if epoch != now.epoch {
        return Err(Refusal::StaleEpoch { generation: now.generation, epoch: now.epoch });
    }
    Ok(())
}

/// Whether a conversation may be made, or continued in another generation.
///
/// # Errors
/// `UnknownConversation` for a generation above 1 of nothing, `ConversationExists` where somebody was first,
/// `ClosedGeneration` where one would be skipped.
pub fn creation(now: Option<Standing>, generation: Generation) -> Result<(), Refusal> {
    match now {
        None if generation == Generation(1) => Ok(()),
        None => Err(Refusal::UnknownConversation),
        Some(Standing { generation: current, epoch }) if generation <= current => {
            Err(Refusal::ConversationExists { generation: current, epoch })
        }
        Some(Standing { generation: current, .. }) if generation == current.next() => Ok(()),
        Some(Standing { generation: current, epoch }) => {
            Err(Refusal::ClosedGeneration { generation: current, epoch })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Standing = Standing { generation: Generation(2), epoch: Epoch(9) };

    #[test]
    fn messages_are_accepted_in_three_epochs() {
        let accepted: Vec<u64> =
            (0..20).filter(|epoch| application(NOW, Generation(2), Epoch(*epoch)).is_ok()).collect();
        assert_eq!(accepted, [7, 8, 9]);
    }

    #[test]
    fn messages_of_a_past_epoch_are_accepted_for_half_a_day() {
        let ended = Timestamp::from_ms(1000);
        let last = ended.after(PAST_EPOCH_TIME).before(Duration::from_millis(1));
        assert_eq!(not_outlived(NOW, Some(ended), last), Ok(()));
        let stale = Err(Refusal::StaleEpoch { generation: Generation(2), epoch: Epoch(9) });
        assert_eq!(not_outlived(NOW, Some(ended), ended.after(PAST_EPOCH_TIME)), stale);
        assert_eq!(not_outlived(NOW, None, ended), stale);
    }

    #[test]
    fn r1_a_commit_is_accepted_in_the_current_epoch_only() {
        let accepted: Vec<u64> =
            (0..20).filter(|epoch| commit(NOW, Generation(2), Epoch(*epoch)).is_ok()).collect();
        assert_eq!(accepted, [9]);
        assert!(matches!(commit(NOW, Generation(1), Epoch(9)), Err(Refusal::ClosedGeneration { .. })));
    }

    #[test]
    fn generations_are_made_one_after_the_other() {
        assert_eq!(creation(None, Generation(1)), Ok(()));
        assert_eq!(creation(None, Generation(2)), Err(Refusal::UnknownConversation));
        let accepted: Vec<u64> =
            (0..9).filter(|number| creation(Some(NOW), Generation(*number)).is_ok()).collect();
        assert_eq!(accepted, [3]);
    }
}
