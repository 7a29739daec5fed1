//! Commands about people: whom a handle belongs to, whom to trust, what to call them (rule R4).
//!
//! Invariants:
//! - A handle means the account that it meant first, until a person decides otherwise.
//! - Nothing is stored for a recipient before its list was verified.

use hushwire_client_store::account::{self, Account, Trust};
use hushwire_client_store::conversation::{self, ConversationKind};
use hushwire_client_store::mark::{self, Mark};
use hushwire_client_store::setting;
use hushwire_group_policy::direct_conversation_id;
use hushwire_identity::Handle;
use hushwire_types::{AccountId, ConversationId, Timestamp};
use hushwire_wire as wire;

use crate::known_list::Keys;
use crate::step::Step;
use crate::stop::Stop;
use crate::{Alert, Command, CommandId, Effect, Event, Notice, Outcome, Recipient, Refusal, Tag, schedule};

impl Step<'_, '_> {
    /// Handles a command, at once or when the server has answered a look-up.
    pub(crate) fn command(&mut self, id: CommandId, command: &Command) -> Result<(), Stop> {
        let outcome = match command {
            Command::Send { to: Recipient::Handle(handle), .. } => {
                return self.send_to_handle(id, command, handle);
            }
            Command::Send { to, text, key } => self.send_to_known(to, text, key.as_deref())?,
            Command::CreateGroup { name, members } => self.create_group(name, members)?,
            Command::ChangeGroup { conversation, change } => self.change_group(conversation, change)?,
            Command::LookUp { handle } => return self.look_up(id, command.clone(), handle.to_string()),
            Command::Verify { account } => self.trust(account, Trust::Verified { at: self.now })?,
            Command::Unverify { account } => self.trust(account, Trust::Unverified)?,
            Command::AcceptChange { account } => self.accept_change(account)?,
            Command::RefuseChange { account } => self.refuse_change(account)?,
            Command::Name { account, name } => self.name(account, name.as_deref())?,
            Command::Resume { conversation } => self.resume(conversation)?,
        };
        self.done(id, outcome);
        Ok(())
    }

    pub(crate) fn done(&mut self, id: CommandId, outcome: Outcome) {
        self.effect(Effect::Done { id, outcome });
    }

    fn send_to_known(&mut self, to: &Recipient, text: &str, key: Option<&str>) -> Result<Outcome, Stop> {
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

    /// A known handle means its account; an unknown one is looked up first.
    fn send_to_handle(&mut self, id: CommandId, command: &Command, handle: &Handle) -> Result<(), Stop> {
        let Command::Send { text, key, .. } = command else { return Ok(()) };
        if let Some(refusal) = crate::compose::check_text(text) {
            self.done(id, Outcome::Refused(refusal));
            return Ok(());
        }
        let canonical = handle.to_string();
        let Some(known) = self.by_handle(&canonical)? else {
            return self.look_up(id, command.clone(), canonical);
        };
        let outcome = self.send_text(known.account, text, key.as_deref())?;
        self.done(id, outcome);
        self.look_up_again(&canonical)
    }

    /// The account that a handle means here: the one it was found by, or whose name the server said it is.
    fn by_handle(&self, handle: &str) -> Result<Option<Account>, Stop> {
        Ok(account::by_handle(self.tx, handle)?)
    }

    /// Asks the server whom a handle belongs to; the command waits for the answer.
    fn look_up(&mut self, id: CommandId, command: Command, handle: String) -> Result<(), Stop> {
        if !self.session.is_online() {
            self.done(id, Outcome::Refused(Refusal::Offline(handle)));
            return Ok(());
        }
        self.session.waiting.push((id, command, handle.clone()));
        self.ask_for(&handle);
        Ok(())
    }

    fn ask_for(&mut self, handle: &str) {
        let request = wire::LookUp { handle: wire::Sensitive::new(handle) };
        self.request(Tag::LookUp(handle.to_owned()), request);
    }

    /// Now and then a handle in use is looked up again, so that a change of its account is noticed.
    fn look_up_again(&mut self, handle: &str) -> Result<(), Stop> {
        let name = looked_up_setting(handle);
        let last =
            setting::find(self.tx, &name)?.and_then(|bytes| Some(u64::from_be_bytes(bytes.try_into().ok()?)));
        let last = Timestamp::from_ms(last.unwrap_or(0));
        if self.session.is_online() && self.now.since(last) >= schedule::LOOK_UP_AGAIN {
            self.ask_for(handle);
        }
        Ok(())
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
        for (id, _, handle) in std::mem::take(&mut self.session.waiting) {
            self.done(id, Outcome::Refused(Refusal::Offline(handle)));
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
            Ok(keys) => self.found(handle, keys)?,
            Err(error) => Err(refused(handle, error)),
        };
        let (due, rest) =
            std::mem::take(&mut self.session.waiting).into_iter().partition(|(_, _, waits)| waits == handle);
        self.session.waiting = rest;
        let due: Vec<(CommandId, Command, String)> = due;
        for (id, command, _) in due {
            let outcome = match (&found, &command) {
                (Err(refusal), _) => Outcome::Refused(refusal.clone()),
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
    fn found(&mut self, handle: &str, keys: &wire::AccountKeys) -> Result<Result<AccountId, Refusal>, Stop> {
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
            Some(known) => {
                self.account_changed(&known, handle, account)?;
                return Ok(Err(Refusal::AccountChanged(handle.to_owned())));
            }
            None => {
                let has_other = account::find(self.tx, &account)?.is_some_and(|row| row.handle.is_some());
                if !has_other {
                    account::set_handle(self.tx, &account, Some(handle))?;
                    self.event(&Event::Contact { account }, None, None)?;
                }
            }
        }
        if keys.suspended {
            return Ok(Err(Refusal::Suspended(handle.to_owned())));
        }
        Ok(Ok(account))
    }

    fn account_changed(&mut self, known: &Account, handle: &str, successor: AccountId) -> Result<(), Stop> {
        if matches!(known.trust, Trust::Changed { successor: told, .. } if told == successor) {
            return Ok(());
        }
        account::set_trust(self.tx, &known.account, &Trust::Changed { at: self.now, successor })?;
        let alert = Alert::AccountChanged { handle: handle.to_owned(), account: known.account, successor };
        self.alert(alert, Some(self.direct_id(known.account)))
    }

    fn trust(&mut self, account: &AccountId, trust: Trust) -> Result<Outcome, Stop> {
        let Some(known) = account::find(self.tx, account)? else {
            return Ok(Outcome::Refused(Refusal::UnknownHere("account")));
        };
        if matches!(known.trust, Trust::Changed { .. }) {
            let handle = known.handle.unwrap_or_default();
            return Ok(Outcome::Refused(Refusal::AccountChanged(handle)));
        }
        account::set_trust(self.tx, account, &trust)?;
        self.event(&Event::Contact { account: *account }, None, None)?;
        Ok(Outcome::Done)
    }

    /// The handle means its successor from here on, which nobody has verified.
    fn accept_change(&mut self, account: &AccountId) -> Result<Outcome, Stop> {
        let Some(Account { trust: Trust::Changed { successor, .. }, handle, .. }) =
            account::find(self.tx, account)?
        else {
            return Ok(Outcome::Refused(Refusal::NoChange));
        };
        account::set_trust(self.tx, account, &Trust::Unverified)?;
        account::set_handle(self.tx, &successor, handle.as_deref())?;
        for account in [*account, successor] {
            self.event(&Event::Contact { account }, None, None)?;
        }
        self.session.attend(self.direct_id(*account));
        Ok(Outcome::Found { account: successor, conversation: self.direct_id(successor) })
    }

    fn refuse_change(&mut self, account: &AccountId) -> Result<Outcome, Stop> {
        let known = account::find(self.tx, account)?;
        if !known.is_some_and(|known| matches!(known.trust, Trust::Changed { .. })) {
            return Ok(Outcome::Refused(Refusal::NoChange));
        }
        account::set_trust(self.tx, account, &Trust::Unverified)?;
        self.event(&Event::Contact { account: *account }, None, None)?;
        self.session.attend(self.direct_id(*account));
        Ok(Outcome::Done)
    }

    fn name(&mut self, account: &AccountId, name: Option<&str>) -> Result<Outcome, Stop> {
        let name = name.map(str::trim).filter(|name| !name.is_empty());
        if name.is_some_and(|name| name.chars().count() > schedule::LOCAL_NAME_CHARACTERS) {
            return Ok(Outcome::Refused(Refusal::NameTooLong(schedule::LOCAL_NAME_CHARACTERS)));
        }
        if account::find(self.tx, account)?.is_none() {
            return Ok(Outcome::Refused(Refusal::UnknownHere("account")));
        }
        account::set_local_name(self.tx, account, name)?;
        self.event(&Event::Contact { account: *account }, None, None)?;
        Ok(Outcome::Done)
    }

    fn resume(&mut self, id: &ConversationId) -> Result<Outcome, Stop> {
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
            retry_after_ms: error
                .retry_after
                .map_or(0, |span| u64::try_from(span.as_millis()).unwrap_or(u64::MAX)),
        },
    }
}
