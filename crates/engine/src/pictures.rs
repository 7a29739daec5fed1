//! What an account says of itself, and small pictures of people and of groups.
//!
//! ```text
//!  own:    setting ─► register, shared with own devices ─► with name and about, to whom this account talks with directly
//!  group:  command ─► kept, wished ─► Commit: its hash in the details ─► the picture itself, said in the group (`lacking`)
//! ```
//!
//! Invariants:
//! - A profile is told once to each account that this person talks with and has accepted, and again when it changes; it is taken only
//!   from the other side of a direct conversation.
//! - A group has the picture that its details name; whoever says another one changes nothing.
//! - A row that waits to tell a profile does not hold it: what is told is what this account says of itself when the row is encrypted, and
//!   no former picture stays in a timeline.
//! - A picture is kept as long as an account, a group or a wish has it, and swept away at the next start at the latest. It is never
//!   decoded here.

use hushwire_client_store::about::Aspect;
use hushwire_client_store::account::{self, Says};
use hushwire_client_store::conversation::{Conversation, ConversationKind};
use hushwire_client_store::{StoreError, View, group_facts, picture, register, setting as facts, wish};
use hushwire_content::{Kind, Picture, PictureHash, Profile};
use hushwire_mls::Application;
use hushwire_types::{AccountId, ConversationId, Subject};

use crate::command::GroupChange;
use crate::lacking::Thing;
use crate::setting::code;
use crate::step::Step;
use crate::stop::Stop;
use crate::wishes::Wish;
use crate::{Event, Outcome, setting};

/// The picture that somebody has shown this account.
///
/// # Errors
/// The database cannot be read.
pub fn picture_of(view: &View<'_>, account: &AccountId) -> Result<Option<Picture>, StoreError> {
    kept(view, account::find(view, account)?.and_then(|known| known.says.picture))
}

/// The picture of a group; none while it is not here.
///
/// # Errors
/// The database cannot be read.
pub fn picture_of_group(
    view: &View<'_>,
    conversation: &ConversationId,
) -> Result<Option<Picture>, StoreError> {
    kept(view, group_facts::find(view, conversation)?.and_then(|facts| facts.picture))
}

fn kept(view: &View<'_>, hash: Option<PictureHash>) -> Result<Option<Picture>, StoreError> {
    let Some(hash) = hash else { return Ok(None) };
    Ok(picture::find(view, &hash)?.and_then(|jpeg| Picture::new(jpeg).ok()))
}

impl Step<'_, '_> {
    /// Tells the other side of a direct conversation what this account says of itself, where they were not told yet.
    pub(crate) fn owe_profile(&mut self, conversation: &Conversation) -> Result<(), Stop> {
        let ConversationKind::Direct { peer } = conversation.kind else { return Ok(()) };
        // Both, as another device may tell of the one that was set first after the other.
        let mut set_at = Vec::new();
        for code in [code::PROFILE, code::PICTURE] {
            let at = register::set_at(self.tx, &Subject::Everything, code)?;
            set_at.extend(at.into_iter().flat_map(|at| at.as_ms().to_be_bytes()));
        }
        let told = format!("profile told {}", conversation.id);
        if set_at.is_empty()
            || peer == self.me.account
            || facts::find(self.tx, &told)?.is_some_and(|told| told == set_at)
            || !self.is_accepted(conversation)?
        {
            return Ok(());
        }
        facts::put(self.tx, &told, &set_at)?;
        self.say_about(conversation, Kind::Profile(Profile::default()), Aspect::Profile, None).map(drop)
    }

    /// What this account says of itself at this moment.
    pub(crate) fn own_profile(&self) -> Result<Profile, Stop> {
        let (name, about) = setting::own_profile(self.tx)?.unwrap_or_default();
        Ok(Profile { name, about, picture: setting::own_picture(self.tx)? })
    }

    /// The other side of a direct conversation says something of itself.
    pub(crate) fn take_profile(
        &mut self,
        conversation: &Conversation,
        by: AccountId,
        profile: &Profile,
    ) -> Result<(), Stop> {
        if conversation.kind.peer() != Some(by) || by == self.me.account {
            return Ok(());
        }
        if self.says_of_itself(&by, profile)? {
            self.event(&Event::Contact { account: by }, None, None)?;
        }
        Ok(())
    }

    /// Keeps what an account says of itself. Whether that is new.
    pub(crate) fn says_of_itself(&mut self, account: &AccountId, profile: &Profile) -> Result<bool, Stop> {
        let Profile { name, about, picture: shown } = profile.clone();
        self.keep_picture(shown.as_ref())?;
        let says = Says { name, about, picture: shown.as_ref().map(Picture::hash) };
        let is_new = account::set_says(self.tx, account, &says)?;
        if is_new {
            self.sweep_pictures()?;
        }
        Ok(is_new)
    }

    /// It is swept away again unless an account, a group or a wish has it.
    fn keep_picture(&self, shown: Option<&Picture>) -> Result<(), Stop> {
        let Some(shown) = shown else { return Ok(()) };
        Ok(picture::put(self.tx, &shown.hash(), shown.as_bytes())?)
    }

    /// Wishes that a group has this picture, or none.
    pub(crate) fn set_group_picture(
        &mut self,
        id: &ConversationId,
        wanted: Option<&Picture>,
    ) -> Result<Outcome, Stop> {
        self.keep_picture(wanted)?;
        let outcome = self.change_group(id, &GroupChange::Picture { picture: wanted.map(Picture::hash) })?;
        self.sweep_pictures()?;
        Ok(outcome)
    }

    /// The picture of a group, where it is here.
    pub(crate) fn group_picture(&self, id: &ConversationId) -> Result<Option<Picture>, Stop> {
        Ok(picture_of_group(self.tx, id)?)
    }

    /// The details of a group may name another picture now. Who gave it (`by_me`) says it, and who added somebody says it again.
    pub(crate) fn group_shows(
        &mut self,
        id: &ConversationId,
        before: Option<PictureHash>,
        now: Option<PictureHash>,
        by_me: bool,
        has_newcomers: bool,
    ) -> Result<(), Stop> {
        if before.is_some() && before != now {
            self.sweep_pictures()?;
        }
        let Some(hash) = now else { return self.lacks(Thing::Picture, id, false) };
        let is_here = picture::is_kept(self.tx, &hash)?;
        self.lacks(Thing::Picture, id, !is_here)?;
        if is_here && by_me && (before != now || has_newcomers) {
            self.owe_to_group(Thing::Picture, id)?;
        }
        Ok(())
    }

    /// Somebody lacks a group's picture, or says it.
    pub(crate) fn take_group_picture(
        &mut self,
        conversation: &Conversation,
        message: &Application,
        said: Option<&Picture>,
    ) -> Result<(), Stop> {
        let Some(said) = said else { return self.is_lacking(conversation, message, Thing::Picture) };
        let wanted = group_facts::find(self.tx, &conversation.id)?.and_then(|facts| facts.picture);
        if wanted != Some(said.hash()) || !self.is_said(conversation, message, Thing::Picture)? {
            return Ok(());
        }
        self.keep_picture(Some(said))?;
        self.lacks(Thing::Picture, &conversation.id, false)?;
        self.event(&Event::Conversation, Some(conversation.id), None)
    }

    /// Erases the pictures that nobody, no group and no wish has any more.
    pub(crate) fn sweep_pictures(&mut self) -> Result<(), Stop> {
        let mut wished = Vec::new();
        for id in wish::conversations(self.tx)? {
            wished.extend(self.wishes(&id)?.into_iter().filter_map(|(_, wish)| match wish {
                Wish::Change(GroupChange::Picture { picture }) => picture,
                _ => None,
            }));
        }
        Ok(picture::sweep(self.tx, &wished)?)
    }
}
