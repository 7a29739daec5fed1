//! Polls.

use hushwire_client::{Command, MessageRef, Poll};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fate, Method, send};
use crate::desk::{Desk, patience};
use crate::fault::Fault;

about_a_conversation! {
    /// Asks something that everybody in a conversation can answer.
    AskPoll "poll.ask" -> Fate {
        /// What, in at most 500 characters.
        question: String,
        /// 2 to 24 different answers of at most 100 characters.
        answers: Vec<String>,
        /// Whether one may choose several.
        #[serde(default)]
        multiple: bool,
    } |ask, desk, conversation| {
        let AskPoll { with, group, question, answers, multiple, timeout_s, .. } = ask;
        let name = with.or(group).unwrap_or_else(|| conversation.to_string());
        let poll = Poll { question, options: answers, multiple };
        send::deliver(desk, name, Command::Poll { conversation, poll }, timeout_s).await
    }
}

about_a_conversation! {
    /// Chooses in a poll, or chooses otherwise: what was chosen before does not count any more.
    Vote "poll.vote" -> super::Done {
        /// The poll's id, or the beginning of that.
        id: String,
        /// The numbers of the answers, from 1 on; none takes the vote back.
        #[serde(default)]
        answers: Vec<u32>,
    } |vote, desk, conversation| {
        let poll = desk.message(conversation, &vote.id).await?;
        let number = |answer: &u32| {
            answer.checked_sub(1).ok_or_else(|| Fault::usage("answers are numbered from 1 on"))
        };
        let choices = vote.answers.iter().map(number).collect::<Result<Vec<_>, _>>()?;
        let done = if choices.is_empty() { "vote taken back" } else { "voted" };
        desk.client.command(Command::Vote { poll, choices }).await?;
        super::message::all_sent(desk, conversation, done, patience(vote.timeout_s)).await
    }
}

about_a_message! {
    /// Ends a poll of yours: nobody votes any more.
    ClosePoll "poll.close" {} |_, poll: MessageRef| ("closed", Command::ClosePoll { poll })
}
