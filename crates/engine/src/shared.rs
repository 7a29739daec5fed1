//! What devices of one account share: settings, told in the conversation with oneself.
//!
//! ```text
//!  a person sets something ─► register, untold ─► (another device there?) ─► Registers in the self conversation
//!                                  ▲                                                   │
//!          a device is added ──────┘ all of them untold                                ▼
//!                                                                    merged: the latest value counts
//! ```
//!
//! Invariants:
//! - Nothing is told while this is the account's only device, and nothing is told to anybody but own devices: it counts only where
//!   this account's own leaf says it, in the conversation that has no other account.
//! - What is merged is applied where it has an effect beyond its row, also when that which it is about comes later.
//! - A setting that this version does not know is kept, and told on to devices that are added.

use std::time::Duration;

use hushwire_client_store::account::{self, Trust};
use hushwire_client_store::conversation::{self, Conversation, ConversationKind};
use hushwire_client_store::register::{self, Register};
use hushwire_client_store::{about, expiry, timeline};
use hushwire_content::{Kind, limits};
use hushwire_identity::ListHead;
use hushwire_mls::{Application, GroupView};
use hushwire_types::{AccountId, ListNumber, Subject, Timestamp};

use crate::compose::check_text;
use crate::known_list::NOT_SAID;
use crate::setting::{self, LABEL_CHARS, LABELS, Setting, code};
use crate::step::Step;
use crate::stop::Stop;
use crate::{Event, MessageRef, Outcome, Refusal};

/// Bytes of values that one content tells, besides the first: it must fit into the largest bucket.
const TOLD_BYTES: usize = limits::CONTENT_BYTES / 4;

/// The latest time of a register: a clock that shows it stands still, but values set after it still count.
const LATEST_MS: u64 = 1 << 62;

impl Step<'_, '_> {
    /// A person sets something.
    pub(crate) fn set(&mut self, wanted: &Setting) -> Result<Outcome, Stop> {
        if let Some(refusal) = self.refuse_setting(wanted)? {
            return Ok(Outcome::Refused(refusal));
        }
        let (subject, code, value) = wanted.to_register();
        self.put_register(subject, code, &value)?;
        Ok(Outcome::Done)
    }

    /// Why something cannot be set, if so.
    fn refuse_setting(&self, wanted: &Setting) -> Result<Option<Refusal>, Stop> {
        let long = |text: &str, most: usize| text.chars().count() > most;
        let refusal = match wanted {
            Setting::Profile { name, .. } if long(name, limits::NAME_CHARS) => {
                Some(Refusal::NameTooLong(limits::NAME_CHARS))
            }
            Setting::Profile { about, .. } if long(about, limits::ABOUT_CHARS) => {
                Some(Refusal::DescriptionTooLong(limits::ABOUT_CHARS))
            }
            Setting::Labels { labels, .. }
                if labels.len() > LABELS || labels.iter().any(|label| long(label, LABEL_CHARS)) =>
            {
                Some(Refusal::Labels)
            }
            Setting::Draft { text, .. } => check_text(text).filter(|refusal| *refusal != Refusal::Empty),
            _ => None,
        };
        if refusal.is_some() {
            return Ok(refusal);
        }
        let (subject, ..) = wanted.to_register();
        Ok(match subject {
            Subject::Account(account) if account == self.me.account => Some(Refusal::Oneself),
            Subject::Account(account) if account::find(self.tx, &account)?.is_none() => {
                Some(Refusal::UnknownHere("account"))
            }
            Subject::Conversation(id) if self.conversation(&id)?.is_none() => {
                Some(Refusal::UnknownHere("conversation"))
            }
            Subject::Message { conversation, account, content }
                if timeline::by_content(self.tx, &conversation, &account, &content)?.is_none() =>
            {
                Some(Refusal::UnknownHere("such message"))
            }
            _ => None,
        })
    }

    /// Sets a register, applies it, and tells front ends.
    pub(crate) fn put_register(&mut self, subject: Subject, code: u32, value: &[u8]) -> Result<(), Stop> {
        if register::set(self.tx, &subject, code, value, self.now)?
            && let Some(set) = register::find(self.tx, &subject, code)?
        {
            self.apply(&set)?;
        }
        Ok(())
    }

    /// The conversation with oneself is looked at where another device must be told something.
    pub(crate) fn owe_registers(&mut self) -> Result<(), Stop> {
        if register::untold(self.tx, 1)?.is_empty() || self.own_list()?.active_devices().len() < 2 {
            return Ok(());
        }
        let conversation = self.open_conversation(self.me.account)?;
        self.session.attend(conversation.id);
        Ok(())
    }

    /// Tells the other devices what they must be told, as much as there is room for.
    pub(crate) fn compose_registers(
        &mut self,
        conversation: &Conversation,
        view: &GroupView,
        mut left: u64,
    ) -> Result<(), Stop> {
        if !self.reaches_own_devices(conversation, view) {
            return Ok(());
        }
        while left > 0 {
            let told = self.next_registers()?;
            if told.is_empty() {
                return Ok(());
            }
            if !self.has_room_for(&conversation.id)? {
                return Ok(());
            }
            let content = self.content(Kind::Registers(told.iter().map(to_content).collect()))?;
            let send_seq = self.encrypt(conversation, view, content, None, &[])?;
            for register in &told {
                register::tell(self.tx, register, send_seq)?;
            }
            left = left.saturating_sub(1);
        }
        Ok(())
    }

    /// The next registers that fit into one content.
    fn next_registers(&self) -> Result<Vec<Register>, Stop> {
        let most = u32::try_from(limits::REGISTERS).unwrap_or(u32::MAX);
        let mut bytes = 0_usize;
        let mut told = Vec::new();
        for register in register::untold(self.tx, most)? {
            // Ids and numbers beside the value take under 128 bytes.
            bytes = bytes.saturating_add(register.value.len().saturating_add(128));
            if bytes > TOLD_BYTES && !told.is_empty() {
                break;
            }
            told.push(register);
        }
        Ok(told)
    }

    /// Another device of this account has set something; from anybody else, or anywhere else, it is nothing.
    pub(crate) fn take_registers(
        &mut self,
        conversation: &Conversation,
        message: &Application,
        told: &[hushwire_content::Register],
    ) -> Result<(), Stop> {
        let me = self.me.account;
        if conversation.kind.peer() != Some(me) || message.sender.account != me {
            return Ok(());
        }
        for register in told {
            let register = from_content(register);
            let known = register::find(self.tx, &register.subject, register.code)?;
            if register::merge(self.tx, &register)? {
                if known.is_some_and(|known| known.at == register.at) {
                    self.outdo(&register)?;
                }
                self.apply(&register)?;
            }
        }
        Ok(())
    }

    /// Two devices set what this account says of itself in one instant. Others know which is later by the time alone, so the one that
    /// counts is set again, after both.
    fn outdo(&mut self, register: &Register) -> Result<(), Stop> {
        if register.subject != Subject::Everything || !matches!(register.code, code::PROFILE | code::PICTURE)
        {
            return Ok(());
        }
        let at = register.at.after(Duration::from_millis(1));
        register::restore(self.tx, &Register { at, ..register.clone() })?;
        Ok(())
    }

    /// Whether what is said in a conversation is said to this account's other devices alone, of which there are some.
    pub(crate) fn reaches_own_devices(&self, conversation: &Conversation, view: &GroupView) -> bool {
        conversation.kind.peer() == Some(self.me.account) && view.members.len() > 1
    }

    /// Something may be due in the conversation with oneself: other devices are to be told, or asked for what is lacking.
    pub(crate) fn attend_oneself(&mut self) {
        let id = self.direct_id(self.me.account);
        self.session.attend(id);
    }

    /// What a register does beyond standing in its row.
    pub(crate) fn apply(&mut self, register: &Register) -> Result<(), Stop> {
        match register.subject {
            Subject::Everything => {
                if matches!(register.code, code::PROFILE | code::PICTURE) {
                    for conversation in conversation::all(self.tx)? {
                        self.session.attend(conversation.id);
                    }
                }
                self.event(&Event::Settings, None, None)
            }
            Subject::Account(account) => self.apply_to_account(account, register),
            Subject::Conversation(id) => {
                if register.code == code::READ_TO
                    && let Some(place) = setting::read_place(&register.value)
                {
                    expiry::begin_through(self.tx, &id, place, self.now)?;
                    if about::read_to(self.tx, &id, place.0, place.1)? {
                        self.event(&Event::Read, Some(id), None)?;
                    }
                }
                if register.code == code::ACCEPTED_IN
                    && let Some(at) = setting::read_time(&register.value)
                {
                    self.erase_declined(&id, at)?;
                }
                self.session.attend(id);
                self.event(&Event::Conversation, Some(id), None)
            }
            Subject::Message { .. } => self.apply_to_message(register),
        }
    }

    fn apply_to_message(&mut self, register: &Register) -> Result<(), Stop> {
        let Some(message) = MessageRef::of(&register.subject) else { return Ok(()) };
        if register.code == code::HIDDEN && setting::read_flag(&register.value) == Some(true) {
            return self.forget_message(&message);
        }
        if register.code == code::ASK_DECLINED {
            return self.ask_was_declined(&message, &register.value);
        }
        if register.code == code::REPORTED {
            return self.was_reported(&message, &register.value);
        }
        let row = timeline::by_content(self.tx, &message.conversation, &message.account, &message.content)?;
        self.event(&Event::Settings, Some(message.conversation), row.map(|row| row.row))
    }

    fn apply_to_account(&mut self, account: AccountId, register: &Register) -> Result<(), Stop> {
        let Some(known) = account::find(self.tx, &account)? else {
            // Applied when it is known; it is somebody whom a person wants to know.
            return match register.code {
                code::HANDLE | code::NAME | code::VERIFIED => self.wish_to_know(account),
                _ => Ok(()),
            };
        };
        let text = || String::from_utf8(register.value.clone()).ok().filter(|text| !text.is_empty());
        match register.code {
            code::NAME => account::set_local_name(self.tx, &account, text().as_deref())?,
            code::HANDLE => {
                if let Some(handle) = text()
                    && known.handle.is_none()
                    && account::by_handle(self.tx, &handle)?.is_none()
                {
                    account::set_handle(self.tx, &account, Some(&handle))?;
                }
            }
            code::SAYS => self.apply_says(&account, &register.value)?,
            code::VERIFIED if !matches!(known.trust, Trust::Changed { .. }) => {
                let trust = match setting::read_flag(&register.value) {
                    Some(true) => Trust::Verified { at: register.at },
                    _ => Trust::Unverified,
                };
                account::set_trust(self.tx, &account, &trust)?;
            }
            _ => {}
        }
        let direct = self.direct_id(account);
        if register.code == code::ACCEPTED
            && let Some(at) = setting::read_time(&register.value)
        {
            self.erase_declined(&direct, at)?;
            self.event(&Event::Conversation, Some(direct), None)?;
        }
        self.session.attend(direct);
        self.event(&Event::Contact { account }, None, None)
    }

    /// Applies what was set about an account before it was known here.
    pub(crate) fn apply_to_known(&mut self, account: AccountId) -> Result<(), Stop> {
        for register in register::of_account(self.tx, &account)? {
            self.apply_to_account(account, &register)?;
        }
        Ok(())
    }

    pub(crate) fn wish_to_know(&mut self, account: AccountId) -> Result<(), Stop> {
        self.want(account, ListHead { number: ListNumber(1), hash: NOT_SAID })
    }
}

impl Step<'_, '_> {
    /// How a device that was added to the conversation with oneself hears what was set before: whoever added it tells all.
    pub(crate) fn tell_added(
        &mut self,
        conversation: &Conversation,
        added: &[hushwire_identity::LeafCredential],
    ) -> Result<(), Stop> {
        let me = (self.me.account, self.me.device);
        let is_self = conversation.kind == ConversationKind::Direct { peer: me.0 };
        if is_self && added.iter().any(|leaf| leaf.device != me.1) {
            register::untell_all(self.tx)?;
        }
        Ok(())
    }
}

fn to_content(register: &Register) -> hushwire_content::Register {
    let Register { subject, code, value, at } = register.clone();
    hushwire_content::Register { subject, code, value, at }
}

fn from_content(register: &hushwire_content::Register) -> Register {
    let hushwire_content::Register { subject, code, value, at } = register.clone();
    Register { subject, code, value, at: no_later_than_any_clock(at) }
}

/// A time that no clock shows would let no later value count.
pub(crate) fn no_later_than_any_clock(at: Timestamp) -> Timestamp {
    at.min(Timestamp::from_ms(LATEST_MS))
}
