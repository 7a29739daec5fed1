//! Wishes in groups: compared with the group as it is, granted by a Commit, ended.
//!
//! Invariants:
//! - A wish is compared with the group each time it is looked at, never with what was true when it was made. So a lost race
//!   costs nothing: what the winner did already is not done again, and what it made impossible is told.
//! - A wish that an own Commit granted is over in that epoch, whatever comes after it: others may change the same thing again.
//! - Of two wishes that cannot both last, the later one counts.
//! - One Commit grants all wishes that fit together. Details never change in a Commit that puts an account out (rule
//!   R5), and leaving comes last, alone.

use std::collections::BTreeMap;

use hushwire_client_store::conversation::Conversation;
use hushwire_client_store::pending_commit;
use hushwire_client_store::wish::{self, WishId};
use hushwire_content::GroupDetails;
use hushwire_group_policy::{Amendment, Charter, Permissions, Role, Who};
use hushwire_mls::{Change, GroupView, Intent};
use hushwire_types::{AccountId, ConversationId, GroupId, Secret, SecretBytes};
use serde::{Deserialize, Serialize};

use crate::command::{GroupChange, GroupRole, GroupWho};
use crate::group::may;
use crate::step::Step;
use crate::stop::Stop;
use crate::{Event, StepError, text};

/// A wish as its row keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Wish {
    /// That the group exists, under this MLS group id.
    Found {
        /// The id.
        #[serde(with = "text")]
        group: GroupId,
    },
    /// That the conversation goes on in another group, as this one cannot be repaired.
    Renew,
    /// That something in it changes.
    Change(GroupChange),
}

impl Wish {
    pub(crate) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// How a wish stands.
enum Stand {
    Open,
    True,
    Impossible(String),
}

impl Step<'_, '_> {
    /// The wishes in a conversation, in order. Those of a newer version stay where they are.
    pub(crate) fn wishes(&self, id: &ConversationId) -> Result<Vec<(WishId, Wish)>, Stop> {
        let rows = wish::of(self.tx, id)?;
        let read = |row: wish::Wish| Some((row.id, serde_json::from_slice(&row.bytes).ok()?));
        Ok(rows.into_iter().filter_map(read).collect())
    }

    /// Ends a wish: it came true, or `reason` says why it cannot.
    pub(crate) fn end_wish(
        &mut self,
        id: &ConversationId,
        number: WishId,
        reason: Option<&str>,
    ) -> Result<(), Stop> {
        wish::delete(self.tx, number)?;
        self.wish_ended(number)?;
        let event = Event::Wish { wish: number.0, refused: reason.map(str::to_owned) };
        self.event(&event, Some(*id), None)
    }

    /// Ends the wishes that an own Commit has just granted. Not later: what somebody else changed after it, which may have come with it,
    /// would look as if they had not come true, and be undone.
    pub(crate) fn end_granted(&mut self, id: &ConversationId) -> Result<(), Stop> {
        let Some(conversation) = self.conversation(id)? else { return Ok(()) };
        let Some(view) = self.view(&conversation)? else { return Ok(()) };
        let Some(charter) = view.extension.charter() else { return Ok(()) };
        for (number, wish) in self.wishes(id)? {
            if let Wish::Change(change) = &wish
                && matches!(self.stand(&conversation, &view, charter, change)?, Stand::True)
            {
                self.end_wish(id, number, None)?;
            }
        }
        Ok(())
    }

    /// Ends the wishes that came true or cannot any more; what is left, in order.
    pub(crate) fn open_wishes(
        &mut self,
        conversation: &Conversation,
        view: &GroupView,
        charter: &Charter,
    ) -> Result<Vec<(WishId, GroupChange)>, Stop> {
        let mut open = Vec::new();
        let all = self.wishes(&conversation.id)?;
        let is_replaced = |number: &WishId, change: &GroupChange| {
            all.iter().any(|(later, wish)| {
                later > number && matches!(wish, Wish::Change(other) if is_about_the_same(change, other))
            })
        };
        for (number, wish) in all.clone() {
            let stand = match &wish {
                Wish::Found { .. } | Wish::Renew => Stand::True,
                Wish::Change(change) if is_replaced(&number, change) => {
                    Stand::Impossible("a later change took its place".to_owned())
                }
                Wish::Change(change) => self.stand(conversation, view, charter, change)?,
            };
            match (stand, wish) {
                (Stand::Open, Wish::Change(change)) => open.push((number, change)),
                (Stand::Impossible(reason), _) => {
                    self.end_wish(&conversation.id, number, Some(&reason))?;
                }
                _ => self.end_wish(&conversation.id, number, None)?,
            }
        }
        Ok(open)
    }

    fn stand(
        &mut self,
        conversation: &Conversation,
        view: &GroupView,
        charter: &Charter,
        change: &GroupChange,
    ) -> Result<Stand, Stop> {
        let is_member = |account: &AccountId| view.members.iter().any(|leaf| leaf.account == *account);
        let came_true = match change {
            GroupChange::Add { account } => is_member(account) && charter.role(*account) != Role::Leaving,
            GroupChange::Remove { account } => !is_member(account),
            GroupChange::Role { account, role } => {
                if !is_member(account) {
                    return Ok(Stand::Impossible("the account is not in the group".to_owned()));
                }
                charter.role(*account) == role.in_policy()
            }
            GroupChange::Permissions { add, details, write } => {
                charter.permissions == permissions(*add, *details, *write)
            }
            GroupChange::Name { name } => self.details(conversation)?.name == name.trim(),
            GroupChange::Describe { description } => {
                self.details(conversation)?.description == description.trim()
            }
            GroupChange::Picture { picture } => self.details(conversation)?.picture == *picture,
            GroupChange::Timer { lives_for_s } => charter.timer_secs == *lives_for_s,
            GroupChange::Link { secret } => charter.link == Some(secret.hash()),
            GroupChange::Unlink => charter.link.is_none(),
            GroupChange::Leave => false,
        };
        Ok(match may(charter, self.me.account, change) {
            _ if came_true => Stand::True,
            Some(refusal) => Stand::Impossible(refusal.to_string()),
            None => Stand::Open,
        })
    }

    /// Makes the Commit for wishes, once the keys of whoever is to be added are there.
    pub(crate) fn grant(
        &mut self,
        conversation: &Conversation,
        view: &GroupView,
        open: &[(WishId, GroupChange)],
    ) -> Result<(), Stop> {
        let id = conversation.id;
        let wishes: Vec<(WishId, Wish)> =
            open.iter().map(|(number, change)| (*number, Wish::Change(change.clone()))).collect();
        let Some(add) = self.claimed(&id, &wished_accounts(&wishes))? else { return Ok(()) };
        let mut change = Change { add, ..Change::default() };
        for (_, wished) in open {
            match wished {
                GroupChange::Remove { account } => {
                    let leaves = view.members.iter().filter(|leaf| leaf.account == *account);
                    change.remove.extend(leaves.map(|leaf| leaf.device));
                }
                GroupChange::Role { account, role } => {
                    change.amend.push(Amendment::Role(*account, role.in_policy()));
                }
                GroupChange::Permissions { add, details, write } => {
                    change.amend.push(Amendment::Permissions(permissions(*add, *details, *write)));
                }
                GroupChange::Timer { lives_for_s } => change.amend.push(Amendment::Timer(*lives_for_s)),
                _ => {}
            }
        }
        // The link's secret is among the details.
        if change.remove.is_empty() {
            change.details = self.wished_details(&id, &wishes)?;
            change.amend.extend(open.iter().filter_map(|(_, wished)| match wished {
                GroupChange::Link { secret } => Some(Amendment::Link(Some(secret.hash()))),
                GroupChange::Unlink => Some(Amendment::Link(None)),
                _ => None,
            }));
        }
        let leaving = open.iter().all(|(_, wished)| *wished == GroupChange::Leave);
        if leaving {
            change.amend.push(Amendment::Role(self.me.account, Role::Leaving));
        }
        self.commit(conversation, &Intent::Change(change))?;
        if pending_commit::find(self.tx, &view.group_id)?.is_some() {
            self.forget_claims(&id);
        }
        Ok(())
    }

    /// The details that wishes ask for, on top of those that the group has; none where they ask for no others.
    pub(crate) fn wished_details(
        &mut self,
        id: &ConversationId,
        wishes: &[(WishId, Wish)],
    ) -> Result<Option<SecretBytes>, Stop> {
        let before = match self.conversation(id)? {
            Some(conversation) => self.details(&conversation)?,
            None => GroupDetails::default(),
        };
        let mut wished = before.clone();
        for (_, wish) in wishes {
            match wish {
                Wish::Change(GroupChange::Name { name }) => name.trim().clone_into(&mut wished.name),
                Wish::Change(GroupChange::Describe { description }) => {
                    description.trim().clone_into(&mut wished.description);
                }
                Wish::Change(GroupChange::Picture { picture }) => wished.picture = *picture,
                Wish::Change(GroupChange::Link { secret }) => {
                    wished.link = Some(Secret::new(*secret.expose()));
                }
                Wish::Change(GroupChange::Unlink) => wished.link = None,
                _ => {}
            }
        }
        if wished == before {
            return Ok(None);
        }
        let padded = wished
            .encode_padded()
            .map_err(|_| StepError::Bug("details that were checked are over a limit"))?;
        Ok(Some(SecretBytes::new(padded)))
    }

    /// The details of a conversation's group as far as this device can read them.
    pub(crate) fn details(&mut self, conversation: &Conversation) -> Result<GroupDetails, Stop> {
        let Some(group) = conversation.group else { return Ok(GroupDetails::default()) };
        if !self.load_group(&group)? {
            return Ok(GroupDetails::default());
        }
        let opened = self.device.details(&group).map_err(|error| crate::stop::own_fault(&error))?;
        Ok(opened.and_then(|details| GroupDetails::decode(details.expose()).ok()).unwrap_or_default())
    }
}

/// The accounts that wishes want to be in a group.
pub(crate) fn wished_accounts(wishes: &[(WishId, Wish)]) -> Vec<AccountId> {
    let added = |(_, wish): &(WishId, Wish)| match wish {
        Wish::Change(GroupChange::Add { account }) => Some(*account),
        _ => None,
    };
    wishes.iter().filter_map(added).collect()
}

/// Whether the later one of two changes leaves nothing of the earlier one.
fn is_about_the_same(one: &GroupChange, other: &GroupChange) -> bool {
    use GroupChange::{Add, Describe, Link, Name, Permissions, Picture, Remove, Role, Timer, Unlink};
    match (one, other) {
        (Name { .. }, Name { .. })
        | (Describe { .. }, Describe { .. })
        | (Picture { .. }, Picture { .. })
        | (Permissions { .. }, Permissions { .. })
        | (Link { .. } | Unlink, Link { .. } | Unlink)
        | (Timer { .. }, Timer { .. }) => true,
        (Role { account: one, .. }, Role { account: other, .. })
        | (
            Add { account: one } | Remove { account: one },
            Add { account: other } | Remove { account: other },
        ) => one == other,
        _ => false,
    }
}

fn permissions(add: GroupWho, details: GroupWho, write: GroupWho) -> Permissions {
    Permissions { add: add.in_policy(), details: details.in_policy(), write: write.in_policy() }
}

impl GroupRole {
    pub(crate) const fn in_policy(self) -> Role {
        match self {
            Self::Member => Role::Member,
            Self::Admin => Role::Admin,
            Self::Owner => Role::Owner,
        }
    }
}

impl GroupWho {
    pub(crate) const fn in_policy(self) -> Who {
        match self {
            Self::Everybody => Who::Everybody,
            Self::Admins => Who::Admins,
        }
    }
}

/// Who is in a group, and what they are.
pub(crate) fn roster(view: &GroupView, charter: &Charter) -> BTreeMap<AccountId, Role> {
    view.members.iter().map(|leaf| (leaf.account, charter.role(leaf.account))).collect()
}
