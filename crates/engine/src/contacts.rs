//! Commands about people: whom a handle belongs to, whom to trust, what to call them (rule R4).
//!
//! Invariants:
//! - A handle means the account that it meant first, until a person decides otherwise: nothing that is sent to a handle goes to
//!   an account that it was not known to mean when it was sent.
//! - A known handle is looked up again before it is used, unless that was done lately or the server cannot be asked. Where
//!   it belongs to another account now, nothing is sent to either until the person has decided.
//! - Nothing is stored for a recipient before its list was verified.

use hushwire_client_store::account::{self, Account, Trust};
use hushwire_client_store::conversation::{self, ConversationKind};
use hushwire_client_store::mark::{self, Mark};
use hushwire_client_store::setting;
use hushwire_group_policy::direct_conversation_id;
use hushwire_identity::Handle;
use hushwire_types::{AccountId, ConversationId, Subject, Timestamp};
use hushwire_wire as wire;

use crate::known_list::Keys;
use crate::setting::{code, flag};
use crate::step::Step;
use crate::stop::Stop;
use crate::{Alert, Command, CommandId, Effect, Event, Notice, Outcome, Recipient, Refusal, Tag, schedule};

impl Step<'_, '_> {
    pub(crate) fn done(&mut self, id: CommandId, outcome: Outcome) {
        self.effect(Effect::Done { id, outcome });
    }

    pub(crate) fn send_to_known(
        &mut self,
        to: &Recipient,
        text: &str,
        key: Option<&str>,
    ) -> Result<Outcome, Stop> {
        match to {
            Recipient::Account(account) => self.send_text(*account, text, key),
            Recipient::Conversation(id) => match self.conversation(id)? {
                Some(conversation) => match conversation.kind {
                    ConversationKind::Direct { peer } => self.send_text(peer, text, key),
                    _ => self.send_to_group(&conversation, text, key),
                },
                None => Ok(Outcome::Refused(Refusal::UnknownHere("conversation"))),
            },
            Recipient::Handle(_) => Ok(Outcome::Refused(Refusal::UnknownHere("handle"))),
        }
    }

    /// A known handle means its account, which is looked at again now and then; an unknown one is looked up first.
    pub(crate) fn send_to_handle(
        &mut self,
        id: CommandId,
        command: &Command,
        handle: &Handle,
    ) -> Result<(), Stop> {
        let Command::Send { text, key, .. } = command else { return Ok(()) };
        if let Some(refusal) = crate::compose::check_text(text) {
            self.done(id, Outcome::Refused(refusal));
            return Ok(());
        }
        let canonical = handle.to_string();
        match self.by_handle(&canonical)? {
            Some(known) if !self.is_look_up_due(&canonical)? => {
                let outcome = self.send_text(known.account, text, key.as_deref())?;
                self.done(id, outcome);
                Ok(())
            }
            _ => self.look_up(id, command.clone(), canonical),
        }
    }

    /// The outcome of a command whose look-up failed: a text to a handle that is known goes to the account that it means here.
    fn without_look_up(
        &mut self,
        command: &Command,
        handle: &str,
        refusal: &Refusal,
    ) -> Result<Outcome, Stop> {
        // What the server said of the account itself stands; that it says nothing does not.
        let silent =
            matches!(refusal, Refusal::Offline(_) | Refusal::Server { .. } | Refusal::UnknownRecipient(_));
        if let Command::Send { text, key, .. } = command
            && silent
            && let Some(known) = self.by_handle(handle)?
        {
            return self.send_text(known.account, text, key.as_deref());
        }
        Ok(Outcome::Refused(refusal.clone()))
    }

    /// The account that a handle means here: the one it was found by, or whose name the server said it is.
    fn by_handle(&self, handle: &str) -> Result<Option<Account>, Stop> {
        Ok(account::by_handle(self.tx, handle)?)
    }

    /// Asks the server whom a handle belongs to; the command waits for the answer.
    pub(crate) fn look_up(&mut self, id: CommandId, command: Command, handle: String) -> Result<(), Stop> {
        if !self.session.is_online() {
            self.done(id, Outcome::Refused(Refusal::Offline(handle)));
            return Ok(());
        }
        self.session.waiting.push((id, command, handle.clone()));
        self.ask_for(&handle);
        Ok(())
    }

    pub(crate) fn ask_for(&mut self, handle: &str) {
        let request = wire::LookUp { handle: wire::Sensitive::new(handle) };
        self.request(Tag::LookUp(handle.to_owned()), request);
    }

    /// Whether a handle is looked up again before it is used, so that a change of its account is noticed.
    fn is_look_up_due(&self, handle: &str) -> Result<bool, Stop> {
        let tag = Tag::LookUp(handle.to_owned());
        let Some(connection) = &self.session.connection else { return Ok(false) };
        // Where the server put it off, nobody waits for it.
        if !connection.in_flight.contains(&tag) && !connection.is_free(&tag, self.now) {
            return Ok(false);
        }
        let last = setting::find(self.tx, &looked_up_setting(handle))?;
        let last = last.and_then(|bytes| Some(u64::from_be_bytes(bytes.try_into().ok()?))).unwrap_or(0);
        let last = Timestamp::from_ms(last);
        // A clock that was set back since must not put it off for years.
        Ok(last > self.now || self.now.since(last) >= schedule::LOOK_UP_AGAIN)
    }

    /// Look-ups that had no place on the connection.
    pub(crate) fn owe_look_ups(&mut self) {
        let handles: Vec<String> = self.session.waiting.iter().map(|(_, _, handle)| handle.clone()).collect();
        for handle in handles {
            self.ask_for(&handle);
        }
    }

    /// The connection is gone: who waits for a look-up is told.
    pub(crate) fn offline(&mut self) -> Result<(), Stop> {
        self.session.connection = None;
        for (id, command, handle) in std::mem::take(&mut self.session.waiting) {
            let outcome = self.without_look_up(&command, &handle, &Refusal::Offline(handle.clone()))?;
            self.done(id, outcome);
        }
        for (id, ..) in std::mem::take(&mut self.session.deciding) {
            self.done(id, Outcome::Refused(Refusal::Unreachable));
        }
        if let Some(command) = self.session.appending.take().map(|appending| appending.command()) {
            self.done(command, Outcome::Refused(Refusal::Unreachable));
        }
        Ok(())
    }

    /// The server's answer to [`Tag::LookUp`].
    pub(crate) fn look_up_answer(
        &mut self,
        handle: &str,
        result: Result<&wire::AccountKeys, &wire::Error>,
    ) -> Result<(), Stop> {
        let found = match result {
            Ok(keys) => {
                let asked =
                    self.session.waiting.iter().any(|(_, command, waits)| {
                        waits == handle && matches!(command, Command::LookUp { .. })
                    });
                self.found(handle, keys, if asked { Why::Asked } else { Why::Itself })?
            }
            Err(error) => {
                if !matches!(error.code, wire::ErrorCode::UnknownAccount) && self.has_moved(handle)? {
                    self.put_off(Tag::LookUp(handle.to_owned()), error)?;
                }
                Err(refused(handle, error))
            }
        };
        if !matches!(found, Err(Refusal::Server { .. } | Refusal::BadKeys(_))) {
            self.moved_is_known(handle)?;
        }
        let (due, rest) =
            std::mem::take(&mut self.session.waiting).into_iter().partition(|(_, _, waits)| waits == handle);
        self.session.waiting = rest;
        let due: Vec<(CommandId, Command, String)> = due;
        for (id, command, _) in due {
            let outcome = match (&found, &command) {
                (Err(refusal), _) => self.without_look_up(&command, handle, refusal)?,
                (Ok(account), Command::Send { text, key, .. }) => {
                    self.send_text(*account, text, key.as_deref())?
                }
                (Ok(account), _) => {
                    Outcome::Found { account: *account, conversation: self.direct_id(*account) }
                }
            };
            self.done(id, outcome);
        }
        Ok(())
    }

    /// Stores whom the server says a handle belongs to, unless that contradicts what is known.
    fn found(
        &mut self,
        handle: &str,
        keys: &wire::AccountKeys,
        why: Why,
    ) -> Result<Result<AccountId, Refusal>, Stop> {
        if self.take_keys(keys)? == Keys::Bad {
            return Ok(Err(Refusal::BadKeys(handle.to_owned())));
        }
        let account = keys.account_id;
        if let Some(connection) = self.connection() {
            connection.fresh.insert(account);
        }
        setting::put(self.tx, &looked_up_setting(handle), &self.now.as_ms().to_be_bytes())?;
        match self.by_handle(handle)? {
            Some(known) if known.account == account => {}
            // A person has decided about this very change, and is not asked again by every look-up.
            Some(known) if why == Why::Itself && self.is_refused(handle, &account)? => {
                return Ok(Ok(known.account));
            }
            Some(known) => {
                self.account_changed(&known, handle, account)?;
                return Ok(Err(Refusal::AccountChanged(handle.to_owned())));
            }
            None => {
                let has_other = account::find(self.tx, &account)?.is_some_and(|row| row.handle.is_some());
                if !has_other {
                    account::set_handle(self.tx, &account, Some(handle))?;
                    self.put_register(Subject::Account(account), code::HANDLE, handle.as_bytes())?;
                    self.event(&Event::Contact { account }, None, None)?;
                }
            }
        }
        if keys.suspended {
            return Ok(Err(Refusal::Suspended(handle.to_owned())));
        }
        Ok(Ok(account))
    }

    /// Whether a person wants the handle to mean the account known here, and not this one.
    fn is_refused(&self, handle: &str, successor: &AccountId) -> Result<bool, Stop> {
        let refused = setting::find(self.tx, &refused_setting(handle))?;
        Ok(refused.is_some_and(|refused| refused == successor.as_bytes()))
    }

    fn account_changed(&mut self, known: &Account, handle: &str, successor: AccountId) -> Result<(), Stop> {
        if matches!(known.trust, Trust::Changed { successor: told, .. } if told == successor) {
            return Ok(());
        }
        account::set_trust(self.tx, &known.account, &Trust::Changed { at: self.now, successor })?;
        let alert = Alert::AccountChanged { handle: handle.to_owned(), account: known.account, successor };
        self.alert(alert, Some(self.direct_id(known.account)))
    }

    pub(crate) fn trust(&mut self, account: &AccountId, trust: Trust) -> Result<Outcome, Stop> {
        let Some(known) = account::find(self.tx, account)? else {
            return Ok(Outcome::Refused(Refusal::UnknownHere("account")));
        };
        if matches!(known.trust, Trust::Changed { .. }) {
            let handle = known.handle.unwrap_or_default();
            return Ok(Outcome::Refused(Refusal::AccountChanged(handle)));
        }
        account::set_trust(self.tx, account, &trust)?;
        let verified = matches!(trust, Trust::Verified { .. });
        self.put_register(Subject::Account(*account), code::VERIFIED, &flag(verified))?;
        if verified {
            self.accept_account(*account)?;
        }
        self.event(&Event::Contact { account: *account }, None, None)?;
        Ok(Outcome::Done)
    }

    /// The handle means its successor from here on, which nobody has verified.
    pub(crate) fn accept_change(&mut self, account: &AccountId) -> Result<Outcome, Stop> {
        let Some(Account { trust: Trust::Changed { successor, .. }, handle, .. }) =
            account::find(self.tx, account)?
        else {
            return Ok(Outcome::Refused(Refusal::NoChange));
        };
        account::set_trust(self.tx, account, &Trust::Unverified)?;
        account::set_handle(self.tx, &successor, handle.as_deref())?;
        if let Some(handle) = &handle {
            self.put_register(Subject::Account(successor), code::HANDLE, handle.as_bytes())?;
            setting::delete(self.tx, &refused_setting(handle))?;
        }
        for account in [*account, successor] {
            self.event(&Event::Contact { account }, None, None)?;
        }
        self.session.attend(self.direct_id(*account));
        Ok(Outcome::Found { account: successor, conversation: self.direct_id(successor) })
    }

    pub(crate) fn refuse_change(&mut self, account: &AccountId) -> Result<Outcome, Stop> {
        let Some(Account { trust: Trust::Changed { successor, .. }, handle, .. }) =
            account::find(self.tx, account)?
        else {
            return Ok(Outcome::Refused(Refusal::NoChange));
        };
        if let Some(handle) = &handle {
            setting::put(self.tx, &refused_setting(handle), successor.as_bytes())?;
        }
        account::set_trust(self.tx, account, &Trust::Unverified)?;
        self.event(&Event::Contact { account: *account }, None, None)?;
        self.session.attend(self.direct_id(*account));
        Ok(Outcome::Done)
    }

    /// A person has an account's id, from a card for example, and wants to write to it.
    pub(crate) fn know(&mut self, account: &AccountId) -> Result<Outcome, Stop> {
        if account::find(self.tx, account)?.is_some() {
            return Ok(Outcome::Done);
        }
        if self.session.connection.is_none() {
            return Ok(Outcome::Refused(Refusal::Unreachable));
        }
        self.fetch_list(*account)?;
        Ok(Outcome::Done)
    }

    pub(crate) fn name(&mut self, account: &AccountId, name: Option<&str>) -> Result<Outcome, Stop> {
        let name = name.map(str::trim).filter(|name| !name.is_empty());
        if name.is_some_and(|name| name.chars().count() > schedule::LOCAL_NAME_CHARACTERS) {
            return Ok(Outcome::Refused(Refusal::NameTooLong(schedule::LOCAL_NAME_CHARACTERS)));
        }
        if account::find(self.tx, account)?.is_none() {
            return Ok(Outcome::Refused(Refusal::UnknownHere("account")));
        }
        let value = name.unwrap_or_default().as_bytes();
        self.put_register(Subject::Account(*account), code::NAME, value)?;
        Ok(Outcome::Done)
    }

    pub(crate) fn resume(&mut self, id: &ConversationId) -> Result<Outcome, Stop> {
        let Some(mut conversation) = self.conversation(id)? else {
            return Ok(Outcome::Refused(Refusal::UnknownHere("conversation")));
        };
        let stopped = mark::is_set(self.tx, id, Mark::Stopped)?;
        let broken = conversation.state == conversation::ConversationState::Broken;
        if !stopped && !broken {
            return Ok(Outcome::Refused(Refusal::NoChange));
        }
        mark::clear(self.tx, id, Mark::Stopped)?;
        if broken {
            conversation.state = conversation::ConversationState::Rejoining;
            conversation.attempts = 0;
            self.save(&conversation)?;
        }
        self.notice(id, &Notice::Resumed)?;
        self.event(&Event::Conversation, Some(*id), None)?;
        self.session.attend(*id);
        Ok(Outcome::Done)
    }

    /// The id of the direct conversation with an account.
    pub(crate) fn direct_id(&self, peer: AccountId) -> ConversationId {
        direct_conversation_id(self.me.account, peer)
    }
}

/// Why a handle was looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// A person asked whose it is.
    Asked,
    /// It is used, or the server said that it moved.
    Itself,
}

fn refused_setting(handle: &str) -> String {
    format!("refused {handle}")
}

fn looked_up_setting(handle: &str) -> String {
    format!("looked up {handle}")
}

fn refused(handle: &str, error: &wire::Error) -> Refusal {
    match error.code {
        wire::ErrorCode::UnknownAccount => Refusal::UnknownRecipient(handle.to_owned()),
        wire::ErrorCode::AccountSuspended => Refusal::Suspended(handle.to_owned()),
        _ => Refusal::Server {
            handle: handle.to_owned(),
            reason: error.text.clone(),
            retry_after_ms: wait_ms(error),
        },
    }
}

/// How long the server asks to wait, 0 where it does not say.
pub(crate) fn wait_ms(error: &wire::Error) -> u64 {
    error.retry_after.map_or(0, |span| u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}
