//! `hush conversations`, `hush conversation` and `hush request`.

use std::fmt::Write as _;

use hushwire_content::display;
use hushwire_rpc::method::{self, AcceptRequest, DeclineRequest, ListRequests, ShowConversation, Told};
use hushwire_rpc::shape::{Conversation, ConversationStatus};
use hushwire_rpc::{Profile, time};

use crate::args::{ConversationCommand, Conversations, RequestCommand, SetConversation, Switch, Tell, Timer};
use crate::command::message;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::run::Context;
use crate::say::NobodyReads;

pub(crate) async fn list(context: &Context, wanted: Conversations) -> Outcome {
    let Conversations { archived, all, unread, label } = wanted;
    let plain = !archived && !unread && label.is_none();
    let wanted =
        method::Conversations { archived: (!all).then_some(archived), requests: None, unread, label };
    context
        .with_profile(async |profile| {
            let found = profile.call(wanted).await?;
            if show_all(context, &found).is_err() {
                return Ok(Exit::Ok);
            }
            if found.is_empty() && plain {
                context.say.note("No conversations yet: hush send @somebody \"hello\"");
            }
            if found.iter().any(|conversation| conversation.request) {
                context.say.note("Strangers wait for an answer: hush request list");
            }
            Ok(Exit::Ok)
        })
        .await
}

pub(crate) async fn run(context: &Context, command: ConversationCommand) -> Outcome {
    context
        .with_profile(async |profile| {
            let (timeout_s, conversation) = (context.timeout_s(), None);
            let shown = match command {
                ConversationCommand::Show { place } => {
                    let (with, group) = (place.with, place.group);
                    profile.call(ShowConversation { with, group, conversation, timeout_s }).await?
                }
                ConversationCommand::Set(set) => {
                    let set = meant(set, timeout_s)?;
                    let _waiting = context.say.waiting("Waiting for the server…");
                    profile.call(set).await?
                }
            };
            let _ = context.say.data(&shown, || lines(&shown));
            Ok(Exit::Ok)
        })
        .await
}

fn meant(set: SetConversation, timeout_s: Option<u64>) -> Result<method::SetConversation, Failure> {
    let SetConversation {
        place,
        mute,
        archive,
        pin,
        unread,
        label,
        no_labels,
        draft,
        receipts,
        typing,
        timer,
    } = set;
    let (muted, muted_for_s) = match mute {
        None => (None, None),
        Some(Timer::On) => (Some(true), None),
        Some(Timer::Off) => (Some(false), None),
        Some(Timer::Seconds(seconds)) => (None, Some(u64::from(seconds))),
    };
    let lives_for_s = match timer {
        None => None,
        Some(Timer::Off) => Some(0),
        Some(Timer::Seconds(seconds)) => Some(seconds),
        Some(Timer::On) => return Err(Failure::usage("--timer takes a time, 1d for example, or off")),
    };
    let (archived, pinned) = (archive.map(Switch::is_on), pin.map(Switch::is_on));
    Ok(method::SetConversation {
        with: place.with,
        group: place.group,
        conversation: None,
        muted,
        muted_for_s,
        archived,
        pinned,
        unread: unread.map(Switch::is_on),
        labels: (no_labels || !label.is_empty()).then_some(label),
        draft,
        receipts: receipts.map(Tell::meant),
        typing: typing.map(Tell::meant),
        lives_for_s,
        timeout_s,
    })
}

impl Tell {
    const fn meant(self) -> Told {
        match self {
            Self::On => Told::On,
            Self::Off => Told::Off,
            Self::Default => Told::Default,
        }
    }
}

pub(crate) async fn requests(context: &Context, command: RequestCommand) -> Outcome {
    context
        .with_profile(async |profile| {
            let (timeout_s, conversation) = (context.timeout_s(), None);
            let waiting = context.say.waiting("Waiting for the server…");
            let done = match command {
                RequestCommand::List => {
                    drop(waiting);
                    return list_requests(context, profile).await;
                }
                RequestCommand::Accept { place } => {
                    let (with, group) = (place.with, place.group);
                    profile.call(AcceptRequest { with, group, conversation, timeout_s }).await?
                }
                RequestCommand::Decline { place } => {
                    let (with, group) = (place.with, place.group);
                    profile.call(DeclineRequest { with, group, conversation, timeout_s }).await?
                }
            };
            drop(waiting);
            message::tell(context, done)
        })
        .await
}

async fn list_requests(context: &Context, profile: &Profile) -> Outcome {
    let waiting = profile.call(ListRequests {}).await?;
    if show_all(context, &waiting).is_ok() && waiting.is_empty() {
        context.say.note("Nobody waits for an answer.");
    }
    Ok(Exit::Ok)
}

fn show_all(context: &Context, all: &[Conversation]) -> Result<(), NobodyReads> {
    all.iter().try_for_each(|conversation| context.say.data(conversation, || line(conversation)))
}

/// A conversation as a line: `2026-11-23 18:00  @alice (2 new, 1 for you) [family]  hello`.
fn line(conversation: &Conversation) -> String {
    const SHOWN: usize = 60;
    let short = |text: &str| display::line(text).chars().take(SHOWN).collect::<String>();
    let words = match &conversation.last {
        _ if !conversation.draft.is_empty() => format!("draft: {}", short(&conversation.draft)),
        Some(last) if last.own => format!("you: {}", short(&last.text)),
        Some(last) => short(&last.text),
        None => String::new(),
    };
    let time = conversation.last_activity.local();
    let mut line = format!("{time}  {}", display::line(conversation.with.name()));
    for mark in marks(conversation) {
        let _ = write!(line, " ({mark})");
    }
    if !conversation.labels.is_empty() {
        let _ = write!(line, " [{}]", display::line(&conversation.labels.join(", ")));
    }
    format!("{line}  {words}")
}

/// What is worth saying about a conversation besides its last message.
fn marks(conversation: &Conversation) -> Vec<String> {
    let mut marks = Vec::new();
    if conversation.state != ConversationStatus::Active {
        marks.push(conversation.state.word().to_owned());
    }
    match (conversation.unread, conversation.unread_calls) {
        (0, _) if conversation.marked_unread => marks.push("unread".to_owned()),
        (0, _) => {}
        (unread, 0) => marks.push(format!("{unread} new")),
        (unread, calls) => marks.push(format!("{unread} new, {calls} for you")),
    }
    let more = [
        (conversation.request, "request"),
        (conversation.pinned, "pinned"),
        (conversation.muted, "muted"),
        (conversation.archived, "archived"),
    ];
    marks.extend(more.into_iter().filter(|(is_so, _)| *is_so).map(|(_, word)| word.to_owned()));
    marks
}

fn lines(conversation: &Conversation) -> String {
    let told = |told: Option<bool>| match told {
        Some(true) => "on",
        Some(false) => "off",
        None => "as everywhere",
    };
    let yes = |is_so: bool| if is_so { "yes" } else { "no" };
    let muted = match conversation.muted_until {
        Some(until) => format!("until {}", until.local()),
        None => yes(conversation.muted).to_owned(),
    };
    let labels = match conversation.labels.as_slice() {
        [] => "none".to_owned(),
        labels => display::line(&labels.join(", ")).into_owned(),
    };
    let timer = match conversation.lives_for_s {
        0 => "off".to_owned(),
        seconds => time::length(seconds),
    };
    let mut lines = vec![
        line(conversation),
        format!("  messages disappear: {timer}"),
        format!(
            "  muted: {muted} · archived: {} · pinned: {}",
            yes(conversation.archived),
            yes(conversation.pinned)
        ),
        format!("  labels: {labels}"),
        format!("  receipts: {} · typing: {}", told(conversation.receipts), told(conversation.typing)),
    ];
    if conversation.request {
        lines.push("  It waits for you: hush request accept, or hush request decline.".to_owned());
    }
    lines.join("\n")
}
