//! Which command goes where.

use hushwire_client_store::account::Trust;

use crate::profiles::Known;
use crate::step::Step;
use crate::stop::Stop;
use crate::{Command, CommandId, Outcome, Reach, Recipient, Refusal};

impl Step<'_, '_> {
    /// Handles a command, at once or when the server has answered.
    pub(crate) fn command(&mut self, id: CommandId, command: &Command) -> Result<(), Stop> {
        match command {
            Command::Send { to: Recipient::Handle(handle), .. } => self.send_to_handle(id, command, handle),
            Command::LookUp { handle } => self.look_up(id, command.clone(), handle.to_string()),
            Command::DecideClaim { handle, claimant, answer } => self.decide(id, handle, *claimant, *answer),
            Command::AddDevice { entry } => self.add_device(id, entry),
            Command::RenameDevice { device, name } => self.rename_device(id, *device, name),
            Command::RevokeDevice { device } => self.revoke_device(id, *device),
            _ => {
                let outcome = match self.about_a_message(command)? {
                    Some(outcome) => outcome,
                    None => self.about_people(command)?,
                };
                self.done(id, outcome);
                Ok(())
            }
        }
    }

    /// What is done to messages that are there, or sends one; none for any other command.
    fn about_a_message(&mut self, command: &Command) -> Result<Option<Outcome>, Stop> {
        Ok(Some(match command {
            Command::Send { to, text, key } => self.send_to_known(to, text, key.as_deref())?,
            Command::Reply { to, text, key } => self.reply(to, text, key.as_deref())?,
            Command::React { to, emoji } => self.react(to, emoji)?,
            Command::Edit { message, text } => self.edit(message, text)?,
            Command::Delete { message, reach: Reach::Everyone } => self.delete_for_everyone(message)?,
            Command::Delete { message, reach: Reach::Here } => self.delete_here(message)?,
            Command::Forward { message, to, key } => self.forward(message, to, key.as_deref())?,
            Command::Poll { conversation, poll } => self.ask(conversation, poll)?,
            Command::Vote { poll, choices } => self.vote(poll, choices)?,
            Command::ClosePoll { poll } => self.close_poll(poll)?,
            Command::Pin { message, on } => self.pin(message, *on)?,
            Command::Card { conversation, account } => self.send_card(conversation, *account)?,
            _ => return Ok(None),
        }))
    }

    /// Everything about conversations, people and this account that is done at once.
    fn about_people(&mut self, command: &Command) -> Result<Outcome, Stop> {
        match command {
            Command::Read { conversation, through } => self.read(conversation, through.as_ref()),
            Command::Typing { conversation, stopped } => self.typing(conversation, *stopped),
            Command::Timer { conversation, lives_for_s } => self.set_timer(conversation, *lives_for_s),
            Command::Set(setting) => self.set(setting),
            Command::Accept { conversation } => self.accept(conversation),
            Command::Decline { conversation } => self.decline(conversation),
            Command::CreateGroup { name, members } => self.create_group(name, members),
            Command::AskToJoin { account, conversation, secret } => {
                self.ask_to_join(*account, conversation, secret)
            }
            Command::RefuseAsk { conversation, account } => self.refuse_ask(conversation, *account),
            Command::SetGroupPicture { conversation, picture } => {
                self.set_group_picture(conversation, picture.as_ref())
            }
            Command::ChangeGroup { conversation, change } => self.change_group(conversation, change),
            Command::AddToGroup { conversation, account, history } => {
                self.add_with_history(conversation, *account, *history)
            }
            Command::Report { complaint, shown, block } => self.report(complaint, shown.as_ref(), *block),
            Command::Know { account } => self.know(account),
            Command::Verify { account } => self.trust(account, Trust::Verified { at: self.now }),
            Command::Unverify { account } => self.trust(account, Trust::Unverified),
            Command::AcceptChange { account } => self.accept_change(account),
            Command::RefuseChange { account } => self.refuse_change(account),
            Command::DraftDevice { joining } => self.draft_device(joining),
            Command::Name { account, name } => self.name(account, name.as_deref()),
            Command::Resume { conversation } => self.resume(conversation),
            Command::FetchHistory { of } => self.fetch_history(*of),
            Command::ForgoHistory => self.forgo_history(),
            Command::RestoreHistory { account, records } => {
                self.restore_history(*account, records, Known::Here)
            }
            _ => Ok(Outcome::Refused(Refusal::UnknownHere("such command"))),
        }
    }
}
