//! Whom and which a caller means: people, groups, conversations, messages.

use std::time::Duration;

use hushwire_client::view::Group;
use hushwire_client::{Command, ConversationState, MessageRef, Recipient};
use hushwire_identity::Handle;
use hushwire_types::{AccountId, ConversationId};
use tokio::time::timeout;

use crate::desk::{Desk, LOOK_AGAIN};
use crate::fault::{Fault, FaultKind};

/// How soon a server that can be reached shows an account that it knows.
const SHOWN_WITHIN: Duration = Duration::from_secs(10);

/// A conversation, and the account where it is with one person.
pub(crate) struct Target {
    pub(crate) conversation: ConversationId,
    pub(crate) account: Option<AccountId>,
}

/// Which conversation a caller means: exactly one of the three is given.
pub(crate) struct Meant<'a> {
    pub(crate) with: Option<&'a str>,
    pub(crate) group: Option<&'a str>,
    pub(crate) conversation: Option<&'a str>,
}

impl Desk {
    /// The conversation that is meant. Asks the server about a person whom this profile does not know.
    pub(crate) async fn find(&self, meant: &Meant<'_>, patience: Duration) -> Result<Target, Fault> {
        match (meant.with, meant.group, meant.conversation) {
            (None, Some(group), None) => {
                Ok(Target { conversation: self.group(group).await?.id, account: None })
            }
            (Some(with), None, None) => {
                let account = self.person(with, patience).await?;
                let own = self.client.account().await?.account;
                let conversation = hushwire_client::direct_conversation_id(own, account);
                Ok(Target { conversation, account: Some(account) })
            }
            (None, None, Some(id)) => Ok(Target { conversation: conversation(id)?, account: None }),
            _ => Err(Fault::usage("name a person or, with --group, a group")),
        }
    }

    /// The conversation that is meant, without asking the server.
    pub(crate) async fn known(&self, meant: &Meant<'_>) -> Result<ConversationId, Fault> {
        match (meant.with, meant.group, meant.conversation) {
            (None, Some(group), None) => Ok(self.group(group).await?.id),
            (None, None, Some(id)) => conversation(id),
            (Some(with), None, None) => {
                let person = self.client.find(with.to_owned()).await?;
                let person = person.ok_or_else(|| {
                    let sentence = format!("there is no conversation with {with} here");
                    Fault::new(FaultKind::UnknownRecipient, sentence)
                })?;
                let own = self.client.account().await?.account;
                Ok(hushwire_client::direct_conversation_id(own, person.account))
            }
            _ => Err(Fault::usage("name a person or a group")),
        }
    }

    /// The account of whoever is meant, asking the server where this profile does not know them.
    pub(crate) async fn person(&self, with: &str, patience: Duration) -> Result<AccountId, Fault> {
        if let Some(person) = self.client.find(with.to_owned()).await? {
            return Ok(person.account);
        }
        match recipient(with)? {
            Recipient::Handle(handle) => {
                self.online(patience).await?;
                Ok(self.client.look_up(handle).await?)
            }
            Recipient::Account(account) => {
                self.know(account, patience).await?;
                Ok(account)
            }
            Recipient::Conversation(_) => Err(Fault::usage("name a person")),
        }
    }

    /// Has the server show an account that this profile does not know, and checks what it shows.
    pub(crate) async fn know(&self, account: AccountId, patience: Duration) -> Result<(), Fault> {
        let id = account.to_string();
        if self.client.find(id.clone()).await?.is_some() {
            return Ok(());
        }
        self.online(patience).await?;
        self.client.command(Command::Know { account }).await?;
        let mut tick = tokio::time::interval(LOOK_AGAIN);
        let known = async {
            while self.client.find(id.clone()).await?.is_none() {
                tick.tick().await;
            }
            Ok(())
        };
        let unknown = || Fault::new(FaultKind::UnknownRecipient, format!("the server knows no account {id}"));
        timeout(patience.min(SHOWN_WITHIN), known).await.unwrap_or_else(|_| Err(unknown()))
    }

    /// The one group that a name or an id means.
    pub(crate) async fn group(&self, name: &str) -> Result<Group, Fault> {
        let mut found = self.client.find_groups(name.to_owned()).await?;
        let open = |group: &Group| group.state != ConversationState::Closed;
        if found.len() > 1 && found.iter().filter(|group| open(group)).count() == 1 {
            // A group that was left does not stand in the way of one of the same name.
            found.retain(open);
        }
        match (found.pop(), found.len()) {
            (Some(only), 0) => Ok(only),
            (Some(_), _) => Err(Fault::new(
                FaultKind::UnknownRecipient,
                format!(
                    "several groups are called {name:?}: give the id that hush conversations --json shows"
                ),
            )),
            (None, _) => Err(Fault::new(
                FaultKind::UnknownRecipient,
                format!("there is no group {name:?} here: hush group list shows those that are"),
            )),
        }
    }

    /// The one message that is meant.
    pub(crate) async fn message(&self, conversation: ConversationId, id: &str) -> Result<MessageRef, Fault> {
        let mut found = self.client.find_message(conversation, id.to_owned()).await?;
        match (found.pop(), found.len()) {
            (Some(only), 0) => Ok(only),
            (Some(_), _) => {
                Err(Fault::usage(format!("several messages begin with {id}: give more of the id")))
            }
            (None, _) => {
                Err(Fault::usage(format!("there is no message {id} here: hush history --json shows ids")))
            }
        }
    }
}

/// A handle or an account id.
pub(crate) fn recipient(name: &str) -> Result<Recipient, Fault> {
    let name = name.trim();
    if let Ok(account) = name.parse::<AccountId>() {
        return Ok(Recipient::Account(account));
    }
    name.parse::<Handle>().map(Recipient::Handle).map_err(|_| {
        Fault::new(
            FaultKind::UnknownRecipient,
            format!("{name:?} is nobody: give @name, a phone number, an e-mail address or an account id"),
        )
    })
}

/// A conversation's id as text.
pub(crate) fn conversation(id: &str) -> Result<ConversationId, Fault> {
    id.trim().parse().map_err(|_| Fault::usage(format!("{id:?} is no conversation's id")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_names_nobody_is_an_unknown_recipient() {
        assert_eq!(recipient("b@d name").unwrap_err().kind, FaultKind::UnknownRecipient);
        assert!(matches!(recipient("@bob"), Ok(Recipient::Handle(_))));
    }
}
