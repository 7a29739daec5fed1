//! What two devices tell each other about what they have seen (rule R4).
//!
//! Invariants:
//! - A device's counter in a conversation is consecutive over what the server accepted; it begins anew when the device
//!   enters the group anew. A refused message gives its number back.
//! - A mismatch stops sending until a person decides; the message that showed it is shown all the same.

use hushwire_client_store::conversation::{Conversation, ConversationKind};
use hushwire_client_store::mark::{self, Mark};
use hushwire_client_store::wanted::{self, Wanted};
use hushwire_client_store::witness;
use hushwire_content::{SeenList, Witness};
use hushwire_identity::{DeviceList, LeafCredential, ListHead};
use hushwire_mls::{Application, EpochChange, Origin};
use hushwire_types::{AccountId, ConversationId};

use crate::notice::Mismatch;
use crate::remake::Remake;
use crate::step::Step;
use crate::stop::Stop;
use crate::{Alert, Notice};

impl Step<'_, '_> {
    /// A witness for a content that is not encrypted yet: it is replaced before anybody sees it.
    pub(crate) fn draft_witness(&self) -> Result<Witness, Stop> {
        let list = seen(&*self.own_list()?);
        Ok(Witness { counter: 1, previous: None, list, transcript_hash: vec![0; 32], peer_list: None })
    }

    /// The witness of this device's next content, and the hash of its previous one.
    pub(crate) fn next_witness(
        &self,
        conversation: &Conversation,
        transcript_hash: &[u8],
    ) -> Result<(Witness, Option<[u8; 32]>), Stop> {
        let said = witness::find(self.tx, &conversation.id, &self.me.account, &self.me.device)?;
        let (counter, previous) = match said {
            Some(said) if said.counter > 0 => (said.counter.saturating_add(1), Some(said.hash)),
            _ => (1, None),
        };
        let peer_list = match conversation.kind {
            ConversationKind::Direct { peer } => self.list(&peer)?.map(|list| seen(&list)),
            _ => None,
        };
        let list = seen(&*self.own_list()?);
        Ok((
            Witness { counter, previous, list, transcript_hash: transcript_hash.to_vec(), peer_list },
            previous,
        ))
    }

    /// Notes what this device said last.
    pub(crate) fn said(
        &self,
        conversation: &ConversationId,
        counter: u64,
        hash: [u8; 32],
    ) -> Result<(), Stop> {
        let (account, device) = (self.me.account, self.me.device);
        Ok(witness::put(
            self.tx,
            &witness::Witness { conversation: *conversation, account, device, counter, hash },
        )?)
    }

    /// A content that the server refused was never said: the next one takes its number.
    pub(crate) fn unsay(&self, conversation: &ConversationId, note: &Remake) -> Result<(), Stop> {
        let said = witness::find(self.tx, conversation, &self.me.account, &self.me.device)?;
        if said.is_some_and(|said| said.counter >= note.counter) {
            self.said(conversation, note.counter.saturating_sub(1), note.previous.unwrap_or_default())?;
        }
        Ok(())
    }

    /// Whoever comes in by a Commit that this device follows, also anew, said nothing before.
    pub(crate) fn hears_newcomers(&self, id: &ConversationId, change: &EpochChange) -> Result<(), Stop> {
        let joiner = (change.origin == Origin::External).then_some(change.committer);
        let all: Vec<LeafCredential> = change.added.iter().copied().chain(joiner).collect();
        self.hears_from_the_start(id, &all)
    }

    /// This device was there before they could say anything: the first message of each other device is its first. So
    /// it is noticed when the server leaves that one out.
    pub(crate) fn hears_from_the_start(
        &self,
        id: &ConversationId,
        members: &[LeafCredential],
    ) -> Result<(), Stop> {
        for member in members.iter().filter(|member| member.device != self.me.device) {
            let LeafCredential { account, device, .. } = *member;
            let nothing = witness::Witness { conversation: *id, account, device, counter: 0, hash: [0; 32] };
            witness::put(self.tx, &nothing)?;
        }
        Ok(())
    }

    /// Compares what a message's author had seen and said with what this device knows.
    pub(crate) fn compare(
        &mut self,
        conversation: &ConversationId,
        message: &Application,
        told: &Witness,
        hash: [u8; 32],
    ) -> Result<(), Stop> {
        let (account, device) = (message.sender.account, message.sender.device);
        let heard = witness::find(self.tx, conversation, &account, &device)?;
        let history = heard.and_then(|heard| {
            let next = heard.counter.saturating_add(1);
            if told.counter > next {
                Some(Mismatch::Missing)
            } else if told.counter < next || told.previous != (heard.counter > 0).then_some(heard.hash) {
                Some(Mismatch::History)
            } else {
                None
            }
        });
        witness::put(
            self.tx,
            &witness::Witness { conversation: *conversation, account, device, counter: told.counter, hash },
        )?;
        if let Some(mismatch) = history {
            self.mismatch(*conversation, account, mismatch)?;
        }
        if told.transcript_hash != message.transcript_hash {
            self.mismatch(*conversation, account, Mismatch::Transcript)?;
        }
        self.compare_list(*conversation, account, account, told.list)?;
        if account != self.me.account
            && let Some(own) = told.peer_list
        {
            self.compare_list(*conversation, account, self.me.account, own)?;
        }
        Ok(())
    }

    /// Compares the head of a list that `teller` spoke of with the known list of `of`.
    fn compare_list(
        &mut self,
        conversation: ConversationId,
        teller: AccountId,
        of: AccountId,
        told: SeenList,
    ) -> Result<(), Stop> {
        let head = ListHead { number: told.number, hash: told.hash };
        let Some(list) = self.list(&of)? else { return Ok(()) };
        if list.knows(head) {
            return Ok(());
        }
        if told.number > list.head().number {
            // The server has not shown these entries yet. If it cannot, that is the mismatch.
            let wanted = Wanted {
                account: of,
                number: told.number,
                hash: told.hash,
                conversation: Some(conversation),
                witness: Some(teller),
            };
            return Ok(wanted::put(self.tx, &wanted)?);
        }
        let mismatch = if of == self.me.account { Mismatch::OwnList } else { Mismatch::List };
        self.mismatch(conversation, teller, mismatch)
    }

    /// Stops sending in a conversation and says so, once.
    pub(crate) fn mismatch(
        &mut self,
        conversation: ConversationId,
        account: AccountId,
        mismatch: Mismatch,
    ) -> Result<(), Stop> {
        if mark::is_set(self.tx, &conversation, Mark::Stopped)? {
            return Ok(());
        }
        mark::set(self.tx, &conversation, Mark::Stopped)?;
        self.notice(&conversation, &Notice::Mismatch { account, mismatch })?;
        self.alert(Alert::Mismatch { conversation, account, mismatch }, Some(conversation))
    }
}

fn seen(list: &DeviceList) -> SeenList {
    let head = list.head();
    SeenList { number: head.number, hash: head.hash }
}
