//! The window of sends: 64 slots for each mailbox, by which a repeated send is known.
//!
//! A client has at most 64 sends in flight and gives them rising numbers, so a slot that holds a later number than the
//! one that comes can only mean a very old repetition or a profile that was restored (rule R10): both are refused.

use hushwire_types::SendSeq;

use crate::conversation::{Answer, SendId, Slot};

/// Slots of a mailbox: as many as sends may be in flight.
pub const SLOTS: u64 = 64;

/// What a slot holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// The number of the send.
    pub send_seq: SendSeq,
    /// The digest of what was sent.
    pub digest: [u8; 32],
    /// What was answered.
    pub answer: Answer,
}

/// The slot of a send number, below [`SLOTS`].
#[must_use]
pub const fn index(send_seq: SendSeq) -> u64 {
    send_seq.0 % SLOTS
}

/// How a send stands to what its slot holds.
#[must_use]
pub fn slot(used: Option<&Used>, send: &SendId) -> Slot {
    match used {
        Some(used) if used.send_seq == send.send_seq && used.digest == send.digest => {
            Slot::Repeated(used.answer)
        }
        Some(used) if used.send_seq >= send.send_seq => Slot::Reused,
        _ => Slot::Fresh,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::MailboxKey;
    use hushwire_types::{Order, Timestamp};

    fn send(number: u64, digest: u8) -> SendId {
        SendId { mailbox: MailboxKey(1), send_seq: SendSeq(number), digest: [digest; 32] }
    }

    #[test]
    fn a_slot_knows_the_same_send_from_another_one() {
        let answer = Answer { order: Order(4), accepted_at: Timestamp::from_ms(9) };
        let used = Used { send_seq: SendSeq(70), digest: [1; 32], answer };
        assert_eq!(slot(None, &send(6, 1)), Slot::Fresh);
        assert_eq!(slot(Some(&used), &send(70, 1)), Slot::Repeated(answer));
        assert_eq!(slot(Some(&used), &send(70, 2)), Slot::Reused);
        assert_eq!(slot(Some(&used), &send(6, 1)), Slot::Reused);
        assert_eq!(slot(Some(&used), &send(134, 1)), Slot::Fresh);
    }
}
