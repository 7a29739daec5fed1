//! Polls and votes, pins, cards, and messages sent on.
//!
//! Invariants:
//! - A vote names its poll and all that its author chooses; of one account the last one counts. What comes after the poll's author
//!   closed it does not, in the order in which the server accepted them: so all count the same.
//! - A pin is by whoever may rename the conversation; the last one counts.

use hushwire_client_store::about::{self, Aspect};
use hushwire_client_store::account;
use hushwire_client_store::conversation::{Conversation, ConversationKind};
use hushwire_client_store::member;
use hushwire_client_store::timeline::{Entry, EntryState};
use hushwire_content::{Card, Content, Encoded, Kind, Pin, Poll, Text, Vote, limits};
use hushwire_identity::Handle;
use hushwire_types::{AccountId, ConversationId};

use crate::about::MessageRef;
use crate::step::Step;
use crate::stop::Stop;
use crate::{Outcome, Recipient, Refusal};

impl Step<'_, '_> {
    pub(crate) fn ask(&mut self, id: &ConversationId, poll: &Poll) -> Result<Outcome, Stop> {
        let Some(conversation) = self.conversation(id)? else {
            return Ok(Outcome::Refused(Refusal::UnknownHere("conversation")));
        };
        if !is_poll(poll) {
            return Ok(Outcome::Refused(Refusal::BadPoll));
        }
        match self.refuse_in(&conversation, "-")? {
            Some(refusal) => Ok(Outcome::Refused(refusal)),
            None => self.queue(&conversation, Kind::Poll(poll.clone()), None),
        }
    }

    pub(crate) fn vote(&mut self, poll: &MessageRef, choices: &[u32]) -> Result<Outcome, Stop> {
        let (conversation, asked) = match self.poll_of(poll)? {
            Ok(found) => found,
            Err(refusal) => return Ok(Outcome::Refused(refusal)),
        };
        let mut choices = choices.to_vec();
        choices.sort_unstable();
        choices.dedup();
        let there = |choice: &u32| usize::try_from(*choice).is_ok_and(|choice| choice < asked.options.len());
        let fits = choices.iter().all(there) && (asked.multiple || choices.len() <= 1);
        if !fits || self.is_closed(&conversation, poll)? {
            return Ok(Outcome::Refused(Refusal::BadVote));
        }
        let vote = Vote { target: poll.target(), choices, closes: false };
        self.say_about(&conversation, Kind::Vote(vote), Aspect::Vote, Some(poll))
    }

    pub(crate) fn close_poll(&mut self, poll: &MessageRef) -> Result<Outcome, Stop> {
        let (conversation, _) = match self.poll_of(poll)? {
            Ok(found) => found,
            Err(refusal) => return Ok(Outcome::Refused(refusal)),
        };
        if poll.account != self.me.account {
            return Ok(Outcome::Refused(Refusal::NotYours));
        }
        if self.is_closed(&conversation, poll)? {
            return Ok(Outcome::Refused(Refusal::BadVote));
        }
        let own = self.votes(&conversation, poll)?;
        let own = own.into_iter().rev().find(|(entry, _)| entry.entry.account == poll.account);
        let choices = own.map(|(_, vote)| vote.choices).unwrap_or_default();
        let vote = Vote { target: poll.target(), choices, closes: true };
        self.say_about(&conversation, Kind::Vote(vote), Aspect::Vote, Some(poll))
    }

    fn poll_of(&mut self, poll: &MessageRef) -> Result<Result<(Conversation, Poll), Refusal>, Stop> {
        let (conversation, entry) = match self.named(poll)? {
            Ok(found) => found,
            Err(refusal) => return Ok(Err(refusal)),
        };
        Ok(match kind_of(&entry) {
            Some(Kind::Poll(asked)) => Ok((conversation, asked)),
            _ => Err(Refusal::BadVote),
        })
    }

    fn votes(&self, conversation: &Conversation, poll: &MessageRef) -> Result<Vec<(Entry, Vote)>, Stop> {
        let said = about::of(self.tx, &conversation.id, &poll.about(), Aspect::Vote)?;
        let votes = said.into_iter().filter_map(|entry| match kind_of(&entry) {
            Some(Kind::Vote(vote)) => Some((entry, vote)),
            _ => None,
        });
        Ok(votes.collect())
    }

    fn is_closed(&self, conversation: &Conversation, poll: &MessageRef) -> Result<bool, Stop> {
        let votes = self.votes(conversation, poll)?;
        Ok(votes.iter().any(|(entry, vote)| vote.closes && entry.entry.account == poll.account))
    }

    pub(crate) fn pin(&mut self, message: &MessageRef, on: bool) -> Result<Outcome, Stop> {
        let (conversation, _) = match self.named(message)? {
            Ok(found) => found,
            Err(refusal) => return Ok(Outcome::Refused(refusal)),
        };
        if !self.may_pin(&conversation, self.me.account)? {
            return Ok(Outcome::Refused(Refusal::NotAllowed));
        }
        let pin = Pin { target: message.target(), unpinned: !on };
        self.say_about(&conversation, Kind::Pin(pin), Aspect::Pin, Some(message))
    }

    pub(crate) fn may_pin(&mut self, conversation: &Conversation, by: AccountId) -> Result<bool, Stop> {
        if conversation.kind != ConversationKind::Group {
            return Ok(true);
        }
        let view = self.view(conversation)?;
        let charter = view.as_ref().and_then(|view| view.extension.charter());
        Ok(charter.is_some_and(|charter| charter.may_change_details(by)))
    }

    pub(crate) fn send_card(&mut self, id: &ConversationId, whose: AccountId) -> Result<Outcome, Stop> {
        let Some(conversation) = self.conversation(id)? else {
            return Ok(Outcome::Refused(Refusal::UnknownHere("conversation")));
        };
        let Some(known) = account::find(self.tx, &whose)? else {
            return Ok(Outcome::Refused(Refusal::UnknownHere("account")));
        };
        if let Some(refusal) = self.refuse_in(&conversation, "-")? {
            return Ok(Outcome::Refused(refusal));
        }
        let handle = known.handle.or(known.username).unwrap_or_default();
        let name = known.local_name.unwrap_or(known.says.name);
        let name = name.chars().take(limits::NAME_CHARS).collect();
        self.queue(&conversation, Kind::Card(Card { account: whose, handle, name }), None)
    }

    /// A text goes to somebody else, as one that was not written for them.
    pub(crate) fn forward(
        &mut self,
        message: &MessageRef,
        to: &Recipient,
        key: Option<&str>,
    ) -> Result<Outcome, Stop> {
        let entry = match self.named(message)? {
            Ok((_, entry)) => entry,
            Err(refusal) => return Ok(Outcome::Refused(refusal)),
        };
        let Some(body) = self.wording(&entry)? else { return Ok(Outcome::Refused(Refusal::NoText)) };
        let conversation = match *to {
            Recipient::Conversation(id) => self.conversation(&id)?,
            Recipient::Account(account) => match self.refuse_text(account, &body)? {
                Some(refusal) => return Ok(Outcome::Refused(refusal)),
                None => Some(self.open_conversation(account)?),
            },
            Recipient::Handle(_) => None,
        };
        let Some(conversation) = conversation else {
            return Ok(Outcome::Refused(Refusal::UnknownHere("conversation")));
        };
        match self.refuse_in(&conversation, &body)? {
            Some(refusal) => Ok(Outcome::Refused(refusal)),
            None => self.queue_text(&conversation, Text { forwarded: true, ..Text::new(body) }, key),
        }
    }

    /// Whom a text calls: handles with an @ of accounts in the conversation.
    pub(crate) fn mentioned(&self, conversation: &Conversation, body: &str) -> Result<Vec<AccountId>, Stop> {
        let called: Vec<String> = body.split_whitespace().filter_map(handle).collect();
        let mut mentions = Vec::new();
        if called.is_empty() {
            return Ok(mentions);
        }
        let there = match conversation.kind {
            ConversationKind::Direct { peer } => vec![peer],
            _ => member::of(self.tx, &conversation.id)?.into_iter().map(|(account, _)| account).collect(),
        };
        for account in there.into_iter().filter(|account| *account != self.me.account) {
            let Some(known) = account::find(self.tx, &account)? else { continue };
            let names = [known.handle, known.username];
            let is_called = names.iter().flatten().any(|name| called.contains(&name.to_lowercase()));
            if is_called && mentions.len() < limits::MENTIONS {
                mentions.push(account);
            }
        }
        Ok(mentions)
    }
}

/// What a row says, where it can be read.
fn kind_of(entry: &Entry) -> Option<Kind> {
    if entry.entry.state == EntryState::Deleted {
        return None;
    }
    let content: Content = Encoded::from_row(entry.entry.content.clone()).decode().ok()?;
    Some(content.kind)
}

/// The handle that a word begins with, as `@ann,` does.
fn handle(word: &str) -> Option<String> {
    let word = word.trim_start_matches(['(', '"', '\'', '*', '_']);
    let name: String = word
        .strip_prefix('@')?
        .chars()
        .take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'))
        .collect();
    let name = name.trim_end_matches(['.', '-', '_']);
    format!("@{name}").parse::<Handle>().ok().map(|handle| handle.to_string())
}

fn is_poll(poll: &Poll) -> bool {
    let fits = |text: &str, most| !text.trim().is_empty() && text.chars().count() <= most;
    let mut options: Vec<&str> = poll.options.iter().map(|option| option.trim()).collect();
    let count = options.len();
    options.sort_unstable();
    options.dedup();
    fits(&poll.question, limits::QUESTION_CHARS)
        && (2..=limits::POLL_OPTIONS).contains(&count)
        && options.len() == count
        && options.iter().all(|option| fits(option, limits::OPTION_CHARS))
}
