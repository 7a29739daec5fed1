//! Polls and votes, pins, cards and profiles: short contents with limits of their own.

use std::fmt;

use hushwire_types::{AccountId, ConversationId, Secret};

use crate::about::Target;
use crate::content::{Invalid, fixed};
use crate::picture::Picture;
use crate::{limits, proto};

/// A question with answers to choose from.
#[derive(Clone, PartialEq, Eq)]
pub struct Poll {
    /// The question. Untrusted text.
    pub question: String,
    /// 2 to 24 answers. Untrusted texts.
    pub options: Vec<String>,
    /// Whether one may choose several.
    pub multiple: bool,
}

impl Poll {
    pub(crate) fn from_proto(proto: proto::Poll) -> Result<Self, Invalid> {
        let question = line("question", proto.question, limits::QUESTION_CHARS)?;
        if question.trim().is_empty() {
            return Err(Invalid::Missing { field: "question" });
        }
        if proto.options.len() < 2 {
            return Err(Invalid::Missing { field: "options" });
        }
        if proto.options.len() > limits::POLL_OPTIONS {
            return Err(Invalid::too_large("options"));
        }
        if proto.options.iter().any(|option| option.trim().is_empty()) {
            return Err(Invalid::Missing { field: "options" });
        }
        let options = proto.options.into_iter().map(|option| line("options", option, limits::OPTION_CHARS));
        Ok(Self { question, options: options.collect::<Result<_, _>>()?, multiple: proto.multiple })
    }

    pub(crate) fn to_proto(&self) -> proto::Poll {
        proto::Poll {
            question: self.question.clone(),
            options: self.options.clone(),
            multiple: self.multiple,
        }
    }
}

/// What an account chooses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vote {
    /// The poll.
    pub target: Target,
    /// Indices of options, ascending, each below [`limits::POLL_OPTIONS`]; none takes the vote back.
    pub choices: Vec<u32>,
    /// Of the poll's author: nobody votes from here on.
    pub closes: bool,
}

impl Vote {
    pub(crate) fn from_proto(proto: proto::Vote) -> Result<Self, Invalid> {
        let below = |choice: &u32| usize::try_from(*choice).is_ok_and(|choice| choice < limits::POLL_OPTIONS);
        if !proto.choices.iter().all(below) || !proto.choices.is_sorted_by(|a, b| a < b) {
            return Err(Invalid::Value { field: "choices" });
        }
        let target = Target::from_proto("target", proto.target)?;
        Ok(Self { target, choices: proto.choices, closes: proto.closes })
    }

    pub(crate) fn to_proto(&self) -> proto::Vote {
        proto::Vote {
            target: Some(self.target.to_proto()),
            choices: self.choices.clone(),
            closes: self.closes,
        }
    }
}

/// A message that everyone in the conversation is to find easily, or not any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin {
    /// The message.
    pub target: Target,
    /// Whether it is let go.
    pub unpinned: bool,
}

impl Pin {
    pub(crate) fn from_proto(proto: proto::Pin) -> Result<Self, Invalid> {
        Ok(Self { target: Target::from_proto("target", proto.target)?, unpinned: proto.unpinned })
    }

    pub(crate) fn to_proto(self) -> proto::Pin {
        proto::Pin { target: Some(self.target.to_proto()), unpinned: self.unpinned }
    }
}

/// Somebody else's account, as the author knows them.
#[derive(Clone, PartialEq, Eq)]
pub struct Card {
    /// The account.
    pub account: AccountId,
    /// The handle that the author found them by, if any. Untrusted text.
    pub handle: String,
    /// What the author calls them. Untrusted text.
    pub name: String,
}

impl Card {
    pub(crate) fn from_proto(proto: proto::Card) -> Result<Self, Invalid> {
        if proto.handle.len() > limits::HANDLE_BYTES {
            return Err(Invalid::too_large("handle"));
        }
        let name = line("name", proto.name, limits::NAME_CHARS)?;
        Ok(Self { account: fixed("account", &proto.account)?, handle: proto.handle, name })
    }

    pub(crate) fn to_proto(&self) -> proto::Card {
        let account = self.account.as_bytes().to_vec();
        proto::Card { account, handle: self.handle.clone(), name: self.name.clone() }
    }
}

/// What an account says of itself to those it talks with.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Profile {
    /// What it calls itself; empty for nothing. Untrusted text.
    pub name: String,
    /// A few words. Untrusted text.
    pub about: String,
    /// What it looks like.
    pub picture: Option<Picture>,
    /// Grows with each change: what has a smaller one is older. 0 where the author's version does not say it.
    pub version: u64,
}

impl Profile {
    pub(crate) fn from_proto(proto: proto::Profile) -> Result<Self, Invalid> {
        let name = line("name", proto.name, limits::NAME_CHARS)?;
        let about = line("about", proto.about, limits::ABOUT_CHARS)?;
        Ok(Self { name, about, picture: Picture::read(proto.picture)?, version: proto.version })
    }

    pub(crate) fn to_proto(&self) -> proto::Profile {
        let picture = self.picture.clone().map(Picture::into_bytes).unwrap_or_default();
        proto::Profile { name: self.name.clone(), about: self.about.clone(), picture, version: self.version }
    }
}

fn line(field: &'static str, text: String, most: usize) -> Result<String, Invalid> {
    if text.chars().count() > most { Err(Invalid::too_large(field)) } else { Ok(text) }
}

impl fmt::Debug for Poll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Poll({} options)", self.options.len())
    }
}

impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Card({:?})", self.account)
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Profile(..)")
    }
}

/// Somebody asks to be let into a group: by its link to one who is in it, who passes it on to the other admins.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinAsk {
    /// The group's conversation.
    pub conversation: ConversationId,
    /// What the link shows; none where it is passed on.
    pub secret: Option<Secret<16>>,
    /// Who asks, where it is passed on.
    pub account: Option<AccountId>,
}

impl JoinAsk {
    pub(crate) fn from_proto(proto: proto::JoinAsk) -> Result<Self, Invalid> {
        let secret = Some(proto.secret).filter(|secret| !secret.is_empty());
        let account = Some(proto.account).filter(|account| !account.is_empty());
        Ok(Self {
            conversation: fixed("conversation", &proto.conversation)?,
            secret: secret.map(|secret| fixed("secret", &secret)).transpose()?,
            account: account.map(|account| fixed("account", &account)).transpose()?,
        })
    }

    pub(crate) fn to_proto(&self) -> proto::JoinAsk {
        proto::JoinAsk {
            conversation: self.conversation.as_bytes().to_vec(),
            secret: self.secret.as_ref().map(|secret| secret.expose().to_vec()).unwrap_or_default(),
            account: self.account.map(|account| account.as_bytes().to_vec()).unwrap_or_default(),
        }
    }
}

impl fmt::Debug for JoinAsk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinAsk({:?})", self.conversation)
    }
}
