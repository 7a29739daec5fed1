//! Groups: making one, and what a person asks to be changed in one.
//!
//! Whatever is asked is a *wish*: stored first, told as accepted then, and granted by a Commit of this device as soon as the
//! group allows it ([`crate::wishes`]). Where the group has become so already, or where the wish cannot come true any
//! more, it ends, and an event says how.
//!
//! *Make a group.* The conversation's row and its wishes (who is to be in it, its name) are written together. A KeyPackage
//! of each device of each account is claimed; what cannot be claimed ends its wish and holds nobody up. When nothing is
//! under way any more, the group, its first Commit with everybody and its details go out as one request. The stream
//! brings the Commit back, and the group is active.
//!
//! Invariants:
//! - The id of a group's conversation is derived from this account and the MLS group id, which is chosen with the wish to
//!   found it: so it is the same however often the making is begun again.
//! - A refusal says what is missing: the role, the account, the connection.

use hushwire_client_store::account::{self, Trust};
use hushwire_client_store::conversation::{self, Conversation, ConversationKind, ConversationState};
use hushwire_client_store::wish::{self, WishId};
use hushwire_client_store::{picture, timeline};
use hushwire_content::limits;
use hushwire_group_policy::{Charter, GroupExtension, Rank, Role, group_conversation_id};
use hushwire_mls::{Addition, Change, Intent, MlsError, NewGroup};
use hushwire_types::{AccountId, ConversationId, Epoch, Generation, GroupId, rng};
use hushwire_wire as wire;
use hushwire_wire::ErrorCode;

use crate::command::{GroupChange, GroupRole};
use crate::step::Step;
use crate::stop::{Stop, own_fault};
use crate::wishes::{Wish, wished_accounts};
use crate::{Event, Notice, Outcome, Refusal, StepError, Tag, schedule};

/// Accounts that can be wished into a new group at once.
const FOUNDERS: usize = 999;

impl Step<'_, '_> {
    /// Begins a group.
    pub(crate) fn create_group(&mut self, name: &str, members: &[AccountId]) -> Result<Outcome, Stop> {
        let name = name.trim();
        if let Some(refusal) = check_name(name) {
            return Ok(Outcome::Refused(refusal));
        }
        if members.len() > FOUNDERS {
            return Ok(Outcome::Refused(Refusal::GroupFull));
        }
        if !self.is_active(&self.me.account, &self.me.device)? {
            return Ok(Outcome::Refused(Refusal::Revoked));
        }
        for member in members {
            if let Some(refusal) = self.refuse_member(member)? {
                return Ok(Outcome::Refused(refusal));
            }
        }
        for member in members {
            self.accept_account(*member)?;
        }
        let group = GroupId::new(rng::bytes(self.entropy));
        let id = group_conversation_id(self.me.account, group);
        let conversation = opening(id, self.now);
        conversation::insert(self.tx, &conversation)?;
        self.accept_conversation(&conversation)?;
        self.wish(&id, &Wish::Found { group })?;
        self.wish(&id, &Wish::Change(GroupChange::Name { name: name.to_owned() }))?;
        let mut wished = Vec::new();
        for account in members {
            if !wished.contains(account) {
                wished.push(*account);
                self.wish(&id, &Wish::Change(GroupChange::Add { account: *account }))?;
            }
        }
        self.event(&Event::Conversation, Some(id), None)?;
        self.session.attend(id);
        Ok(Outcome::Begun { conversation: id })
    }

    /// Stores a wish, or says why it cannot come true.
    pub(crate) fn change_group(
        &mut self,
        id: &ConversationId,
        change: &GroupChange,
    ) -> Result<Outcome, Stop> {
        let Some(conversation) = self.conversation(id)? else {
            return Ok(Outcome::Refused(Refusal::UnknownHere("group")));
        };
        match (conversation.kind, conversation.state) {
            (ConversationKind::Group, ConversationState::Closed) => {
                return Ok(Outcome::Refused(Refusal::NotInGroup));
            }
            (ConversationKind::Group, _) => {}
            _ => return Ok(Outcome::Refused(Refusal::UnknownHere("group"))),
        }
        if let Some(refusal) = self.refuse_change_of(&conversation, change)? {
            return Ok(Outcome::Refused(refusal));
        }
        if let GroupChange::Add { account } = change {
            self.accept_account(*account)?;
        }
        let wish = self.wish(id, &Wish::Change(change.clone()))?;
        self.session.attend(*id);
        Ok(Outcome::Wished { conversation: *id, wish: wish.0 })
    }

    pub(crate) fn wish(&mut self, id: &ConversationId, wish: &Wish) -> Result<WishId, Stop> {
        Ok(wish::insert(self.tx, id, &wish.encode(), self.now)?)
    }

    fn refuse_member(&self, account: &AccountId) -> Result<Option<Refusal>, Stop> {
        if *account == self.me.account {
            return Ok(Some(Refusal::OneselfInGroup));
        }
        Ok(match account::find(self.tx, account)? {
            None => Some(Refusal::UnknownHere("account")),
            Some(known) if matches!(known.trust, Trust::Changed { .. }) => {
                Some(Refusal::AccountChanged(known.handle.unwrap_or_default()))
            }
            Some(_) => None,
        })
    }

    fn refuse_change_of(
        &mut self,
        conversation: &Conversation,
        change: &GroupChange,
    ) -> Result<Option<Refusal>, Stop> {
        let shape = match change {
            GroupChange::Add { account } => self.refuse_member(account)?,
            GroupChange::Name { name } => check_name(name.trim()),
            GroupChange::Describe { description } => check_description(description.trim()),
            GroupChange::Picture { picture: Some(hash) } if !picture::is_kept(self.tx, hash)? => {
                Some(Refusal::UnknownHere("such picture"))
            }
            GroupChange::Timer { lives_for_s } if *lives_for_s > limits::LIVES_FOR_S => {
                Some(Refusal::TimerTooLong(limits::LIVES_FOR_S))
            }
            _ => None,
        };
        if shape.is_some() {
            return Ok(shape);
        }
        // A group that is not there yet, or not for now, is asked when it is.
        let Some(view) = self.view(conversation)? else { return Ok(None) };
        let Some(charter) = view.extension.charter() else { return Ok(None) };
        let is_member = |account: &AccountId| view.members.iter().any(|leaf| leaf.account == *account);
        Ok(match change {
            GroupChange::Remove { account } | GroupChange::Role { account, .. } if !is_member(account) => {
                Some(Refusal::UnknownHere("such member in the group"))
            }
            GroupChange::Add { account } if is_member(account) => Some(Refusal::IsMember),
            _ => may(charter, self.me.account, change),
        })
    }

    /// Looks after a group that does not exist yet.
    pub(crate) fn open_group(&mut self, conversation: &Conversation) -> Result<(), Stop> {
        if conversation.group.is_some() {
            return self.await_creation(conversation);
        }
        let wishes = self.wishes(&conversation.id)?;
        let Some(group) = wishes.iter().find_map(|(_, wish)| match wish {
            Wish::Found { group } => Some(*group),
            Wish::Change(_) | Wish::Renew => None,
        }) else {
            // Others made it: the Welcome is on its way, or lost.
            return self.be_patient(&conversation.id);
        };
        let (others, own) = (
            self.claimed(&conversation.id, &wished_accounts(&wishes))?,
            self.claimed_of_own(&conversation.id)?,
        );
        let (Some(mut add), Some(own)) = (others, own) else { return Ok(()) };
        if !self.has_room_for(&conversation.id)? {
            return Ok(());
        }
        add.extend(own);
        self.make_group(conversation.clone(), group, &wishes, add)
    }

    /// The KeyPackages of accounts, or none while those of one of them are still asked for.
    pub(crate) fn claimed(
        &mut self,
        id: &ConversationId,
        accounts: &[AccountId],
    ) -> Result<Option<Vec<Addition>>, Stop> {
        let mut all = Some(Vec::new());
        for account in accounts {
            if let Some(claimed) = self.session.claimed.get(&(*id, *account)) {
                if let Some(all) = &mut all {
                    all.extend(claimed.iter().cloned());
                }
                continue;
            }
            all = None;
            let fresh = self.connection().is_some_and(|connection| connection.fresh.contains(account));
            if fresh && self.recall(account)? {
                let tag = Tag::Claim { conversation: *id, account: *account };
                self.request(tag, wire::RecipientKeys { account_id: *account, device_ids: Vec::new() });
            } else {
                self.fetch_list(*account)?;
            }
        }
        Ok(all)
    }

    /// The server's answer to a claim for a group.
    pub(crate) fn claimed_for_group(
        &mut self,
        conversation: &Conversation,
        account: AccountId,
        result: Result<&wire::ClaimedKeyPackages, &wire::Error>,
    ) -> Result<(), Stop> {
        let id = conversation.id;
        let tag = Tag::Claim { conversation: id, account };
        // Without a wish, the claim is for a further device of an account that is there.
        let wished = account != self.me.account && self.is_wished_for(&id, account)?;
        let claimed = match result {
            Ok(claimed) => claimed,
            Err(error) => match error.code {
                // Whoever has no keys now is added when they have some; whoever has no account any more is not.
                ErrorCode::NoKeyPackage | ErrorCode::UnknownAccount | ErrorCode::AccountSuspended
                    if self.is_renewing(&id)? =>
                {
                    self.session.claimed.insert((id, account), Vec::new());
                    return Ok(());
                }
                ErrorCode::NoKeyPackage if !wished => {
                    if account == self.me.account && self.is_to_be_made(&id)? {
                        self.session.claimed.insert((id, account), Vec::new());
                    } else {
                        self.claim_later(tag);
                    }
                    return Ok(());
                }
                ErrorCode::UnknownAccount | ErrorCode::AccountSuspended | ErrorCode::NoKeyPackage => {
                    return self.refuse_addition(&id, account, &error.text);
                }
                _ => return self.put_off(tag, error),
            },
        };
        let add = self.group_additions(account, claimed)?;
        if !wished {
            return match conversation.state {
                ConversationState::Active if add.is_empty() => {
                    self.claim_later(tag);
                    Ok(())
                }
                ConversationState::Active => self.add_devices(conversation, add),
                _ => {
                    self.session.claimed.insert((id, account), add);
                    Ok(())
                }
            };
        }
        if add.is_empty() {
            return self.refuse_addition(&id, account, "the server gave no keys that fit the account");
        }
        self.session.claimed.insert((id, account), add);
        Ok(())
    }

    fn is_wished_for(&mut self, id: &ConversationId, account: AccountId) -> Result<bool, Stop> {
        let add = Wish::Change(GroupChange::Add { account });
        Ok(self.wishes(id)?.iter().any(|(_, wish)| *wish == add))
    }

    /// An account cannot be added, whatever this device does.
    pub(crate) fn refuse_addition(
        &mut self,
        id: &ConversationId,
        account: AccountId,
        reason: &str,
    ) -> Result<(), Stop> {
        for (number, wish) in self.wishes(id)? {
            if wish == Wish::Change(GroupChange::Add { account }) {
                self.end_wish(id, number, Some(reason))?;
                self.notice(id, &Notice::NotAdded { account, reason: reason.to_owned() })?;
            }
        }
        Ok(())
    }

    /// The server does not let this device add somebody, and does not say whom: nobody is added.
    pub(crate) fn refuse_additions(&mut self, id: &ConversationId, reason: &str) -> Result<(), Stop> {
        for (_, wish) in self.wishes(id)? {
            if let Wish::Change(GroupChange::Add { account }) = wish {
                self.refuse_addition(id, account, reason)?;
            }
        }
        Ok(())
    }

    /// Makes the group with everybody whose keys are there.
    fn make_group(
        &mut self,
        mut conversation: Conversation,
        group_id: GroupId,
        wishes: &[(WishId, Wish)],
        add: Vec<Addition>,
    ) -> Result<(), Stop> {
        let id = conversation.id;
        let extension = GroupExtension::group(id, self.me.account);
        let Ok(published) = self.device.create(NewGroup { group_id, extension }, self.shared_now()) else {
            return self.creation_failed(&id);
        };
        let details = self.wished_details(&id, wishes)?;
        let intent = Intent::Change(Change { add, details, ..Change::default() });
        let staged = match self.stage_commit(&group_id, &intent)? {
            Ok(staged) => staged,
            Err(error) => {
                self.device.delete(&group_id).map_err(|error| own_fault(&error))?;
                self.forget_claims(&id);
                return match error {
                    MlsError::MissingLists(heads) => self.want_all(heads),
                    MlsError::Refused(_) => self.creation_failed(&id),
                    error => Err(own_fault(&error)),
                };
            }
        };
        self.forget_claims(&id);
        conversation.group = Some(group_id);
        conversation.generation = Generation(1);
        self.save(&conversation)?;
        self.send_creation(&conversation, wire::ConversationKind::Group, published, staged)
    }

    /// Claimed KeyPackages are used once.
    pub(crate) fn forget_claims(&mut self, id: &ConversationId) {
        self.session.claimed.retain(|(conversation, _), _| conversation != id);
    }

    /// A group that this account is out of: nothing more is encrypted, what waited is told as failed.
    pub(crate) fn close_group(&mut self, id: &ConversationId, notice: &Notice) -> Result<(), Stop> {
        let Some(mut conversation) = self.conversation(id)? else { return Ok(()) };
        if conversation.state == ConversationState::Closed {
            return Ok(());
        }
        if let Some(group) = conversation.group.take() {
            self.drop_pending(&group)?;
            if self.load_group(&group)? {
                self.device.delete(&group).map_err(|error| own_fault(&error))?;
            }
        }
        conversation.state = ConversationState::Closed;
        self.save(&conversation)?;
        for (number, wish) in self.wishes(id)? {
            let left = wish == Wish::Change(GroupChange::Leave) && *notice == Notice::YouLeft;
            let reason = (!left).then_some("this account is not in the group any more");
            self.end_wish(id, number, reason)?;
        }
        self.notice(id, notice)?;
        self.event(&Event::Conversation, Some(*id), None)?;
        self.fail_unsent(id)
    }

    /// What waits in a group that this account is out of will never be sent. What is on its way may have been accepted: the
    /// server's answer tells.
    pub(crate) fn fail_unsent(&mut self, id: &ConversationId) -> Result<(), Stop> {
        for entry in timeline::unencrypted(self.tx, id, u32::MAX >> 1)? {
            self.fail_text(entry.row, "you are not in this group any more")?;
        }
        Ok(())
    }
}

/// A group that is wished for.
fn opening(id: ConversationId, now: hushwire_types::Timestamp) -> Conversation {
    Conversation {
        id,
        kind: ConversationKind::Group,
        generation: Generation(0),
        group: None,
        state: ConversationState::Opening,
        attempts: 0,
        known_epoch: Epoch(0),
        refreshed_at: now,
        last_activity: now,
    }
}

fn check_name(name: &str) -> Option<Refusal> {
    match name.chars().count() {
        0 => Some(Refusal::NoName),
        count if count > limits::GROUP_NAME_CHARS => Some(Refusal::NameTooLong(limits::GROUP_NAME_CHARS)),
        _ => None,
    }
}

fn check_description(text: &str) -> Option<Refusal> {
    (text.chars().count() > limits::GROUP_DESCRIPTION_CHARS)
        .then_some(Refusal::DescriptionTooLong(limits::GROUP_DESCRIPTION_CHARS))
}

/// Why the charter does not let `me` make a change, if it does not.
pub(crate) fn may(charter: &Charter, me: AccountId, change: &GroupChange) -> Option<Refusal> {
    let rank = charter.rank(me);
    if rank == Rank::Leaving {
        return Some(Refusal::NotInGroup);
    }
    let allowed = match change {
        GroupChange::Add { .. } => charter.may_add(me),
        GroupChange::Remove { account } => rank >= Rank::Admin && charter.rank(*account) < rank,
        GroupChange::Role { account, role } if *account == me => may_take(charter, me, *role),
        GroupChange::Role { account, .. } => rank == Rank::Owner && charter.rank(*account) < Rank::Owner,
        GroupChange::Name { .. }
        | GroupChange::Describe { .. }
        | GroupChange::Picture { .. }
        | GroupChange::Timer { .. } => charter.may_change_details(me),
        GroupChange::Permissions { .. } | GroupChange::Link { .. } | GroupChange::Unlink => {
            rank >= Rank::Admin
        }
        GroupChange::Leave => true,
    };
    (!allowed).then_some(Refusal::NotAllowed)
}

fn may_take(charter: &Charter, me: AccountId, role: GroupRole) -> bool {
    let lower = match charter.role(me) {
        Role::Owner => true,
        Role::Admin => role == GroupRole::Member,
        _ => false,
    };
    lower || charter.rank(me) == Rank::Owner
}

impl Step<'_, '_> {
    /// The claimed KeyPackages that can be used; see [`Step::additions`].
    fn group_additions(
        &mut self,
        account: AccountId,
        claimed: &wire::ClaimedKeyPackages,
    ) -> Result<Vec<Addition>, Stop> {
        self.additions(account, claimed, crate::create::Loudness::First)
    }

    /// How long this device lets others go first with what every member may do: by its place in the group, so that not
    /// all of them commit at once.
    pub(crate) fn turn(&self, leaves: &[hushwire_identity::LeafCredential]) -> std::time::Duration {
        let place = leaves.iter().position(|leaf| leaf.device == self.me.device).unwrap_or_default();
        let place = u32::try_from(place).unwrap_or(u32::MAX);
        schedule::TURN.saturating_mul(place).min(schedule::LONGEST_TURN)
    }

    /// The group of a conversation, which must be there.
    pub(crate) fn group_of(&self, conversation: &Conversation) -> Result<GroupId, Stop> {
        Ok(conversation.group.ok_or(StepError::Bug("an active conversation has no group"))?)
    }
}
