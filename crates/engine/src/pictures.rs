//! Small pictures: how they are kept, and how a group comes by one. Those of people are in `profiles`.
//!
//! ```text
//!  group:  command ─► kept, wished ─► Commit: its hash in the details ─► the picture itself, said in the group (`lacking`)
//! ```
//!
//! Invariants:
//! - A group has the picture that its details name; whoever says another one changes nothing.
//! - A picture is kept as long as an account, a group or a wish has it, and swept away at the next start at the latest. It is never
//!   decoded here.

use hushwire_client_store::conversation::Conversation;
use hushwire_client_store::{StoreError, View, account, group_facts, picture, wish};
use hushwire_content::{Picture, PictureHash};
use hushwire_mls::Application;
use hushwire_types::{AccountId, ConversationId};

use crate::command::GroupChange;
use crate::lacking::Thing;
use crate::step::Step;
use crate::stop::Stop;
use crate::wishes::Wish;
use crate::{Event, Outcome};

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
    /// It is swept away again unless an account, a group or a wish has it.
    pub(crate) fn keep_picture(&self, shown: Option<&Picture>) -> Result<(), Stop> {
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
        if !is_here {
            self.attend_oneself();
        }
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
