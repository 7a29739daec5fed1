//! Asking to be let into a group: by its link, and an admin decides.
//!
//! ```text
//!  who has the link ─► JoinAsk { group, secret } ─► an admin whom the link names ─► JoinAsk { group, who } ─► the other admins
//!                                                            │                                                     │
//!                                                            └──────────── one of them adds them, or does not ─────┘
//! ```
//!
//! The link's secret is among the group's details, which members alone read; its hash is in the charter, which only those in charge
//! change. So every member can hand the link on, and an admin can end it.
//!
//! Invariants:
//! - Nobody comes in by a link: somebody in charge adds them, and the server and all members judge that as ever.
//! - An ask with a secret that is not the group's, from a blocked account, or in vain once, is nothing: nobody is told, and nothing
//!   of it is kept. An account asks once by a link.
//! - It opens no conversation that a person sees, on either side.
//! - Who is not let in by a person is not asked about on their other devices either; other admins may think otherwise.
//! - Who has asked to be in a group, and is added to it, is in it on purpose: it waits for no answer.

use std::collections::BTreeMap;

use hushwire_client_store::about::Aspect;
use hushwire_client_store::conversation::{Conversation, ConversationKind, ConversationState};
use hushwire_client_store::{StoreError, View, register, setting as facts};
use hushwire_content::{GroupDetails, JoinAsk, Kind};
use hushwire_group_policy::{Charter, Rank};
use hushwire_identity::LinkSecret;
use hushwire_mls::Application;
use hushwire_types::{AccountId, ContentId, ConversationId, Secret};
use serde::{Deserialize, Serialize};

use crate::facts::fact;
use crate::setting::code;
use crate::step::Step;
use crate::stop::Stop;
use crate::{Event, MessageRef, Notice, Outcome, Refusal};

/// Asks of one group, those that were declined too: more are dropped, so that a link that went astray fills no disk.
const ASKS: usize = 200;

/// What this account has asked for: groups as text, milliseconds.
const ASKED: &str = "asked to join";

/// How an ask stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stand {
    Waiting,
    Declined,
}

fn link_name(id: &ConversationId) -> String {
    format!("link of {id}")
}

fn asks_name(id: &ConversationId) -> String {
    format!("asks to join {id}")
}

/// The secret of a group's link, where it has one that this device can read.
///
/// # Errors
/// The database cannot be read.
pub fn group_link(view: &View<'_>, id: &ConversationId) -> Result<Option<LinkSecret>, StoreError> {
    let known = facts::find(view, &link_name(id))?;
    Ok(known.and_then(|known| Some(LinkSecret::new(known.try_into().ok()?))))
}

/// Who waits to be let into a group.
///
/// # Errors
/// The database cannot be read.
pub fn join_asks(view: &View<'_>, id: &ConversationId) -> Result<Vec<AccountId>, StoreError> {
    let all: BTreeMap<String, Stand> = fact(view, &asks_name(id))?.unwrap_or_default();
    let waiting = all.iter().filter(|(_, stand)| **stand == Stand::Waiting);
    Ok(waiting.filter_map(|(account, _)| account.parse().ok()).collect())
}

/// Who asks.
impl Step<'_, '_> {
    /// Asks `account` to be let into a group.
    pub(crate) fn ask_to_join(
        &mut self,
        account: AccountId,
        id: &ConversationId,
        secret: &LinkSecret,
    ) -> Result<Outcome, Stop> {
        if account == self.me.account {
            return Ok(Outcome::Refused(Refusal::OneselfInGroup));
        }
        if self.conversation(id)?.is_some_and(|known| known.state != ConversationState::Closed) {
            return Ok(Outcome::Refused(Refusal::InGroup));
        }
        if let Some(refusal) = self.refuse_text(account, "-")? {
            return Ok(Outcome::Refused(refusal));
        }
        let mut asked: BTreeMap<String, u64> = fact(self.tx, ASKED)?.unwrap_or_default();
        asked.insert(id.to_string(), self.now.as_ms());
        self.keep(ASKED, &asked)?;
        let conversation = self.open_conversation(account)?;
        let secret = Some(Secret::new(*secret.expose()));
        let ask = JoinAsk { conversation: *id, secret, account: None };
        self.say_about(&conversation, Kind::JoinAsk(ask), Aspect::Ask, None)
    }

    /// Whether this account has asked to be in a group that it was added to; it is asked for no more.
    pub(crate) fn had_asked(&mut self, id: &ConversationId) -> Result<bool, Stop> {
        let mut asked: BTreeMap<String, u64> = fact(self.tx, ASKED)?.unwrap_or_default();
        let had = asked.remove(&id.to_string()).is_some();
        if had {
            self.keep(ASKED, &asked)?;
        }
        Ok(had)
    }
}

/// Who is asked.
impl Step<'_, '_> {
    /// Somebody asks, or an admin says that somebody does.
    pub(crate) fn take_join_ask(
        &mut self,
        conversation: &Conversation,
        message: &Application,
        ask: &JoinAsk,
    ) -> Result<(), Stop> {
        let by = message.sender.account;
        let Some(group) = self.conversation(&ask.conversation)? else { return Ok(()) };
        if group.kind != ConversationKind::Group || group.state != ConversationState::Active {
            return Ok(());
        }
        let Some(view) = self.view(&group)? else { return Ok(()) };
        let Some(charter) = view.extension.charter().cloned() else { return Ok(()) };
        let is_member = |account: AccountId| view.members.iter().any(|leaf| leaf.account == account);
        if charter.rank(self.me.account) < Rank::Admin || !is_member(self.me.account) {
            return Ok(());
        }
        let who = match (&ask.secret, ask.account) {
            (Some(secret), None) if conversation.kind.peer() == Some(by) && by != self.me.account => {
                let hash = LinkSecret::new(*secret.expose()).hash();
                if charter.link == Some(hash) { by } else { return Ok(()) }
            }
            (None, Some(account)) if conversation.id == group.id && is_in_charge(&charter, by) => account,
            _ => return Ok(()),
        };
        if is_member(who) || !self.note_ask(&group.id, who)? {
            return Ok(());
        }
        let others = view
            .members
            .iter()
            .any(|leaf| leaf.account != self.me.account && charter.rank(leaf.account) >= Rank::Admin);
        if ask.secret.is_some() && others {
            let ask = JoinAsk { conversation: group.id, secret: None, account: Some(who) };
            self.say_about(&group, Kind::JoinAsk(ask), Aspect::Ask, None)?;
        }
        Ok(())
    }

    /// Keeps an ask, and tells of it. Whether it is new.
    fn note_ask(&mut self, id: &ConversationId, who: AccountId) -> Result<bool, Stop> {
        if self.is_blocked(&who)? {
            return Ok(false);
        }
        let name = asks_name(id);
        let mut all: BTreeMap<String, Stand> = fact(self.tx, &name)?.unwrap_or_default();
        if all.contains_key(&who.to_string()) || all.len() >= ASKS || self.is_declined(id, who)? {
            return Ok(false);
        }
        all.insert(who.to_string(), Stand::Waiting);
        self.keep(&name, &all)?;
        self.wish_to_know(who)?;
        self.notice(id, &Notice::AsksToJoin { account: who })?;
        self.event(&Event::Conversation, Some(*id), None)?;
        Ok(true)
    }

    /// A person does not let somebody in. Nobody is told but their other devices.
    pub(crate) fn refuse_ask(&mut self, id: &ConversationId, who: AccountId) -> Result<Outcome, Stop> {
        let all: BTreeMap<String, Stand> = fact(self.tx, &asks_name(id))?.unwrap_or_default();
        if all.get(&who.to_string()) != Some(&Stand::Waiting) {
            return Ok(Outcome::Refused(Refusal::HasNotAsked));
        }
        if let Some(link) = group_link(self.tx, id)? {
            self.put_register(declined(id, who).subject(), code::ASK_DECLINED, &link.hash())?;
        }
        self.settle_ask(id, who)?;
        Ok(Outcome::Done)
    }

    /// A person did not let somebody in, on this device or another one of theirs.
    pub(crate) fn ask_was_declined(&mut self, ask: &MessageRef, link: &[u8]) -> Result<(), Stop> {
        let present = group_link(self.tx, &ask.conversation)?;
        if present.is_some_and(|present| present.hash() == link) {
            return self.settle_ask(&ask.conversation, ask.account);
        }
        Ok(())
    }

    /// An ask waits no more.
    fn settle_ask(&mut self, id: &ConversationId, who: AccountId) -> Result<(), Stop> {
        let name = asks_name(id);
        let mut all: BTreeMap<String, Stand> = fact(self.tx, &name)?.unwrap_or_default();
        match all.get_mut(&who.to_string()) {
            Some(stand) if *stand == Stand::Waiting => *stand = Stand::Declined,
            _ => return Ok(()),
        }
        self.keep(&name, &all)?;
        self.event(&Event::Conversation, Some(*id), None)
    }

    /// Whether a person has not let somebody in by the present link, also where this device did not hear of the ask before.
    fn is_declined(&self, id: &ConversationId, who: AccountId) -> Result<bool, Stop> {
        let set = register::find(self.tx, &declined(id, who).subject(), code::ASK_DECLINED)?;
        let present = group_link(self.tx, id)?;
        Ok(set.zip(present).is_some_and(|(set, present)| set.value == present.hash()))
    }

    /// A group is as it is now: who is in it waits no more, and its link is kept for this account's front ends.
    pub(crate) fn settle_asks(
        &mut self,
        id: &ConversationId,
        members: impl Iterator<Item = AccountId>,
        charter: &Charter,
        details: Option<&GroupDetails>,
    ) -> Result<(), Stop> {
        let known = group_link(self.tx, id)?;
        let told = details.and_then(|details| details.link.as_ref());
        let told = told.map(|secret| LinkSecret::new(*secret.expose())).or_else(|| known.clone());
        let link = told.filter(|secret| charter.link == Some(secret.hash()));
        let name = asks_name(id);
        if link != known {
            match &link {
                Some(secret) => facts::put(self.tx, &link_name(id), secret.expose())?,
                None => facts::delete(self.tx, &link_name(id))?,
            }
            // Whoever asked by the link before asks by the next one, or not.
            if known.is_some() {
                facts::delete(self.tx, &name)?;
            }
        }
        let mut all: BTreeMap<String, Stand> = fact(self.tx, &name)?.unwrap_or_default();
        let before = all.len();
        for account in members {
            all.remove(&account.to_string());
        }
        if all.len() == before { Ok(()) } else { self.keep(&name, &all) }
    }
}

/// What the decision about an account's ask is about: an ask is none of the group's messages, so it has no content id.
const fn declined(id: &ConversationId, who: AccountId) -> MessageRef {
    MessageRef { conversation: *id, account: who, content: ContentId::new([0; ContentId::LEN]) }
}

fn is_in_charge(charter: &Charter, account: AccountId) -> bool {
    charter.rank(account) >= Rank::Admin
}
