//! Which conversation a command means: one with a person, or a group.

use hushwire_client::view::Group;
use hushwire_client::{Client, Link, Recipient};
use hushwire_types::{AccountId, ConversationId};

use crate::command::send;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::run::Context;

/// A conversation and how to send to it.
pub(crate) struct Target {
    pub(crate) conversation: ConversationId,
    pub(crate) to: Recipient,
}

/// What the arguments `[WITH] [--group GROUP]` mean. Asks the server about a person whom this profile does not know.
pub(crate) async fn find(
    context: &Context,
    client: &Client,
    with: Option<&str>,
    group: Option<&str>,
) -> Result<Target, Failure> {
    match (with, group) {
        (None, Some(group)) => {
            let conversation = find_group(client, group).await?.id;
            Ok(Target { conversation, to: Recipient::Conversation(conversation) })
        }
        (Some(with), None) => {
            let account = person(context, client, with).await?;
            let own = client.account().await?.account;
            let conversation = hushwire_client::direct_conversation_id(own, account);
            Ok(Target { conversation, to: Recipient::Account(account) })
        }
        _ => Err(Failure::usage("name a person or, with --group, a group")),
    }
}

/// The account of whoever is meant, asking the server where this profile does not know them.
pub(crate) async fn person(context: &Context, client: &Client, with: &str) -> Result<AccountId, Failure> {
    if let Some(person) = client.find(with.to_owned()).await? {
        return Ok(person.account);
    }
    match send::recipient(with)? {
        Recipient::Handle(handle) => {
            let link = context.caught_up(client).await;
            if !matches!(link, Link::Live) {
                return Err(Failure::of_link(&link));
            }
            Ok(client.look_up(handle).await?)
        }
        Recipient::Account(account) => Ok(account),
        Recipient::Conversation(_) => Err(Failure::usage("name a person")),
    }
}

/// The one group that a name or an id means.
pub(crate) async fn find_group(client: &Client, name: &str) -> Result<Group, Failure> {
    let mut found = client.find_groups(name.to_owned()).await?;
    let open = |group: &Group| group.state != hushwire_client::ConversationState::Closed;
    if found.len() > 1 && found.iter().filter(|group| open(group)).count() == 1 {
        // A group that was left does not stand in the way of one of the same name.
        found.retain(open);
    }
    match (found.pop(), found.len()) {
        (Some(only), 0) => Ok(only),
        (Some(_), _) => Err(Failure::new(
            Exit::UnknownRecipient,
            format!("several groups are called {name:?}: give the id that hush conversations --json shows"),
        )),
        (None, _) => Err(Failure::new(
            Exit::UnknownRecipient,
            format!("there is no group {name:?} here: hush group list shows those that are"),
        )),
    }
}
