//! Why commands are refused.

use hushwire_types::ContentId;

/// Why a command was refused: one sentence for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Nothing to send.
    #[error("the message is empty")]
    Empty,
    /// Over the limit.
    #[error(
        "the message has {characters} characters; at most {limit} can be sent at once: split it or send a file"
    )]
    TooLong {
        /// Of the text.
        characters: usize,
        /// The most.
        limit: usize,
    },
    /// A local name over the limit.
    #[error("a name has at most {0} characters")]
    NameTooLong(usize),
    /// The server knows nobody under this handle or id.
    #[error("the server knows no {0}: check the spelling")]
    UnknownRecipient(String),
    /// No such account or conversation in this profile.
    #[error("there is no {0} in this profile")]
    UnknownHere(&'static str),
    /// The server is needed, and there is no connection.
    #[error("the server cannot be reached, and it is needed to find {0}: try again when online")]
    Offline(String),
    /// The server is needed and refused for now.
    #[error("the server refused to look {handle} up: {reason}")]
    Server {
        /// The handle.
        handle: String,
        /// The server's words.
        reason: String,
        /// When to try again, in milliseconds, if it said so; above 0 for a rate limit.
        retry_after_ms: u64,
    },
    /// The server is needed, and there is no connection.
    #[error("the server cannot be reached: try again when online")]
    Unreachable,
    /// The server refused.
    #[error("the server refused: {reason}")]
    Refused {
        /// The server's words.
        reason: String,
        /// When to try again, in milliseconds, if it said so; above 0 for a rate limit.
        retry_after_ms: u64,
    },
    /// Nobody claims this handle, or not any more.
    #[error("nobody claims {0}, or not any more: there is nothing to decide")]
    NoClaim(String),
    /// More than one account claims this handle.
    #[error("several accounts claim {0}: say which one is meant")]
    SeveralClaims(String),
    /// The server has suspended the recipient's account.
    #[error("{0} is suspended on this server and receives nothing")]
    Suspended(String),
    /// The server showed keys that do not belong to the account: nothing was believed.
    #[error("the server showed keys that do not belong to {0}: nothing was sent")]
    BadKeys(String),
    /// The handle points to another account than before.
    #[error("{0} belongs to another account now: compare safety numbers, then accept or refuse the change")]
    AccountChanged(String),
    /// The conversation is stopped by an alert.
    #[error(
        "this conversation is stopped, because what the server showed does not fit: read the alert, then resume it"
    )]
    Stopped,
    /// This device was removed from the account.
    #[error("this device was removed from its account and can send nothing more")]
    Revoked,
    /// The profile's registration has not ended.
    #[error("this profile is not registered yet")]
    NotRegistered,
    /// A group needs a name.
    #[error("a group needs a name")]
    NoName,
    /// A description over the limit.
    #[error("a description has at most {0} characters")]
    DescriptionTooLong(usize),
    /// Too many accounts for one group.
    #[error("a group has at most 1,000 devices")]
    GroupFull,
    /// More of the past than a newcomer is handed.
    #[error("at most the last {0} messages can be handed over")]
    TooMuchHistory(usize),
    /// Whoever makes a group is in it.
    #[error("you are in the group anyway: name only others")]
    OneselfInGroup,
    /// It is there already.
    #[error("that account is in the group already")]
    IsMember,
    /// One is in it, or on the way into it.
    #[error("you are in that group already")]
    InGroup,
    /// Nobody waits to be let in.
    #[error("that account does not ask to be let into the group, or does not any more")]
    HasNotAsked,
    /// This account has left or was put out.
    #[error("you are not in this group any more")]
    NotInGroup,
    /// The group's rules do not allow it.
    #[error("the group does not let you do that: ask one of its admins")]
    NotAllowed,
    /// Only admins write here.
    #[error("only admins write in this group")]
    MayNotWrite,
    /// A device puts out others only.
    #[error("a device cannot put itself out: do it from another device of yours")]
    ThisDevice,
    /// Another device has changed the list of devices at the same time.
    #[error("the list of your devices is being changed from elsewhere: look at it and try again")]
    ListMoved,
    /// An entry for the list of devices that is none.
    #[error("the new device signed something that cannot stand in the list: {0}")]
    BadEntry(String),
    /// An emoji is one or some symbols, at most 64 bytes.
    #[error("a reaction is one emoji")]
    NoEmoji,
    /// The message is another account's, or no text.
    #[error("only whoever wrote a message can do that, and only to a text (an admin of a group may delete)")]
    NotYours,
    /// Labels over a limit.
    #[error("a conversation has at most 16 labels of at most 32 characters")]
    Labels,
    /// One cannot block oneself.
    #[error("that is your own account")]
    Oneself,
    /// A person blocked the account.
    #[error("you have blocked this account: unblock it to write to it")]
    Blocked,
    /// Only texts go on.
    #[error("only a text can be forwarded")]
    NoText,
    /// A reported message is another account's.
    #[error("{0} is not a message of the account that you report: only its own can be reported")]
    NotTheirs(ContentId),
    /// A reported message has gone.
    #[error("{0} was deleted: nothing of it is here that could be reported")]
    DeletedMessage(ContentId),
    /// A reported message is none.
    #[error(
        "{0} is a line of the system's or cannot be read: only messages that are shown here can be reported"
    )]
    NoMessage(ContentId),
    /// A reported message did not come from its author.
    #[error(
        "somebody else handed {0} over: nothing shows that its author wrote it, so it cannot be reported"
    )]
    HandedOver(ContentId),
    /// A note over the limit.
    #[error("a note has at most {0} characters")]
    NoteTooLong(usize),
    /// Too many messages for one report.
    #[error("a report has at most {0} messages: choose fewer, or make a second one")]
    TooManyReported(usize),
    /// Messages over the limit of a report.
    #[error("these messages are too long for one report: choose fewer, or make a second one")]
    ReportTooLarge,
    /// Something changed since a person was shown what would be sent.
    #[error("what would be sent is not what you were shown any more: nothing was reported, look at it again")]
    ReportChanged,
    /// The conversation waits for nothing.
    #[error("this conversation is no request: there is nothing to decline")]
    NoRequest,
    /// A poll that is none.
    #[error("a poll has a question of at most 500 characters and 2 to 24 different answers of at most 100")]
    BadPoll,
    /// No poll, or an answer that it does not have, or several where it takes one, or it is closed.
    #[error("that is no open poll with such an answer")]
    BadVote,
    /// A timer over the limit.
    #[error("messages live for at most four weeks: {0} seconds")]
    TimerTooLong(u32),
    /// A backup of another account.
    #[error("this backup is of another account: restore it in a profile of that one")]
    OtherBackup,
    /// There is nothing to decide.
    #[error("there is no change to decide about")]
    NoChange,
}
