//! Wire version 1 in memory.

use std::collections::BTreeMap;

use hushwire_types::Timestamp;

use super::state::State;
use crate::bounds::Bounds;
use crate::classic::{
    AcknowledgeClassic, BeginClassic, ClassicAccount, ClassicId, ClassicMessage, ClassicPhone, ClassicStored,
    ClassicWaiting, CountClassicGuess, CreateClassic, StoreClassic, guess_key,
};
use crate::decide::{self, classic::Creation};
use crate::error::Refusal;
use crate::write::Written;

/// The tables of wire version 1.
#[derive(Debug, Clone, Default)]
pub(super) struct Classic {
    pub(super) accounts: BTreeMap<ClassicPhone, ClassicAccount>,
    messages: BTreeMap<(ClassicPhone, ClassicId), ClassicMessage>,
    pub(super) seen: BTreeMap<[u8; 32], Timestamp>,
    last: u64,
}

impl State {
    pub(super) fn begin_classic(
        &self,
        operation: BeginClassic,
        bounds: &Bounds,
        now: Timestamp,
    ) -> Result<Written, Refusal> {
        let account = self.classic.accounts.get(&operation.phone);
        let wrong = self.wrong_codes.get(&guess_key(operation.phone)).map_or(&[][..], Vec::as_slice);
        decide::classic::may_begin(account, wrong, bounds, now).map(|()| Written::Done)
    }

    pub(super) fn count_classic_guess(&mut self, operation: CountClassicGuess, now: Timestamp) -> Written {
        self.wrong_codes.entry(guess_key(operation.phone)).or_default().push(now);
        Written::Done
    }

    pub(super) fn create_classic(
        &mut self,
        operation: CreateClassic,
        now: Timestamp,
    ) -> Result<Written, Refusal> {
        let CreateClassic { phone, keys } = operation;
        if decide::classic::creation(self.classic.accounts.get(&phone), &keys)? == Creation::New {
            let account = ClassicAccount { keys, waiting: ClassicWaiting::default(), created_at: now };
            self.classic.accounts.insert(phone, account);
        }
        Ok(Written::Done)
    }

    pub(super) fn store_classic(
        &mut self,
        operation: StoreClassic,
        bounds: &Bounds,
        now: Timestamp,
    ) -> Result<Written, Refusal> {
        let StoreClassic { recipient, sender, digest, blob } = operation;
        let classic = &mut self.classic;
        if classic.seen.contains_key(&digest) {
            return Ok(Written::ClassicStored(ClassicStored::Before));
        }
        let size = size(&blob);
        let account = classic.accounts.get_mut(&recipient);
        decide::classic::may_store(account.as_ref().map(|account| account.waiting), size, bounds)?;
        if let Some(account) = account {
            account.waiting.messages += 1;
            account.waiting.bytes += size;
        }
        classic.last += 1;
        let id = ClassicId(classic.last);
        classic.messages.insert((recipient, id), ClassicMessage { id, sender, blob });
        classic.seen.insert(digest, now);
        Ok(Written::ClassicStored(ClassicStored::New))
    }

    pub(super) fn acknowledge_classic(&mut self, operation: AcknowledgeClassic) -> Written {
        let AcknowledgeClassic { recipient, sender, read } = operation;
        let classic = &mut self.classic;
        if let Some(id) = read
            && classic.messages.get(&(recipient, id)).is_some_and(|message| message.sender == sender)
            && let Some(gone) = classic.messages.remove(&(recipient, id))
            && let Some(account) = classic.accounts.get_mut(&recipient)
        {
            let waiting = &mut account.waiting;
            waiting.messages = waiting.messages.saturating_sub(1);
            waiting.bytes = waiting.bytes.saturating_sub(size(&gone.blob));
        }
        let next = classic.waiting(recipient).find(|message| message.sender == sender);
        Written::ClassicNext(next.cloned())
    }
}

impl Classic {
    fn waiting(&self, recipient: ClassicPhone) -> impl Iterator<Item = &ClassicMessage> {
        let range = (recipient, ClassicId(0))..=(recipient, ClassicId(u64::MAX));
        self.messages.range(range).map(|(_, message)| message)
    }

    pub(super) fn oldest(&self, recipient: ClassicPhone, except: &[ClassicPhone]) -> Option<ClassicMessage> {
        self.waiting(recipient).find(|message| !except.contains(&message.sender)).cloned()
    }
}

fn size(blob: &bytes::Bytes) -> u64 {
    u64::try_from(blob.len()).unwrap_or(u64::MAX)
}
