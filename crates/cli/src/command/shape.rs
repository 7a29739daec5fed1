//! Data as JSON objects and as lines; strangers' words are made harmless for lines, and left as they are in JSON, which
//! escapes them.

use std::fmt::Write as _;

use hushwire_client::view::{Body, Change, Contact, Message, Person, Quoted, Reaction, Reader, Row, With};
use hushwire_client::{Alert, ClaimState, EntryState, Event, HandleClaim, Trust, account_code};
use hushwire_content::display;
use hushwire_types::Timestamp;
use serde_json::{Value, json};

use crate::when;

/// Somebody's name, safe to print.
pub(crate) fn name(person: &Person) -> String {
    display::line(&person.name).into_owned()
}

pub(crate) fn person(person: &Person) -> Value {
    json!({ "account": person.account.to_string(), "name": person.name, "verified": person.is_verified() })
}

/// Whom a conversation is with.
pub(crate) fn with(with: &With) -> Value {
    match with {
        With::Person(with) => person(with),
        With::Group { name, members } => json!({ "group": name, "members": members }),
    }
}

/// How far somebody is trusted, in a word.
pub(crate) const fn trust(trust: &Trust) -> &'static str {
    match trust {
        Trust::Unverified => "unverified",
        Trust::Verified { .. } => "verified",
        Trust::Changed { .. } => "CHANGED",
    }
}

pub(crate) fn contact(contact: &Contact) -> Value {
    json!({
        "account": contact.person.account.to_string(),
        "name": contact.person.name,
        "handle": contact.handle,
        "username": contact.username,
        "trust": trust(&contact.person.trust).to_lowercase(),
        "safety_number": contact.safety_number.to_string(),
    })
}

/// The type of what a row shows.
const fn kind(body: &Body) -> &'static str {
    match body {
        Body::Text(_) => "text",
        Body::Poll { .. } => "poll",
        Body::Card { .. } => "card",
        Body::Deleted => "deleted",
        Body::Unknown(_) => "unknown",
        Body::Notice { .. } => "notice",
    }
}

/// A row of a timeline.
pub(crate) fn row(row: &Row) -> Value {
    let message = &row.message;
    let (state, reason) = match &row.state {
        EntryState::Queued => ("queued", None),
        EntryState::Sent if is_read(message) => ("read", None),
        EntryState::Sent if message.delivered_at.is_some() => ("delivered", None),
        EntryState::Sent => ("sent", None),
        EntryState::Failed { reason } => ("failed", Some(reason)),
        EntryState::Received => ("received", None),
        EntryState::Unreadable { .. } => ("unreadable", None),
        EntryState::System { .. } => ("system", None),
        EntryState::Deleted => ("deleted", None),
    };
    json!({
        "id": message.content.to_string(),
        "type": kind(&message.body),
        "from": person(&message.from),
        "own": message.own,
        "text": message.body.words(),
        "sent_at": when::machine(message.sent_at),
        "accepted_at": message.accepted_at.map(when::machine),
        "state": state,
        "reason": reason,
        "quote": message.quote.as_ref().map(quote),
        "reactions": message.reactions.iter().map(reaction).collect::<Vec<_>>(),
        "edited": !message.earlier.is_empty(),
        "earlier": message.earlier,
        "readers": message.readers.iter().map(reader).collect::<Vec<_>>(),
    })
}

fn quote(quote: &Quoted) -> Value {
    json!({ "id": quote.content.to_string(), "from": person(&quote.from), "text": quote.text })
}

fn reaction(reaction: &Reaction) -> Value {
    json!({ "from": person(&reaction.from), "emoji": reaction.emoji })
}

fn reader(reader: &Reader) -> Value {
    json!({
        "person": person(&reader.person),
        "delivered_at": reader.delivered_at.map(when::machine),
        "read_at": reader.read_at.map(when::machine),
    })
}

/// Whether somebody is known to have read it.
fn is_read(message: &Message) -> bool {
    message.readers.iter().any(|reader| reader.read_at.is_some())
}

/// A row as a line: `2026-11-23 18:00  @alice: hello`.
pub(crate) fn row_line(row: &Row) -> String {
    let mark = match &row.state {
        EntryState::Queued => "  (waiting to be sent)".to_owned(),
        EntryState::Failed { reason } => format!("  (not sent: {})", display::line(reason)),
        EntryState::Sent if is_read(&row.message) => "  ✓✓ read".to_owned(),
        EntryState::Sent if row.message.delivered_at.is_some() => "  ✓✓".to_owned(),
        EntryState::Sent => "  ✓".to_owned(),
        _ => String::new(),
    };
    format!("{}{mark}", message_line(&row.message))
}

/// A message as a line.
pub(crate) fn message_line(message: &Message) -> String {
    let time = when::person(shown_time(message));
    let words = message.body.words();
    if let Body::Notice { .. } = &message.body {
        return format!("{time}  -- {}", display::line(&words));
    }
    let from = if message.own { "you".to_owned() } else { name(&message.from) };
    let mut line = format!("{time}  {from}: {}", paragraphs(&words));
    if let Some(quote) = &message.quote {
        line = format!(
            "{time}  {from}: > {}: {}\n    {}",
            name(&quote.from),
            shortened(&quote.text),
            paragraphs(&words)
        );
    }
    if !message.earlier.is_empty() {
        line.push_str("  (edited)");
    }
    for reaction in &message.reactions {
        let _ = write!(line, "  [{} {}]", display::line(&reaction.emoji), name(&reaction.from));
    }
    line
}

/// The first words of a text, on one line.
fn shortened(text: &str) -> String {
    const SHOWN: usize = 60;
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = line.chars().take(SHOWN).collect();
    let more = if line.chars().count() > SHOWN { "…" } else { "" };
    format!("{}{more}", display::line(&short))
}

/// A text whose further lines are set in, so that none of them looks like a message of somebody else.
fn paragraphs(words: &str) -> String {
    display::text(words).replace('\n', "\n    ")
}

/// The author's time, unless it is far from the server's.
fn shown_time(message: &Message) -> hushwire_types::Timestamp {
    const TOLERANCE: std::time::Duration = std::time::Duration::from_secs(5 * 60);
    match message.accepted_at {
        Some(accepted) => {
            let (earlier, later) = (accepted.min(message.sent_at), accepted.max(message.sent_at));
            if later.since(earlier) > TOLERANCE { accepted } else { message.sent_at }
        }
        None => message.sent_at,
    }
}

/// A change of the journal.
pub(crate) fn change(change: &Change) -> Value {
    let mut object = json!({
        "seq": change.seq.0,
        "type": change.kind,
        "conversation": change.conversation.map(|id| id.to_string()),
        "at": when::machine(change.at),
    });
    let mut put = |name: &str, value: Value| {
        if let Some(fields) = object.as_object_mut() {
            fields.insert(name.to_owned(), value);
        }
    };
    if let Some(message) = &change.message {
        put("id", json!(message.content.to_string()));
        put("from", json!(message.from.name));
        put("account", json!(message.from.account.to_string()));
        put("own", json!(message.own));
        put("text", json!(message.body.words()));
        put("sent_at", json!(when::machine(message.sent_at)));
        put("verified", json!(message.from.is_verified()));
    }
    match &change.event {
        Some(Event::Sent { content } | Event::Delivered { content } | Event::Queued { content }) => {
            put("id", json!(content.to_string()));
        }
        Some(Event::ReadBy { account, content }) => {
            put("id", json!(content.to_string()));
            put("by", json!(account.to_string()));
        }
        Some(
            Event::Reacted { account, content }
            | Event::Edited { account, content }
            | Event::Deleted { account, content },
        ) => {
            put("id", json!(content.to_string()));
            put("account", json!(account.to_string()));
            if let Some(message) = &change.message {
                put("reactions", message.reactions.iter().map(reaction).collect());
            }
        }
        Some(Event::Failed { content, reason }) => {
            put("id", json!(content.to_string()));
            put("reason", json!(reason));
        }
        Some(Event::Wish { wish, refused }) => {
            put("wish", json!(wish));
            put("refused", json!(refused));
        }
        Some(Event::Contact { account }) => put("account", json!(account.to_string())),
        Some(Event::Alert(alert)) => {
            put("alert", serde_json::to_value(alert).unwrap_or(Value::Null));
            put("text", json!(alert.to_string()));
        }
        _ => {}
    }
    object
}

/// An alert as a line, with the times that a claim has.
fn alert_line(alert: &Alert) -> String {
    let words = alert.to_string();
    let more = match alert {
        Alert::HandleClaim(claim) if claim.state == ClaimState::Claimed => format!(
            ". Claimed {}, until {}; to decide: hush handles",
            when::person(Timestamp::from_ms(claim.claimed_at_ms)),
            when::person(Timestamp::from_ms(claim.locked_until_ms)),
        ),
        _ => String::new(),
    };
    format!("!! {}", display::line(&format!("{words}{more}")))
}

/// A claim to a handle of one's own.
pub(crate) fn claim(claim: &HandleClaim) -> Value {
    json!({
        "type": "claim",
        "handle": claim.handle,
        "account": claim.claimant.to_string(),
        "code": account_code(&claim.claimant),
        "claimed_at": when::machine(Timestamp::from_ms(claim.claimed_at_ms)),
        "locked_until": when::machine(Timestamp::from_ms(claim.locked_until_ms)),
        "state": claim.state,
    })
}

/// A change as a line, where it is one that people want to see.
pub(crate) fn change_line(change: &Change) -> Option<String> {
    match (&change.event, &change.message) {
        (Some(Event::Alert(alert)), _) => Some(alert_line(alert)),
        (Some(Event::Message { .. } | Event::Notice), Some(message)) => Some(message_line(message)),
        (Some(Event::Edited { .. } | Event::Deleted { .. } | Event::Reacted { .. }), Some(message)) => {
            Some(format!("~ {}", message_line(message)))
        }
        (Some(Event::Failed { reason, .. }), _) => Some(format!("-- not sent: {}", display::line(reason))),
        _ => None,
    }
}
