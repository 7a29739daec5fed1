//! What a front end can ask for, and how it ends.

use std::fmt;
use std::sync::Arc;

use hushwire_backup::Record;
use hushwire_content::Poll;
use hushwire_identity::list::Joining;
use hushwire_identity::{DeviceName, Handle};
use hushwire_types::{AccountId, ContentId, ConversationId, DeviceId};
use serde::{Deserialize, Serialize};

use crate::text;

use crate::{ClaimAnswer, MessageRef, Restored, Setting};

/// A number that the caller chooses and gets back with the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommandId(pub u64);

/// Whom a text is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Recipient {
    /// Whoever the handle points to, as it was known first (rule R4).
    Handle(Handle),
    /// An account, known from a card, a link or an earlier message.
    Account(AccountId),
    /// A conversation that exists here.
    Conversation(ConversationId),
}

/// What a front end asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// Send a text.
    Send {
        /// To whom.
        to: Recipient,
        /// At most [`hushwire_content`]'s limit of characters; a longer or an empty one is refused.
        text: String,
        /// Given twice with the same key, a text is queued once and both get the same outcome.
        key: Option<String>,
    },
    /// Send a text that quotes a message.
    Reply {
        /// The message.
        to: MessageRef,
        /// As in [`Command::Send`].
        text: String,
        /// As in [`Command::Send`].
        key: Option<String>,
    },
    /// React to a message, or take that back.
    React {
        /// The message.
        to: MessageRef,
        /// An emoji; empty takes the reaction back.
        emoji: String,
    },
    /// Put an own text otherwise.
    Edit {
        /// The text.
        message: MessageRef,
        /// What it says from now on.
        text: String,
    },
    /// Delete a message.
    Delete {
        /// The message.
        message: MessageRef,
        /// For whom.
        reach: Reach,
    },
    /// A person has read a conversation.
    Read {
        /// Which.
        conversation: ConversationId,
        /// Up to which message; none for all.
        through: Option<MessageRef>,
    },
    /// Set something, on all devices of this account.
    Set(Setting),
    /// Take what a stranger wants: what they wrote, or a group that they added this account to.
    Accept {
        /// The conversation.
        conversation: ConversationId,
    },
    /// Do not take it: it goes, and nobody is told but the members of a group, which is left.
    Decline {
        /// The conversation.
        conversation: ConversationId,
    },
    /// Send a message again, elsewhere.
    Forward {
        /// The message: a text.
        message: MessageRef,
        /// To whom; not by a handle.
        to: Recipient,
        /// As in [`Command::Send`].
        key: Option<String>,
    },
    /// Ask something.
    Poll {
        /// Whom.
        conversation: ConversationId,
        /// What.
        poll: Poll,
    },
    /// Choose in a poll, or choose otherwise.
    Vote {
        /// The poll.
        poll: MessageRef,
        /// Indices of its options; none takes the vote back.
        choices: Vec<u32>,
    },
    /// End an own poll.
    ClosePoll {
        /// The poll.
        poll: MessageRef,
    },
    /// Pin a message for everyone in its conversation, or let it go.
    Pin {
        /// The message.
        message: MessageRef,
        /// Whether it is pinned from now on.
        on: bool,
    },
    /// Send somebody the card of an account.
    Card {
        /// Where to.
        conversation: ConversationId,
        /// Whose.
        account: AccountId,
    },
    /// Say how long messages of a conversation live from now on.
    Timer {
        /// Which.
        conversation: ConversationId,
        /// At most four weeks; 0 for ever.
        lives_for_s: u32,
    },
    /// A person writes in a conversation, or has stopped. To be said while they write; it goes out every few seconds at most.
    Typing {
        /// Where.
        conversation: ConversationId,
        /// Whether they have stopped.
        stopped: bool,
    },
    /// Make a group of this account and others. Who cannot be added is told by an event; the group is made all the same.
    CreateGroup {
        /// At most 64 characters.
        name: String,
        /// Accounts that this profile knows.
        members: Vec<AccountId>,
    },
    /// Change something in a group.
    ChangeGroup {
        /// The group's conversation.
        conversation: ConversationId,
        /// What.
        change: GroupChange,
    },
    /// Ask the server (again) whom a handle belongs to.
    LookUp {
        /// The handle.
        handle: Handle,
    },
    /// The person has compared the safety number with this account's.
    Verify {
        /// Whose.
        account: AccountId,
    },
    /// Takes a verification back.
    Unverify {
        /// Whose.
        account: AccountId,
    },
    /// The handle of `account` points to another account now: from here on the handle means that one.
    AcceptChange {
        /// The account that the handle meant before.
        account: AccountId,
    },
    /// The handle of `account` points to another account now: stay with the old one.
    RefuseChange {
        /// The account that the handle goes on to mean here.
        account: AccountId,
    },
    /// Decide about a claim to a handle of this account (registration lock).
    DecideClaim {
        /// The handle.
        handle: Handle,
        /// Who claims it; none where only one account does.
        claimant: Option<AccountId>,
        /// The decision.
        answer: ClaimAnswer,
    },
    /// A name of one's own for an account, or none again.
    Name {
        /// Whose.
        account: AccountId,
        /// At most 64 characters.
        name: Option<String>,
    },
    /// The entry of the own list that adds a device elsewhere, up to that device's own signature.
    DraftDevice {
        /// The device.
        joining: Joining,
    },
    /// Append an entry that adds a device of this account, as the device has signed it.
    AddDevice {
        /// The entry.
        entry: Vec<u8>,
    },
    /// Give a device of this account another name.
    RenameDevice {
        /// Which.
        device: DeviceId,
        /// What it is called from now on.
        name: DeviceName,
    },
    /// Put a device out of this account, for ever.
    RevokeDevice {
        /// Which; not this one.
        device: DeviceId,
    },
    /// The person has read what stopped a conversation and wants to go on.
    Resume {
        /// Which one.
        conversation: ConversationId,
    },
    /// Take over some records of a backup that was read to its end before.
    RestoreHistory {
        /// Whose history it is, as its head says.
        account: AccountId,
        /// The records, in their order. Those that are here already change nothing.
        records: Arc<[Record]>,
    },
}

/// For whom a message is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// For oneself, on all devices of the account.
    Here,
    /// For everyone: by its author's account, or by an admin of the group.
    Everyone,
}

/// What can be changed in a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
#[non_exhaustive]
pub enum GroupChange {
    /// Add an account with all its devices.
    Add {
        /// Which.
        #[serde(with = "text")]
        account: AccountId,
    },
    /// Put an account out.
    Remove {
        /// Which.
        #[serde(with = "text")]
        account: AccountId,
    },
    /// Give an account another role.
    Role {
        /// Which.
        #[serde(with = "text")]
        account: AccountId,
        /// The role.
        role: GroupRole,
    },
    /// Give the group another name.
    Name {
        /// At most 64 characters.
        name: String,
    },
    /// Describe the group.
    Describe {
        /// At most 500 characters; empty for none.
        description: String,
    },
    /// Say who may do what.
    Permissions {
        /// Who may add accounts.
        add: GroupWho,
        /// Who may change name and description.
        details: GroupWho,
        /// Who may write.
        write: GroupWho,
    },
    /// Say how long messages live.
    Timer {
        /// At most four weeks; 0 for ever.
        lives_for_s: u32,
    },
    /// Leave.
    Leave,
}

/// What an account is in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupRole {
    /// Neither of the others.
    Member,
    /// Adds and removes members, changes permissions.
    Admin,
    /// Does all that, and says who is admin or owner.
    Owner,
}

impl fmt::Display for GroupRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Member => "a member",
            Self::Admin => "an admin",
            Self::Owner => "an owner",
        })
    }
}

/// Who may do something in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupWho {
    /// Every member.
    Everybody,
    /// Admins and owners.
    Admins,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The text is stored and will be sent. Events tell the rest: `sent`, `delivered` or `failed` with this content id.
    Queued {
        /// Where it stands.
        conversation: ConversationId,
        /// Its identity.
        content: ContentId,
    },
    /// The handle belongs, the server says, to this account.
    Found {
        /// The account.
        account: AccountId,
        /// Its direct conversation, which may not exist yet.
        conversation: ConversationId,
    },
    /// The group is stored and will be made; an event tells when it is there.
    Begun {
        /// Its conversation.
        conversation: ConversationId,
    },
    /// The change is stored; an event with this number tells whether it came true.
    Wished {
        /// Where.
        conversation: ConversationId,
        /// Its number.
        wish: i64,
    },
    /// A device was drafted.
    Drafted {
        /// The list entry that adds it, without its own signature.
        draft: Vec<u8>,
    },
    /// The records were taken over.
    Restored(Restored),
    /// Done.
    Done,
    /// Not done, and nothing was stored.
    Refused(Refusal),
}

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
    /// Whoever makes a group is in it.
    #[error("you are in the group anyway: name only others")]
    OneselfInGroup,
    /// It is there already.
    #[error("that account is in the group already")]
    IsMember,
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
