//! `hush send`.

use std::io::Read;
use std::time::Duration;

use hushwire_client::view::Settled;
use hushwire_client::{Client, ClientError, Link, Queued, Recipient, TroubleKind};
use hushwire_identity::Handle;
use hushwire_types::{AccountId, ConversationId};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout, timeout_at};

use crate::args::Send;
use crate::command::target;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::run::Context;
use crate::say::Say;

/// How soon to look again whether something has left.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// The longest text that is read from standard input; the client refuses far shorter ones with a better sentence.
const STDIN_BYTES: u64 = 1 << 20;

pub(crate) async fn run(context: &Context, send: Send) -> Outcome {
    let given = if send.group.is_empty() { Given::Here } else { Given::Groups };
    let (names, text) = words(send.words, send.stdin, given)?;
    let recipients = names.iter().map(|name| Ok((name.clone(), recipient(name)?)));
    let mut recipients: Vec<(String, Recipient)> = recipients.collect::<Result<_, Failure>>()?;
    let client = context.open()?;
    let done = match groups(&client, send.group, &mut recipients).await {
        Ok(()) => to_all(context, &client, &recipients, &text, send.key.as_deref()).await,
        Err(failure) => Err(failure),
    };
    context.close(client).await;
    done
}

/// Adds the groups that were named.
async fn groups(
    client: &Client,
    names: Vec<String>,
    recipients: &mut Vec<(String, Recipient)>,
) -> Result<(), Failure> {
    for name in names {
        let group = target::find_group(client, &name).await?;
        recipients.push((name, Recipient::Conversation(group.id)));
    }
    Ok(())
}

async fn to_all(
    context: &Context,
    client: &Client,
    recipients: &[(String, Recipient)],
    text: &str,
    key: Option<&str>,
) -> Outcome {
    let deadline = deadline(context.patience());
    let waiting = context.say.waiting("Sending…");
    online(client, deadline).await;
    let mut fates = Vec::new();
    for (name, to) in recipients {
        let key = key.map(|key| format!("{key}/{name}"));
        let fate = match to_one(client, to.clone(), text.to_owned(), key, deadline).await {
            Ok(fate) => fate,
            Err(failure) => Fate::Failed(failure),
        };
        fates.push((name, fate));
    }
    drop(waiting);
    let mut failures = Vec::new();
    for (name, fate) in fates {
        // The only one's failure is told as the failure of the whole.
        let told = recipients.len() > 1 || context.global.json || matches!(fate, Fate::Sent(_));
        if told && context.say.data(&fate.json(name), || fate.line(name)).is_err() {
            break;
        }
        failures.extend(fate.failure());
    }
    match (failures.pop(), failures.len() + 1) {
        (None, _) => Ok(Exit::Ok),
        (Some(_), failed) if failed < recipients.len() => Err(Failure::new(
            Exit::PartlySent,
            format!("sent to {} of {} recipients, not to all", recipients.len() - failed, recipients.len()),
        )),
        (Some(last), _) => Err(last),
    }
}

/// What became of the text for one recipient.
enum Fate {
    /// The server has it.
    Sent(Queued),
    /// It is stored here, and goes out when that is possible.
    Kept(Queued, Failure),
    /// It is not stored and will not be sent.
    Failed(Failure),
}

impl Fate {
    fn json(&self, name: &str) -> Value {
        let queued = |queued: &Queued, state: &str| {
            let (id, conversation) = (queued.content.to_string(), queued.conversation.to_string());
            json!({ "to": name, "state": state, "id": id, "conversation": conversation })
        };
        match self {
            Self::Sent(text) => queued(text, "sent"),
            Self::Kept(text, why) => {
                let mut object = queued(text, "queued");
                if let Some(fields) = object.as_object_mut() {
                    fields.insert("reason".to_owned(), Value::from(why.sentence.as_str()));
                }
                object
            }
            Self::Failed(why) => json!({ "to": name, "state": "failed", "reason": why.sentence }),
        }
    }

    fn line(&self, name: &str) -> String {
        match self {
            Self::Sent(_) => format!("Sent to {name}."),
            Self::Kept(_, why) => format!("Not sent to {name} yet: {}", why.sentence),
            Self::Failed(why) => format!("Not sent to {name}: {}", why.sentence),
        }
    }

    fn failure(self) -> Option<Failure> {
        match self {
            Self::Sent(_) => None,
            Self::Kept(_, why) | Self::Failed(why) => Some(why),
        }
    }
}

async fn to_one(
    client: &Client,
    to: Recipient,
    text: String,
    key: Option<String>,
    deadline: Instant,
) -> Result<Fate, Failure> {
    let offline = || Failure::of_link(&client.link().borrow());
    let queued = timeout_at(deadline, client.send(to, text, key)).await.map_err(|_| offline())??;
    Ok(match client.settled(queued, deadline.saturating_duration_since(now())).await? {
        Settled::Sent { .. } => Fate::Sent(queued),
        Settled::Failed { reason } => Fate::Failed(Failure::error(reason)),
        Settled::Waiting if is_put_out(client) => Fate::Failed(offline()),
        Settled::Waiting => {
            let why = offline();
            let sentence = format!(
                "{}. The message is kept and goes out the next time hush is online",
                trim(&why.sentence)
            );
            Fate::Kept(
                queued,
                Failure::new(if why.exit == Exit::Error { Exit::Network } else { why.exit }, sentence),
            )
        }
    })
}

/// Whether this device is no part of its account any more, so that nothing it has kept ever leaves.
fn is_put_out(client: &Client) -> bool {
    matches!(&*client.link().borrow(), Link::Ended { reason } if reason.kind == TroubleKind::PutOut)
}

/// Waits until everything of a conversation has left.
pub(crate) async fn all_sent(context: &Context, client: &Client, conversation: ConversationId) -> Outcome {
    let _waiting = context.say.waiting("Sending…");
    let mut changes = client.changes(client.last_change().await?);
    let mut tick = tokio::time::interval(LOOK_AGAIN);
    let all_sent = async {
        while client.has_unsent(conversation).await? {
            // What nobody sees is sent without a change.
            tokio::select! {
                change = changes.next() => drop(change?),
                _ = tick.tick() => {}
            }
        }
        Ok::<_, Failure>(())
    };
    match timeout(context.patience(), all_sent).await {
        Ok(sent) => sent.map(|()| Exit::Ok),
        Err(_) => {
            let failure = Failure::of_link(&client.link().borrow());
            Say::warn("what was not sent yet is kept and goes out the next time hush is online");
            Err(failure)
        }
    }
}

fn trim(sentence: &str) -> &str {
    sentence.trim_end_matches('.')
}

/// Waits until the device is logged in, so that recipients can be looked up; a first look at a server that is away
/// does not last the whole deadline.
async fn online(client: &Client, deadline: Instant) {
    let mut link = client.link();
    let settled = |link: &Link| {
        matches!(link, Link::Live | Link::CatchingUp | Link::Ended { .. } | Link::Offline { reason: Some(_) })
    };
    let _ = timeout_at(deadline, link.wait_for(settled)).await;
}

fn deadline(patience: Duration) -> Instant {
    now() + patience
}

#[allow(clippy::disallowed_methods, reason = "deadlines follow the runtime's clock")]
fn now() -> Instant {
    Instant::now()
}

/// Where recipients may stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Given {
    /// Among the words only, so that there must be one.
    Here,
    /// Groups were named, too.
    Groups,
}

/// Recipients and text: the last word is the text, unless it comes from standard input.
fn words(mut words: Vec<String>, stdin: bool, given: Given) -> Result<(Vec<String>, String), Failure> {
    if stdin {
        if words.is_empty() && given == Given::Here {
            return Err(Failure::usage("give at least one recipient: hush send @bob --stdin"));
        }
        let mut text = String::new();
        let read = std::io::stdin().take(STDIN_BYTES).read_to_string(&mut text);
        read.map_err(|error| Failure::usage(format!("standard input is not text: {error}")))?;
        let text = text.strip_suffix('\n').map(str::to_owned).unwrap_or(text);
        return Ok((words, text));
    }
    match words.pop() {
        Some(text) if !words.is_empty() || given == Given::Groups => Ok((words, text)),
        _ => Err(Failure::usage("give at least one recipient and a text: hush send @bob \"hello\"")),
    }
}

/// A handle or an account id.
pub(crate) fn recipient(name: &str) -> Result<Recipient, Failure> {
    let name = name.trim();
    if let Ok(account) = name.parse::<AccountId>() {
        return Ok(Recipient::Account(account));
    }
    name.parse::<Handle>().map(Recipient::Handle).map_err(|_| {
        Failure::new(
            Exit::UnknownRecipient,
            format!("{name:?} is nobody: give @name, a phone number, an e-mail address or an account id"),
        )
    })
}

/// The sentence for a refusal inside a conversation that goes on.
pub(crate) fn complain(error: ClientError) {
    Say::warn(&Failure::from(error).sentence);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn the_last_word_is_the_text() {
        let (to, text) = words(strings(&["@a", "@b", "hello"]), false, Given::Here).unwrap();
        assert_eq!((to, text.as_str()), (strings(&["@a", "@b"]), "hello"));
        assert_eq!(words(strings(&["@a"]), false, Given::Here).unwrap_err().exit, Exit::Usage);
        let (to, text) = words(strings(&["hello"]), false, Given::Groups).unwrap();
        assert_eq!((to, text.as_str()), (vec![], "hello"));
    }

    #[test]
    fn a_word_that_names_nobody_is_an_unknown_recipient() {
        assert_eq!(recipient("b@d name").unwrap_err().exit, Exit::UnknownRecipient);
        assert!(matches!(recipient("@bob"), Ok(Recipient::Handle(_))));
    }
}
