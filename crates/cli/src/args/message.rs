//! What can be said about messages that are there, and about polls.

use clap::{Args, Subcommand};

use super::PlaceArgs;

/// What can be done to messages.
#[derive(Debug, Subcommand)]
pub enum MessageCommand {
    /// Reply to a message.
    Reply {
        /// Where it is and which.
        #[command(flatten)]
        message: MessageArgs,
        /// What you say.
        text: String,
    },
    /// React with an emoji; without one, take the reaction back.
    React {
        /// Where it is and which.
        #[command(flatten)]
        message: MessageArgs,
        /// The emoji.
        emoji: Option<String>,
    },
    /// Put a text of yours otherwise; the earlier wording stays known.
    Edit {
        /// Where it is and which.
        #[command(flatten)]
        message: MessageArgs,
        /// What it says from now on.
        text: String,
    },
    /// Delete a message for everyone.
    Delete {
        /// Where it is and which.
        #[command(flatten)]
        message: MessageArgs,
        /// On this device alone; nobody hears of it.
        #[arg(long)]
        here: bool,
    },
    /// Say that you have read a conversation, all of it or up to a message.
    Read {
        /// Where.
        #[command(flatten)]
        place: PlaceArgs,
        /// The message, by its id or the beginning of that.
        id: Option<String>,
    },
    /// Send a text on, to somebody else or elsewhere. It is shown as forwarded, without its author.
    Forward {
        /// Where it is and which.
        #[command(flatten)]
        message: MessageArgs,
        /// To this person.
        #[arg(required_unless_present = "to_group", conflicts_with = "to_group")]
        to: Option<String>,
        /// To this group, by name or id.
        #[arg(long, value_name = "GROUP")]
        to_group: Option<String>,
        /// Forwarding twice with the same key forwards once.
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
    },
    /// Send the card of somebody, by which others can add them.
    Card {
        /// Where to.
        #[command(flatten)]
        place: PlaceArgs,
        /// Whose.
        who: String,
    },
    /// Pin a message for everyone in its conversation.
    Pin {
        /// Where it is and which.
        #[command(flatten)]
        message: MessageArgs,
    },
    /// Let a pinned message go.
    Unpin {
        /// Where it is and which.
        #[command(flatten)]
        message: MessageArgs,
    },
    /// List what is pinned in a conversation.
    Pinned {
        /// Where.
        #[command(flatten)]
        place: PlaceArgs,
    },
    /// Mark a message for yourself.
    Star {
        /// Where it is and which.
        #[command(flatten)]
        message: MessageArgs,
    },
    /// Take such a mark away.
    Unstar {
        /// Where it is and which.
        #[command(flatten)]
        message: MessageArgs,
    },
    /// List the messages that you have starred, the newest first.
    Starred,
}

/// What can be done with polls.
#[derive(Debug, Subcommand)]
pub enum PollCommand {
    /// Ask something.
    Ask {
        /// Where.
        #[command(flatten)]
        place: PlaceArgs,
        /// What, in at most 500 characters.
        question: String,
        /// 2 to 24 different answers of at most 100 characters.
        #[arg(required = true, num_args = 2..)]
        answers: Vec<String>,
        /// One may choose several.
        #[arg(long)]
        multiple: bool,
    },
    /// Choose, or choose otherwise; without a number, take your vote back.
    Vote {
        /// Where the poll is and which.
        #[command(flatten)]
        message: MessageArgs,
        /// The numbers of the answers, from 1 on.
        #[arg(value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
        answers: Vec<u32>,
    },
    /// End a poll of yours.
    Close {
        /// Where it is and which.
        #[command(flatten)]
        message: MessageArgs,
    },
}

/// Which message.
#[derive(Debug, Args)]
pub struct MessageArgs {
    /// Where.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Its id as --json shows it, or the beginning of that.
    pub id: String,
}
