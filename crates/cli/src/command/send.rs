//! `hush send`.

use std::io::Read;
use std::time::Duration;

use hushwire_client::view::Settled;
use hushwire_client::{Client, ClientError, Link, Queued, Recipient};
use hushwire_identity::Handle;
use hushwire_types::AccountId;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use crate::args::Send;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::run::Context;
use crate::say::Say;

/// The longest text that is read from standard input; the client refuses far shorter ones with a better sentence.
const STDIN_BYTES: u64 = 1 << 20;

pub(crate) async fn run(context: &Context, send: Send) -> Outcome {
    let (names, text) = words(send.words, send.stdin)?;
    let recipients = names.iter().map(|name| Ok((name.clone(), recipient(name)?)));
    let recipients: Vec<(String, Recipient)> = recipients.collect::<Result<_, Failure>>()?;
    let client = context.open()?;
    let done = to_all(context, &client, &recipients, &text, send.key.as_deref()).await;
    client.close().await;
    done
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
    let mut failures = Vec::new();
    let mut results = Vec::new();
    for (name, to) in recipients {
        let key = key.map(|key| format!("{key}/{name}"));
        let sent = to_one(client, to.clone(), text.to_owned(), key, deadline).await;
        results.push((name, sent));
    }
    drop(waiting);
    for (name, sent) in results {
        let object = report(name, &sent);
        let line = || match &sent {
            Ok(_) => format!("Sent to {name}."),
            Err(failure) => format!("Not sent to {name}: {}", failure.sentence),
        };
        if context.say.data(&object, line).is_err() {
            break;
        }
        failures.extend(sent.err());
    }
    match (failures.pop(), failures.len() + 1) {
        (None, _) => Ok(Exit::Ok),
        (Some(_), failed) if failed < recipients.len() => Err(Failure::new(
            Exit::PartlySent,
            format!("{failed} of {} recipients did not get it", recipients.len()),
        )),
        (Some(last), _) => Err(last),
    }
}

fn report(name: &str, sent: &Result<Queued, Failure>) -> Value {
    match sent {
        Ok(queued) => {
            json!({ "to": name, "state": "sent", "id": queued.content.to_string(), "conversation": queued.conversation.to_string() })
        }
        Err(failure) if failure.exit == Exit::Network => {
            json!({ "to": name, "state": "queued", "reason": failure.sentence })
        }
        Err(failure) => json!({ "to": name, "state": "failed", "reason": failure.sentence }),
    }
}

async fn to_one(
    client: &Client,
    to: Recipient,
    text: String,
    key: Option<String>,
    deadline: Instant,
) -> Result<Queued, Failure> {
    let offline = || Failure::of_link(&client.link().borrow());
    let queued = timeout_at(deadline, client.send(to, text, key)).await.map_err(|_| offline())??;
    match client.settled(queued, deadline.saturating_duration_since(now())).await? {
        Settled::Sent { .. } => Ok(queued),
        Settled::Failed { reason } => Err(Failure::error(reason)),
        Settled::Waiting => {
            let why = offline();
            let sentence = format!(
                "{}. The message is kept and goes out the next time hush is online",
                trim(&why.sentence)
            );
            Err(Failure::new(if why.exit == Exit::Error { Exit::Network } else { why.exit }, sentence))
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

/// Recipients and text: the last word is the text, unless it comes from standard input.
fn words(mut words: Vec<String>, stdin: bool) -> Result<(Vec<String>, String), Failure> {
    if stdin {
        let mut text = String::new();
        let read = std::io::stdin().take(STDIN_BYTES).read_to_string(&mut text);
        read.map_err(|error| Failure::usage(format!("standard input is not text: {error}")))?;
        let text = text.strip_suffix('\n').map(str::to_owned).unwrap_or(text);
        return Ok((words, text));
    }
    match words.pop() {
        Some(text) if !words.is_empty() => Ok((words, text)),
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
        let (to, text) = words(strings(&["@a", "@b", "hello"]), false).unwrap();
        assert_eq!((to, text.as_str()), (strings(&["@a", "@b"]), "hello"));
        assert_eq!(words(strings(&["@a"]), false).unwrap_err().exit, Exit::Usage);
    }

    #[test]
    fn a_word_that_names_nobody_is_an_unknown_recipient() {
        assert_eq!(recipient("b@d name").unwrap_err().exit, Exit::UnknownRecipient);
        assert!(matches!(recipient("@bob"), Ok(Recipient::Handle(_))));
    }
}
