//! The next generation of a conversation (rule R1): a new group under it, where the old one cannot be repaired.
//!
//! ```text
//!  entered anew twice in vain ─┐                in turns
//!                              ├─► wish to renew ────────► KeyPackages ─► group, Commit, Welcome ─► active, told in a line
//!  the server lacks an epoch ──┘        │
//!  for long (it was restored)           └─ somebody else was first: their Welcome comes, or the group is entered anew
//! ```
//!
//! Both accounts of a direct conversation may do it; in a group those in charge by the last roster that they applied, which the
//! server compares with its own.
//!
//! Invariants:
//! - Nobody comes in by it, and nobody rises: whoever is shown a generation of another maker, with other accounts or roles than
//!   the last roster that this device applied, does not enter it, and says so.
//! - The old group is closed for ever. What was not accepted in it is encrypted again: everybody in the new one was in the old one.
//! - What is here stays: places of a later generation come after those of an earlier one.

use std::collections::BTreeMap;

use hushwire_client_store::conversation::{Conversation, ConversationKind, ConversationState};
use hushwire_client_store::mark::{self, Mark};
use hushwire_client_store::wish;
use hushwire_client_store::{group_facts, member, mls_row, witness};
use hushwire_content::GroupDetails;
use hushwire_group_policy::{Amendment, Charter, GroupExtension, Permissions, Rank, Role, Who};
use hushwire_identity::LeafCredential;
use hushwire_mls::{Addition, Change, Intent, Joined, MlsError, NewGroup, StagedRejoin};
use hushwire_types::{
    AccountId, ConversationId, Epoch, Generation, GroupId, Secret, SecretBytes, Timestamp, rng,
};
use hushwire_wire as wire;

use crate::asks::group_link;
use crate::command::GroupChange;
use crate::facts::fact;
use crate::step::Step;
use crate::stop::{Stop, own_fault};
use crate::wishes::Wish;
use crate::{Alert, Event, Notice, StepError, schedule};

/// The fact that says since when the server lacks epochs: conversations as text, milliseconds.
const BEHIND: &str = "server behind";

/// Devices of one account take turns up to here; later ones go together.
const DEVICE_TURNS: u32 = 3;

/// The last roster of a group that this device applied: who was in it, and under which charter.
struct Roster {
    accounts: BTreeMap<AccountId, Role>,
    charter: Charter,
}

/// Whether a generation follows one that this device has been in.
pub(crate) const fn is_successor(known: &Conversation, generation: Generation) -> bool {
    // Who is out of a group and let in again has no part in what was between.
    let was_in = known.generation.0 > 0 && !matches!(known.state, ConversationState::Closed);
    was_in && generation.0 > known.generation.0
}

/// What this device does to begin one.
impl Step<'_, '_> {
    pub(crate) fn is_renewing(&self, id: &ConversationId) -> Result<bool, Stop> {
        Ok(self.wishes(id)?.iter().any(|(_, wish)| *wish == Wish::Renew))
    }

    /// Whether this device may set a conversation up anew.
    pub(crate) fn may_renew(&self, conversation: &Conversation) -> Result<bool, Stop> {
        if conversation.generation == Generation(0)
            || mark::is_set(self.tx, &conversation.id, Mark::Superseded)?
            || !self.is_active(&self.me.account, &self.me.device)?
        {
            return Ok(false);
        }
        if conversation.kind != ConversationKind::Group {
            return Ok(true);
        }
        let roster = self.last_roster(&conversation.id)?;
        let me = self.me.account;
        Ok(roster.accounts.contains_key(&me) && roster.charter.rank(me) >= Rank::Admin)
    }

    /// Leaves the group of a conversation behind, to make another one when it is this device's turn.
    pub(crate) fn begin_renewal(&mut self, id: &ConversationId) -> Result<(), Stop> {
        self.take_back_messages(id)?;
        let Some(mut conversation) = self.conversation(id)? else { return Ok(()) };
        self.leave_behind(&mut conversation)?;
        conversation.state = ConversationState::Opening;
        conversation.attempts = 0;
        conversation.refreshed_at = self.now;
        self.save(&conversation)?;
        if !self.is_renewing(id)? {
            self.wish(id, &Wish::Renew)?;
        }
        self.session.waiting_since.remove(id);
        self.session.attend(*id);
        self.event(&Event::Conversation, Some(*id), None)
    }

    /// Drops what this device has of a conversation's group.
    fn leave_behind(&mut self, conversation: &mut Conversation) -> Result<(), Stop> {
        let Some(group) = conversation.group.take() else { return Ok(()) };
        self.drop_pending(&group)?;
        if self.device.is_loaded(&group) {
            self.device.delete(&group).map_err(|error| own_fault(&error))?;
        }
        Ok(mls_row::delete_group(self.tx, &group)?)
    }

    /// Makes the next generation, once it is this device's turn and all keys are there.
    pub(crate) fn renew(&mut self, conversation: &Conversation) -> Result<(), Stop> {
        let due = conversation.refreshed_at.after(self.renewal_turn(conversation)?);
        if due > self.now {
            self.session.attend_at(conversation.id, due);
            return Ok(());
        }
        let roster = self.last_roster(&conversation.id)?;
        let accounts: Vec<AccountId> =
            roster.accounts.keys().copied().filter(|account| *account != self.me.account).collect();
        let others = match conversation.kind {
            ConversationKind::Direct { peer } => self.claimed_of_peer(&conversation.id, peer)?,
            _ => self.claimed(&conversation.id, &accounts)?,
        };
        let own = self.claimed_of_own(&conversation.id)?;
        let (Some(mut add), Some(own)) = (others, own) else { return Ok(()) };
        if !self.has_room_for(&conversation.id)? {
            return Ok(());
        }
        add.extend(own);
        match conversation.kind {
            ConversationKind::Direct { peer } => self.create(conversation.clone(), peer, add),
            _ => self.make_successor(conversation.clone(), &roster, add),
        }
    }

    /// How long this device lets others go first: by its account's place among those who may, and its own in the account.
    fn renewal_turn(&mut self, conversation: &Conversation) -> Result<std::time::Duration, Stop> {
        let me = self.me.account;
        let before = match conversation.kind {
            ConversationKind::Direct { peer } => usize::from(peer < me),
            _ => {
                let Roster { accounts, charter } = self.last_roster(&conversation.id)?;
                accounts.range(..me).filter(|(account, _)| charter.rank(**account) >= Rank::Admin).count()
            }
        };
        let own = self.own_list()?;
        let device = own.active_devices().iter().take_while(|device| device.id != self.me.device).count();
        let device = u32::try_from(device).unwrap_or(u32::MAX).min(DEVICE_TURNS - 1);
        let before = u32::try_from(before).unwrap_or(u32::MAX).saturating_mul(DEVICE_TURNS);
        let turn = schedule::RENEWAL_TURN.saturating_mul(before.saturating_add(device));
        Ok(turn.min(schedule::LONGEST_TURN))
    }

    fn make_successor(
        &mut self,
        mut conversation: Conversation,
        roster: &Roster,
        add: Vec<Addition>,
    ) -> Result<(), Stop> {
        let id = conversation.id;
        let me = self.me.account;
        let group_id = GroupId::new(rng::bytes(self.entropy));
        let generation = conversation.generation.next();
        // Roles are of accounts with leaves: at first there is this device's alone.
        let mut charter = roster.charter.clone();
        roster.accounts.keys().filter(|account| **account != me).for_each(|account| charter.forget(*account));
        let extension = GroupExtension::successor(id, generation, charter);
        self.forget_claims(&id);
        let Ok(published) = self.device.create(NewGroup { group_id, extension }, self.shared_now()) else {
            return self.creation_failed(&id);
        };
        let here = |account: &AccountId| add.iter().any(|addition| addition.account == *account);
        let missing: Vec<AccountId> =
            roster.accounts.keys().copied().filter(|account| *account != me && !here(account)).collect();
        let amend = roster.charter.named().filter(|(account, _)| here(account));
        let amend = amend.map(|(account, role)| Amendment::Role(account, role)).collect();
        let details = self.known_details(&id)?;
        let intent = Intent::Change(Change { add, amend, details, ..Change::default() });
        let staged = match self.stage_commit(&group_id, &intent)? {
            Ok(staged) => staged,
            Err(error) => {
                self.device.delete(&group_id).map_err(|error| own_fault(&error))?;
                return match error {
                    MlsError::MissingLists(heads) => self.want_all(heads),
                    MlsError::Refused(_) => self.creation_failed(&id),
                    error => Err(own_fault(&error)),
                };
            }
        };
        for account in missing {
            self.wish(&id, &Wish::Change(GroupChange::Add { account }))?;
        }
        conversation.group = Some(group_id);
        conversation.generation = generation;
        self.save(&conversation)?;
        self.send_creation(&conversation, wire::ConversationKind::Group, published, staged)
    }

    /// Name, description, picture and link as this device knows them.
    fn known_details(&self, id: &ConversationId) -> Result<Option<SecretBytes>, Stop> {
        let Some(known) = group_facts::find(self.tx, id)? else { return Ok(None) };
        let details = GroupDetails {
            name: known.name.unwrap_or_default(),
            description: known.description.unwrap_or_default(),
            picture: known.picture,
            link: group_link(self.tx, id)?.map(|secret| Secret::new(*secret.expose())),
        };
        if details == GroupDetails::default() {
            return Ok(None);
        }
        let padded = details.encode_padded().map_err(|_| StepError::Damaged("group details"))?;
        Ok(Some(SecretBytes::new(padded)))
    }

    /// The server has no usable keys of an account: nobody waits for it.
    pub(crate) fn renew_without(&mut self, account: AccountId) -> Result<(), Stop> {
        for id in wish::conversations(self.tx)? {
            if self.is_renewing(&id)? {
                self.session.claimed.entry((id, account)).or_default();
            }
        }
        Ok(())
    }

    fn last_roster(&self, id: &ConversationId) -> Result<Roster, Stop> {
        let rows = member::of(self.tx, id)?;
        let accounts: BTreeMap<AccountId, Role> =
            rows.into_iter().filter_map(|(account, role)| Some((account, in_policy(role)?))).collect();
        let mut charter = Charter::new(self.me.account);
        charter.forget(self.me.account);
        for (account, role) in &accounts {
            charter.amend(&Amendment::Role(*account, *role));
        }
        if let Some(known) = group_facts::find(self.tx, id)? {
            let (add, details, write) = (who(known.add_by), who(known.details_by), who(known.write_by));
            charter.permissions = Permissions { add, details, write };
            charter.timer_secs = known.timer_secs;
        }
        // Whoever has the link goes on to have it.
        charter.link = group_link(self.tx, id)?.map(|secret| secret.hash());
        Ok(Roster { accounts, charter })
    }

    /// It cannot be done: the server refuses.
    pub(crate) fn renewal_failed(&mut self, id: &ConversationId) -> Result<(), Stop> {
        self.end_renewal(id)?;
        match self.conversation(id)? {
            Some(conversation) => self.stuck(conversation),
            None => Ok(()),
        }
    }

    pub(crate) fn end_renewal(&mut self, id: &ConversationId) -> Result<(), Stop> {
        for (number, _) in self.wishes(id)?.into_iter().filter(|(_, wish)| *wish == Wish::Renew) {
            wish::delete(self.tx, number)?;
        }
        self.forget_claims(id);
        Ok(())
    }
}

/// What everybody does when one is there.
impl Step<'_, '_> {
    /// Whether a generation that a Welcome leads into may follow the one that this device knows.
    pub(crate) fn is_rightful(&self, known: &Conversation, joined: &Joined) -> Result<bool, Stop> {
        let maker = joined.sender.account;
        if known.kind != ConversationKind::Group || maker == self.me.account {
            return Ok(true);
        }
        let roster = self.last_roster(&known.id)?;
        if roster.accounts.is_empty() {
            return Ok(true);
        }
        if !roster.accounts.contains_key(&maker) || roster.charter.rank(maker) < Rank::Admin {
            return Ok(false);
        }
        // Who comes later is added by somebody in charge, who may have changed it since.
        Ok(joined.epoch > Epoch(1) || roster.goes_on(&joined.extension, &joined.members, Some(maker)))
    }

    /// Whether a group may be entered by an external Commit: it is of the generation that this device knows, or of a later one with
    /// nobody new in it.
    pub(crate) fn may_follow(
        &self,
        known: &Conversation,
        generation: Generation,
        staged: &StagedRejoin,
    ) -> Result<bool, Stop> {
        if !is_successor(known, generation) || known.kind != ConversationKind::Group {
            return Ok(true);
        }
        let roster = self.last_roster(&known.id)?;
        Ok(roster.accounts.is_empty() || roster.goes_on(&staged.extension, &staged.members, None))
    }

    /// The row of a conversation that enters a group. One of an earlier generation is left behind.
    pub(crate) fn enter_generation(
        &mut self,
        row: &mut Conversation,
        generation: Generation,
        group: GroupId,
        epoch: Epoch,
    ) -> Result<(), Stop> {
        if is_successor(row, generation) {
            self.take_back_messages(&row.id)?;
            self.leave_behind(row)?;
            row.known_epoch = Epoch(0);
        }
        row.generation = generation;
        row.group = Some(group);
        row.known_epoch = row.known_epoch.max(epoch);
        Ok(())
    }

    /// The conversation goes on in another generation.
    pub(crate) fn renewed(&mut self, id: &ConversationId, by: AccountId) -> Result<(), Stop> {
        self.end_renewal(id)?;
        mark::clear(self.tx, id, Mark::Superseded)?;
        self.server_is_level(id)?;
        // What anybody said before was said in another group.
        witness::forget_others(self.tx, id, &self.me.device)?;
        self.said(id, 0, [0; 32])?;
        self.notice(id, &Notice::Renewed { by })
    }
}

/// The server, which was restored and waits to be sent what it lost.
impl Step<'_, '_> {
    /// It lacks an epoch that this device is in. Whether that lasts too long, and the conversation is set up anew.
    pub(crate) fn server_lags(&mut self, id: &ConversationId) -> Result<bool, Stop> {
        let now = self.now;
        let begins = !self.session.behind.contains_key(id);
        let since = *self.session.behind.entry(*id).or_insert(now);
        if begins {
            self.keep_lags()?;
        }
        let Some(conversation) = self.conversation(id)? else { return Ok(false) };
        let lasts = now.since(since) >= schedule::SERVER_PATIENCE;
        if !lasts || conversation.state != ConversationState::Active {
            return Ok(false);
        }
        if !self.may_renew(&conversation)? {
            self.tell_to_wait(id)?;
            return Ok(false);
        }
        self.begin_renewal(id)?;
        Ok(true)
    }

    /// Others must mend it; a person who hears nothing of that would believe that their messages are on their way.
    fn tell_to_wait(&mut self, id: &ConversationId) -> Result<(), Stop> {
        if mark::is_set(self.tx, id, Mark::Waiting)? {
            return Ok(());
        }
        mark::set(self.tx, id, Mark::Waiting)?;
        self.notice(id, &Notice::Waiting)?;
        self.alert(Alert::Waiting { conversation: *id }, Some(*id))
    }

    /// It has what this device has.
    pub(crate) fn server_is_level(&mut self, id: &ConversationId) -> Result<(), Stop> {
        if self.session.behind.remove(id).is_none() {
            return Ok(());
        }
        mark::clear(self.tx, id, Mark::Waiting)?;
        self.keep_lags()
    }

    /// Brings back into memory since when the server lags.
    pub(crate) fn recall_lags(&mut self) -> Result<(), Stop> {
        let known: BTreeMap<String, u64> = fact(self.tx, BEHIND)?.unwrap_or_default();
        let known = known.into_iter().filter_map(|(id, at)| Some((id.parse().ok()?, Timestamp::from_ms(at))));
        self.session.behind = known.collect();
        Ok(())
    }

    fn keep_lags(&self) -> Result<(), Stop> {
        let all: BTreeMap<String, u64> =
            self.session.behind.iter().map(|(id, at)| (id.to_string(), at.as_ms())).collect();
        self.keep(BEHIND, &all)
    }
}

impl Roster {
    /// Whether a later generation has nobody new, and nobody with another role. An owner may give roles, as they could before; whoever
    /// is no owner must leave every owner in their place.
    fn goes_on(&self, next: &GroupExtension, members: &[LeafCredential], maker: Option<AccountId>) -> bool {
        let Some(charter) = next.charter() else { return false };
        if members.iter().any(|leaf| !self.accounts.contains_key(&leaf.account)) {
            return false;
        }
        if maker.is_some_and(|maker| self.charter.rank(maker) == Rank::Owner) {
            return true;
        }
        let is_there = |account: &AccountId| members.iter().any(|leaf| leaf.account == *account);
        self.accounts.iter().all(|(account, role)| match is_there(account) {
            true => charter.role(*account) == *role,
            false => *role != Role::Owner,
        })
    }
}

const fn in_policy(role: member::Role) -> Option<Role> {
    match role {
        member::Role::Member => Some(Role::Member),
        member::Role::Admin => Some(Role::Admin),
        member::Role::Owner => Some(Role::Owner),
        member::Role::Leaving => None,
    }
}

const fn who(who: group_facts::Who) -> Who {
    match who {
        group_facts::Who::Everybody => Who::Everybody,
        group_facts::Who::Admins => Who::Admins,
    }
}

#[cfg(test)]
mod tests {
    use hushwire_identity::ListHead;
    use hushwire_types::{DeviceId, EntryHash, ListNumber};

    use super::*;

    const ID: ConversationId = ConversationId::new([7; 32]);

    const fn account(n: u8) -> AccountId {
        AccountId::new([n; 32])
    }

    fn leaf(n: u8) -> LeafCredential {
        let list = ListHead { number: ListNumber(1), hash: EntryHash::new([n; 32]) };
        LeafCredential { account: account(n), device: DeviceId::new([n; 16]), list }
    }

    /// Owner 1, admin 2, member 3.
    fn charter() -> Charter {
        let mut charter = Charter::new(account(1));
        charter.amend(&Amendment::Role(account(2), Role::Admin));
        charter
    }

    fn roster() -> Roster {
        let accounts = [(account(1), Role::Owner), (account(2), Role::Admin), (account(3), Role::Member)];
        Roster { accounts: accounts.into(), charter: charter() }
    }

    fn goes_on(charter: Charter, members: &[u8], maker: u8) -> bool {
        let next = GroupExtension::successor(ID, Generation(2), charter);
        let members: Vec<LeafCredential> = members.iter().map(|n| leaf(*n)).collect();
        roster().goes_on(&next, &members, Some(account(maker)))
    }

    #[test]
    fn r1_nobody_comes_into_a_group_that_is_set_up_anew() {
        assert!(goes_on(charter(), &[1, 2, 3], 1));
        assert!(goes_on(charter(), &[1, 2, 3], 2));
        assert!(goes_on(charter(), &[1, 2], 2), "who has no keys comes later");
        assert!(!goes_on(charter(), &[1, 2, 3, 4], 1), "not even by the owner");
    }

    #[test]
    fn r1_nobody_but_an_owner_gives_roles_by_setting_a_group_up_anew() {
        let mut risen = charter();
        risen.amend(&Amendment::Role(account(2), Role::Owner));
        assert!(!goes_on(risen.clone(), &[1, 2, 3], 2));
        assert!(goes_on(risen, &[1, 2, 3], 1));
        let mut rid = charter();
        rid.forget(account(1));
        assert!(!goes_on(rid, &[2, 3], 2), "an admin is not rid of the owner");
    }
}
