//! What a person sets: for everything, for somebody, for a conversation, for a message.
//!
//! Each setting is a register that all devices of the account share ([`crate::shared`]); the numbers are for ever.

use std::fmt;

use hushwire_client_store::register;
use hushwire_client_store::{StoreError, View};
use hushwire_content::Picture;
use hushwire_types::{AccountId, ConversationId, Generation, Order, Subject, Timestamp};

use crate::MessageRef;

/// Characters of a label.
pub(crate) const LABEL_CHARS: usize = 32;

/// Labels of one conversation.
pub(crate) const LABELS: usize = 16;

/// A setting, as a front end gives it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Setting {
    /// Whether others are told what was read.
    ReadReceipts {
        /// Whether they are.
        on: bool,
    },
    /// Whether others see that this person writes.
    TypingShown {
        /// Whether they do.
        on: bool,
    },
    /// Whether what strangers write waits until it is accepted. Off for bots, which talk with everybody.
    Requests {
        /// Whether it does.
        on: bool,
    },
    /// What this account says of itself to those it talks with.
    Profile {
        /// What it calls itself; at most 64 characters.
        name: String,
        /// A few words; at most 500 characters.
        about: String,
    },
    /// What this account looks like, for those it talks with.
    Picture {
        /// The picture; none for no picture.
        picture: Option<Picture>,
    },
    /// Whether nothing of an account is taken, and nothing sent to it.
    Blocked {
        /// Whose.
        account: AccountId,
        /// Whether it is so.
        on: bool,
    },
    /// Until when nothing that happens in a conversation makes itself heard; none for not muted.
    Muted {
        /// Which.
        conversation: ConversationId,
        /// Until when; the end of time for ever.
        until: Option<Timestamp>,
    },
    /// Whether a conversation is put away.
    Archived {
        /// Which.
        conversation: ConversationId,
        /// Whether it is.
        on: bool,
    },
    /// Whether a conversation stands before the others.
    Pinned {
        /// Which.
        conversation: ConversationId,
        /// Whether it does.
        on: bool,
    },
    /// Whether a conversation is shown as unread although it was read.
    Unread {
        /// Which.
        conversation: ConversationId,
        /// Whether it is.
        on: bool,
    },
    /// Labels of a conversation: at most 16 of at most 32 characters.
    Labels {
        /// Which.
        conversation: ConversationId,
        /// All of them.
        labels: Vec<String>,
    },
    /// What is written and not sent yet; empty for nothing.
    Draft {
        /// Where.
        conversation: ConversationId,
        /// The text.
        text: String,
    },
    /// As [`Setting::ReadReceipts`], in one conversation; none for as everywhere.
    ReceiptsIn {
        /// Which.
        conversation: ConversationId,
        /// Whether they are.
        on: Option<bool>,
    },
    /// As [`Setting::TypingShown`], in one conversation; none for as everywhere.
    TypingIn {
        /// Which.
        conversation: ConversationId,
        /// Whether they do.
        on: Option<bool>,
    },
    /// Whether a message is marked, for oneself.
    Starred {
        /// Which.
        message: MessageRef,
        /// Whether it is.
        on: bool,
    },
}

impl fmt::Debug for Setting {
    /// Shows no words: a draft is what somebody wrote.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (subject, code, _) = self.to_register();
        write!(f, "Setting({code} of {subject:?})")
    }
}

/// The numbers of settings. A number is never given to another setting.
pub(crate) mod code {
    pub(crate) const READ_RECEIPTS: u32 = 1;
    pub(crate) const TYPING_SHOWN: u32 = 2;
    pub(crate) const REQUESTS: u32 = 3;
    pub(crate) const PROFILE: u32 = 4;
    pub(crate) const PICTURE: u32 = 5;
    /// A name of one's own for an account.
    pub(crate) const NAME: u32 = 16;
    /// The handle that an account was found by.
    pub(crate) const HANDLE: u32 = 17;
    /// Whether a safety number was compared.
    pub(crate) const VERIFIED: u32 = 18;
    /// Whether an account is one that this person talks with; a time where what it wrote until then was declined.
    pub(crate) const ACCEPTED: u32 = 19;
    pub(crate) const BLOCKED: u32 = 20;
    /// What an account says of itself: its name, a few words, the hash of its picture. Its time is the version of that.
    pub(crate) const SAYS: u32 = 21;
    /// Whether a group is one that this person wants to be in; a time where it was declined then.
    pub(crate) const ACCEPTED_IN: u32 = 32;
    pub(crate) const MUTED: u32 = 33;
    pub(crate) const ARCHIVED: u32 = 34;
    pub(crate) const PINNED: u32 = 35;
    pub(crate) const UNREAD: u32 = 36;
    pub(crate) const LABELS: u32 = 37;
    pub(crate) const DRAFT: u32 = 38;
    pub(crate) const RECEIPTS_IN: u32 = 39;
    pub(crate) const TYPING_IN: u32 = 40;
    /// Up to where was read, where no receipt says so.
    pub(crate) const READ_TO: u32 = 41;
    pub(crate) const STARRED: u32 = 64;
    /// Whether a message was deleted for oneself.
    pub(crate) const HIDDEN: u32 = 65;
    /// Of an account that asked to be let into a group: the hash of the link by which it asked in vain.
    pub(crate) const ASK_DECLINED: u32 = 66;
    /// Of a report, by its id in the place of a message's: whom it is of and how it stands.
    pub(crate) const REPORTED: u32 = 67;
}

impl Setting {
    /// What it is about, its number and its value.
    pub(crate) fn to_register(&self) -> (Subject, u32, Vec<u8>) {
        use Subject::{Account, Conversation, Everything};
        match self {
            Self::ReadReceipts { on } => (Everything, code::READ_RECEIPTS, flag(*on)),
            Self::TypingShown { on } => (Everything, code::TYPING_SHOWN, flag(*on)),
            Self::Requests { on } => (Everything, code::REQUESTS, flag(*on)),
            Self::Profile { name, about } => (Everything, code::PROFILE, words(&(name, about))),
            Self::Picture { picture } => {
                let jpeg = picture.as_ref().map(|picture| picture.as_bytes().to_vec());
                (Everything, code::PICTURE, jpeg.unwrap_or_default())
            }
            Self::Blocked { account, on } => (Account(*account), code::BLOCKED, flag(*on)),
            Self::Muted { conversation, until } => {
                (Conversation(*conversation), code::MUTED, until.map(time).unwrap_or_default())
            }
            Self::Archived { conversation, on } => (Conversation(*conversation), code::ARCHIVED, flag(*on)),
            Self::Pinned { conversation, on } => (Conversation(*conversation), code::PINNED, flag(*on)),
            Self::Unread { conversation, on } => (Conversation(*conversation), code::UNREAD, flag(*on)),
            Self::Labels { conversation, labels } => {
                (Conversation(*conversation), code::LABELS, words(labels))
            }
            Self::Draft { conversation, text } => {
                (Conversation(*conversation), code::DRAFT, text.as_bytes().to_vec())
            }
            Self::ReceiptsIn { conversation, on } => {
                (Conversation(*conversation), code::RECEIPTS_IN, on.map(flag).unwrap_or_default())
            }
            Self::TypingIn { conversation, on } => {
                (Conversation(*conversation), code::TYPING_IN, on.map(flag).unwrap_or_default())
            }
            Self::Starred { message, on } => (message.subject(), code::STARRED, flag(*on)),
        }
    }
}

/// What is set for a conversation.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ConversationSettings {
    /// Until when it is muted, if ever it was.
    pub muted_until: Option<Timestamp>,
    /// Whether it is put away.
    pub archived: bool,
    /// Whether it stands before the others.
    pub pinned: bool,
    /// Whether it is shown as unread although it was read.
    pub unread: bool,
    /// Its labels.
    pub labels: Vec<String>,
    /// What is written and not sent yet.
    pub draft: String,
    /// Whether others are told what was read; none for as everywhere.
    pub receipts: Option<bool>,
    /// Whether others see that this person writes; none for as everywhere.
    pub typing: Option<bool>,
}

impl fmt::Debug for ConversationSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConversationSettings")
            .field("muted_until", &self.muted_until)
            .field("archived", &self.archived)
            .field("pinned", &self.pinned)
            .field("unread", &self.unread)
            .finish_non_exhaustive()
    }
}

/// What is set for everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountSettings {
    /// Whether others are told what was read.
    pub read_receipts: bool,
    /// Whether others see that this person writes.
    pub typing: bool,
    /// Whether what strangers write waits until it is accepted.
    pub requests: bool,
}

/// What is set for everything.
///
/// # Errors
/// The database cannot be read.
pub fn account_settings(view: &View<'_>) -> Result<AccountSettings, StoreError> {
    let on = |code| Ok::<_, StoreError>(is_on(view, &Subject::Everything, code)?.unwrap_or(true));
    Ok(AccountSettings {
        read_receipts: on(code::READ_RECEIPTS)?,
        typing: on(code::TYPING_SHOWN)?,
        requests: on(code::REQUESTS)?,
    })
}

/// What is set for a conversation.
///
/// # Errors
/// The database cannot be read.
pub fn conversation_settings(
    view: &View<'_>,
    conversation: &ConversationId,
) -> Result<ConversationSettings, StoreError> {
    let mut settings = ConversationSettings::default();
    for register in register::of_conversation(view, conversation)? {
        let value = &register.value;
        match register.code {
            code::MUTED => settings.muted_until = read_time(value),
            code::ARCHIVED => settings.archived = read_flag(value).unwrap_or_default(),
            code::PINNED => settings.pinned = read_flag(value).unwrap_or_default(),
            code::UNREAD => settings.unread = read_flag(value).unwrap_or_default(),
            code::LABELS => settings.labels = serde_json::from_slice(value).unwrap_or_default(),
            code::DRAFT => settings.draft = String::from_utf8_lossy(value).into_owned(),
            code::RECEIPTS_IN => settings.receipts = read_flag(value),
            code::TYPING_IN => settings.typing = read_flag(value),
            _ => {}
        }
    }
    Ok(settings)
}

/// Whether a message is marked.
///
/// # Errors
/// The database cannot be read.
pub fn is_starred(view: &View<'_>, message: &MessageRef) -> Result<bool, StoreError> {
    Ok(is_on(view, &message.subject(), code::STARRED)?.unwrap_or_default())
}

/// All marked messages.
///
/// # Errors
/// The database cannot be read.
pub fn starred(view: &View<'_>) -> Result<Vec<MessageRef>, StoreError> {
    let marked = register::of_code(view, code::STARRED)?;
    let marked = marked.into_iter().filter(|register| read_flag(&register.value) == Some(true));
    Ok(marked.filter_map(|register| MessageRef::of(&register.subject)).collect())
}

/// Whether nothing of an account is taken.
///
/// # Errors
/// The database cannot be read.
pub fn is_blocked(view: &View<'_>, account: &AccountId) -> Result<bool, StoreError> {
    Ok(is_on(view, &Subject::Account(*account), code::BLOCKED)?.unwrap_or_default())
}

/// What this account says of itself, its name and a few words; none where it has said nothing.
///
/// # Errors
/// The database cannot be read.
pub fn own_profile(view: &View<'_>) -> Result<Option<(String, String)>, StoreError> {
    let set = register::find(view, &Subject::Everything, code::PROFILE)?;
    Ok(set.and_then(|set| serde_json::from_slice(&set.value).ok()))
}

/// What this account looks like to those it talks with.
///
/// # Errors
/// The database cannot be read.
pub fn own_picture(view: &View<'_>) -> Result<Option<Picture>, StoreError> {
    let set = register::find(view, &Subject::Everything, code::PICTURE)?;
    Ok(set.and_then(|set| Picture::new(set.value).ok()))
}

/// Whether a setting that is on or off is on; none where it was never set.
pub(crate) fn is_on(view: &View<'_>, subject: &Subject, code: u32) -> Result<Option<bool>, StoreError> {
    Ok(register::find(view, subject, code)?.and_then(|register| read_flag(&register.value)))
}

pub(crate) fn flag(on: bool) -> Vec<u8> {
    vec![u8::from(on)]
}

pub(crate) fn read_flag(value: &[u8]) -> Option<bool> {
    match value {
        [0] => Some(false),
        [1] => Some(true),
        _ => None,
    }
}

pub(crate) fn time(at: Timestamp) -> Vec<u8> {
    at.as_ms().to_be_bytes().to_vec()
}

pub(crate) fn read_time(value: &[u8]) -> Option<Timestamp> {
    Some(Timestamp::from_ms(u64::from_be_bytes(value.try_into().ok()?)))
}

pub(crate) fn words(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

/// A place in a conversation, as the value of [`code::READ_TO`].
pub(crate) fn place((generation, order): (Generation, Order)) -> Vec<u8> {
    [generation.0.to_be_bytes(), order.0.to_be_bytes()].concat()
}

pub(crate) fn read_place(value: &[u8]) -> Option<(Generation, Order)> {
    let (generation, order) = value.split_first_chunk()?;
    Some((Generation(u64::from_be_bytes(*generation)), Order(u64::from_be_bytes(order.try_into().ok()?))))
}
