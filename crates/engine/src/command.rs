//! What a front end can ask for, and how it ends.

use std::fmt;
use std::sync::Arc;

use hushwire_backup::Record;
use hushwire_content::{Picture, PictureHash, Poll};
use hushwire_identity::list::Joining;
use hushwire_identity::{DeviceName, Handle, LinkSecret};
use hushwire_types::{AccountId, ContentId, ConversationId, DeviceId, ReportId};
use serde::{Deserialize, Serialize};

use crate::text;

use crate::{ClaimAnswer, Complaint, MessageRef, Refusal, ReportDraft, Restored, Setting};

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
    /// Give a group a picture, or take it away.
    SetGroupPicture {
        /// The group's conversation.
        conversation: ConversationId,
        /// The picture.
        picture: Option<Picture>,
    },
    /// Ask somebody to be let into a group, by its link. They are known.
    AskToJoin {
        /// Whom.
        account: AccountId,
        /// The group.
        conversation: ConversationId,
        /// What the link shows.
        secret: LinkSecret,
    },
    /// Do not let in somebody who asked for it.
    RefuseAsk {
        /// The group.
        conversation: ConversationId,
        /// Whom.
        account: AccountId,
    },
    /// Add an account to a group with all its devices, and hand it what was said there last: texts, polls and cards that are here. It is
    /// handed over when this device's Commit has added it.
    AddToGroup {
        /// The group's conversation.
        conversation: ConversationId,
        /// Which account.
        account: AccountId,
        /// How many messages at most; over [`hushwire_content`]'s limit, this is refused.
        history: u32,
    },
    /// Ask the server (again) whom a handle belongs to.
    LookUp {
        /// The handle.
        handle: Handle,
    },
    /// Get to know an account by its id, which a card has. It is known as soon as the server has shown its devices.
    Know {
        /// Which.
        account: AccountId,
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
    /// Tell the server's operator of an account, in clear. It is sent until it has arrived, whatever happens; an event tells.
    Report {
        /// What of whom.
        complaint: Complaint,
        /// What was shown to the person. Where something else would be sent by now, this is refused.
        shown: Option<ReportDraft>,
        /// Whether the account is blocked too. What it wants of this person as a stranger is declined, and a group that waits for an
        /// answer and from which messages are.
        block: bool,
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
    /// Get the past from another device of this account: what is not here of it. It goes on whenever both are online.
    FetchHistory {
        /// From which; none for whoever answers first.
        of: Option<DeviceId>,
    },
    /// Do without the past, or without the rest of it.
    ForgoHistory,
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
    /// Have a picture that is kept here ([`Command::SetGroupPicture`] sees to that), or none.
    Picture {
        /// SHA-256 of it.
        picture: Option<PictureHash>,
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
    /// Give the group another link by which people ask to be let in; the one before is void.
    Link {
        /// What it shows.
        #[serde(with = "text")]
        secret: LinkSecret,
    },
    /// Let nobody ask by a link any more.
    Unlink,
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
    /// The report is stored, and will be sent.
    Reported {
        /// Its id.
        report: ReportId,
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
