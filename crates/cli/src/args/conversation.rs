//! What can be said about conversations as a whole, requests and people.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use hushwire_rpc::time;

use super::{PlaceArgs, Switch};

/// List conversations.
#[derive(Debug, Args)]
pub struct Conversations {
    /// Those that are put away, which the list leaves out otherwise.
    #[arg(long, conflicts_with = "all")]
    pub archived: bool,
    /// All, those that are put away too.
    #[arg(long)]
    pub all: bool,
    /// Only those with something new, or marked as unread.
    #[arg(long)]
    pub unread: bool,
    /// Only those with this label.
    #[arg(long, value_name = "LABEL")]
    pub label: Option<String>,
}

/// What can be done with one conversation.
#[derive(Debug, Subcommand)]
pub enum ConversationCommand {
    /// Show it, and what is set for it.
    Show {
        /// Which.
        #[command(flatten)]
        place: PlaceArgs,
    },
    /// Set something for it. All but the timer is for yourself, on all your devices.
    Set(SetConversation),
}

/// Set something for a conversation.
#[derive(Debug, Args)]
pub struct SetConversation {
    /// Which.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Nothing that happens in it makes itself heard: on, off, or for so long: 8h, 7d.
    #[arg(long, value_name = "ON|OFF|TIME")]
    pub mute: Option<Timer>,
    /// Whether it is put away.
    #[arg(long, value_enum, value_name = "ON|OFF")]
    pub archive: Option<Switch>,
    /// Whether it stands before the others.
    #[arg(long, value_enum, value_name = "ON|OFF")]
    pub pin: Option<Switch>,
    /// Whether it is shown as unread although it was read.
    #[arg(long, value_enum, value_name = "ON|OFF")]
    pub unread: Option<Switch>,
    /// A label; may be given several times. The labels from before go.
    #[arg(long, value_name = "LABEL", conflicts_with = "no_labels")]
    pub label: Vec<String>,
    /// No label at all.
    #[arg(long)]
    pub no_labels: bool,
    /// What you will have written the next time you look, on all your devices; empty for nothing.
    #[arg(long, value_name = "TEXT")]
    pub draft: Option<String>,
    /// Whether others are told what you have read in it; default for as everywhere.
    #[arg(long, value_enum, value_name = "ON|OFF|DEFAULT")]
    pub receipts: Option<Tell>,
    /// Whether others see that you are writing in it; default for as everywhere.
    #[arg(long, value_enum, value_name = "ON|OFF|DEFAULT")]
    pub typing: Option<Tell>,
    /// Messages disappear so long after they were read, at most 4w, or off. For everyone in the conversation.
    #[arg(long, value_name = "TIME|OFF")]
    pub timer: Option<Timer>,
}

/// Whether others are told something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Tell {
    /// They are.
    On,
    /// They are not.
    Off,
    /// As everywhere.
    Default,
}

/// A length of time, or whether at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timer {
    /// Without an end.
    On,
    /// Not at all.
    Off,
    /// So many seconds.
    Seconds(u32),
}

impl std::str::FromStr for Timer {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "on" => Ok(Self::On),
            "off" => Ok(Self::Off),
            length => {
                let seconds = time::seconds(length).and_then(|seconds| u32::try_from(seconds).ok());
                seconds
                    .filter(|seconds| *seconds > 0)
                    .map(Self::Seconds)
                    .ok_or("give a time as 30m, 8h, 7d or 4w, or off")
            }
        }
    }
}

/// What can be done with what strangers want.
#[derive(Debug, Subcommand)]
pub enum RequestCommand {
    /// List what waits.
    List,
    /// Accept it: its author is told that you have it.
    Accept {
        /// Which.
        #[command(flatten)]
        place: PlaceArgs,
    },
    /// Decline it: the messages go, a group is left. A stranger is not told.
    Decline {
        /// Which.
        #[command(flatten)]
        place: PlaceArgs,
    },
}

/// What can be done with people.
#[derive(Debug, Subcommand)]
pub enum ContactCommand {
    /// Add somebody by @name, phone number, e-mail address or the account id on a card.
    Add {
        /// Whom.
        who: String,
    },
    /// Give somebody a name of your own, which nobody else sees; without one, take it away.
    Name {
        /// Whom.
        who: String,
        /// The name, at most 64 characters.
        name: Option<String>,
    },
    /// Block somebody: nothing of theirs is shown, and nothing is sent to them. They are not told.
    Block {
        /// Whom.
        who: String,
    },
    /// Let them write again.
    Unblock {
        /// Whom.
        who: String,
    },
    /// Write the picture that somebody has shown you to a file.
    Picture {
        /// Whose.
        who: String,
        /// The file, which may not exist yet.
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
    /// Report somebody to the operator of the server, with messages of theirs that you choose. The operator reads them.
    Report(Report),
    /// List the reports that you made, on any of your devices, and whether they have arrived.
    Reports,
}

/// Report somebody to the operator of the server.
#[derive(Debug, Args)]
pub struct Report {
    /// Whom.
    pub who: String,
    /// A message of theirs that the operator should read, by its id or the beginning of that; hush history --json shows ids. Can be
    /// given several times.
    #[arg(long = "message", value_name = "ID")]
    pub messages: Vec<String>,
    /// The messages are in this group, by name or id, instead of your conversation with them.
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
    /// Why.
    #[arg(long, value_enum, default_value_t = Reason::Other)]
    pub reason: Reason,
    /// What you want to add, at most 500 characters.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub note: String,
    /// Block them too, and decline what they want of you as a stranger; a group that waits for an answer, from which messages are, is
    /// left.
    #[arg(long)]
    pub block: bool,
    /// Do not ask.
    #[arg(long)]
    pub yes: bool,
}

/// Why somebody is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Reason {
    /// Unwanted advertising, or the same to many.
    Spam,
    /// Insults, threats, harassment.
    Abuse,
    /// Something else.
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_as_people_write_them() {
        for (text, seconds) in
            [("30m", 1_800), ("8h", 28_800), ("7d", 604_800), ("4w", 2_419_200), ("1h 30m", 5_400)]
        {
            assert_eq!(text.parse(), Ok(Timer::Seconds(seconds)), "{text}");
        }
        assert_eq!((("on").parse(), "off".parse()), (Ok(Timer::On), Ok(Timer::Off)));
        for text in ["", "8", "soon", "-1h", "0s", "200y", "1month"] {
            assert!(text.parse::<Timer>().is_err(), "{text}");
        }
    }
}
