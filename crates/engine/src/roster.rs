//! Who is in a group and what it is called, kept in rows for front ends, and told where it changes.
//!
//! Invariant: the rows are compared with the group after each Commit that is applied here and after joining, so each
//! change is told once, in the place where it happened.

use std::collections::{BTreeMap, HashSet};

use hushwire_client_store::conversation::{Conversation, ConversationKind, ConversationState};
use hushwire_client_store::group_facts::{self, GroupFacts};
use hushwire_client_store::mark::{self, Mark};
use hushwire_client_store::{member, timeline};
use hushwire_group_policy::{Charter, Role, Who};
use hushwire_identity::{DeviceStatus, LeafCredential};
use hushwire_mls::{EpochChange, GroupView};
use hushwire_types::{AccountId, ConversationId, DeviceId, GroupId};

use crate::command::GroupRole;
use crate::commits::Need;
use crate::lacking::Thing;
use crate::step::Step;
use crate::stop::Stop;
use crate::wishes::roster;
use crate::{Event, Notice, StepError, schedule};

impl Step<'_, '_> {
    /// A Commit was applied in a group that this device is still in: writes the rows anew and tells what changed. `by` made
    /// it; who has just entered is told nothing of what was before.
    pub(crate) fn group_changed(
        &mut self,
        conversation: &Conversation,
        by: Option<&LeafCredential>,
    ) -> Result<(), Stop> {
        let id = conversation.id;
        let Some(view) = self.view(conversation)? else { return Ok(()) };
        self.session.attend(id);
        let Some(charter) = view.extension.charter().cloned() else { return Ok(()) };
        let before: BTreeMap<AccountId, member::Role> = member::of(self.tx, &id)?.into_iter().collect();
        let now = roster(&view, &charter);
        let known = group_facts::find(self.tx, &id)?;
        let next = self.facts_of(conversation, &charter, known.as_ref(), now.keys().copied())?;
        if let Some(by) = by.filter(|_| !before.is_empty()) {
            self.tell_members(&id, by.account, &before, &now)?;
            if let Some(known) = &known {
                self.tell_facts(&id, by.account, known, &next)?;
            }
        }
        let members: Vec<(AccountId, member::Role)> =
            now.iter().map(|(account, role)| (*account, stored(*role))).collect();
        if members.iter().copied().collect::<BTreeMap<_, _>>() != before {
            member::replace(self.tx, &id, &members)?;
        }
        if known.as_ref() != Some(&next) {
            group_facts::put(self.tx, &id, &next)?;
        }
        let by_me = by.is_some_and(|by| by.device == self.me.device);
        let has_newcomers = now.keys().any(|account| !before.contains_key(account));
        let shown = known.and_then(|known| known.picture);
        self.group_shows(&id, shown, next.picture, by_me, has_newcomers)?;
        self.event(&Event::Conversation, Some(id), None)?;
        if charter.role(self.me.account) == Role::Leaving {
            return self.close_group(&id, &Notice::YouLeft);
        }
        Ok(())
    }

    /// The facts of a group. Details that cannot be read keep what was known of them.
    fn facts_of(
        &mut self,
        conversation: &Conversation,
        charter: &Charter,
        known: Option<&GroupFacts>,
        members: impl Iterator<Item = AccountId>,
    ) -> Result<GroupFacts, Stop> {
        let group = self.group_of(conversation)?;
        let readable = self.readable_details(&group, charter)?;
        self.lacks(Thing::Key, &conversation.id, readable.is_none())?;
        self.settle_asks(&conversation.id, members, charter, readable.as_ref())?;
        let (name, description, picture) = match (readable, known) {
            (Some(details), _) => (some(details.name), some(details.description), details.picture),
            (None, Some(known)) => (known.name.clone(), known.description.clone(), known.picture),
            (None, None) => (None, None, None),
        };
        Ok(GroupFacts {
            name,
            description,
            picture,
            add_by: who(charter.permissions.add),
            details_by: who(charter.permissions.details),
            write_by: who(charter.permissions.write),
            timer_secs: charter.timer_secs,
        })
    }

    fn readable_details(
        &mut self,
        group: &GroupId,
        charter: &Charter,
    ) -> Result<Option<hushwire_content::GroupDetails>, Stop> {
        if charter.details.is_empty() {
            return Ok(Some(hushwire_content::GroupDetails::default()));
        }
        let opened = self.device.details(group).map_err(|error| crate::stop::own_fault(&error))?;
        Ok(opened.and_then(|details| hushwire_content::GroupDetails::decode(details.expose()).ok()))
    }

    fn tell_members(
        &mut self,
        id: &ConversationId,
        by: AccountId,
        before: &BTreeMap<AccountId, member::Role>,
        now: &BTreeMap<AccountId, Role>,
    ) -> Result<(), Stop> {
        for (account, was) in before {
            let account = *account;
            match now.get(&account) {
                None if *was == member::Role::Leaving => {}
                None => self.notice(id, &Notice::MemberRemoved { account, by })?,
                Some(Role::Leaving) if *was != member::Role::Leaving => {
                    self.notice(id, &Notice::MemberLeft { account })?;
                }
                Some(role) if stored(*role) != *was => {
                    let role = told(*role);
                    self.notice(id, &Notice::RoleChanged { account, role, by })?;
                }
                Some(_) => {}
            }
        }
        for account in now.keys().filter(|account| !before.contains_key(*account)) {
            self.notice(id, &Notice::MemberAdded { account: *account, by })?;
        }
        Ok(())
    }

    fn tell_facts(
        &mut self,
        id: &ConversationId,
        by: AccountId,
        before: &GroupFacts,
        now: &GroupFacts,
    ) -> Result<(), Stop> {
        if before.name != now.name {
            let name = now.name.clone().unwrap_or_default();
            self.notice(id, &Notice::Named { name, by })?;
        }
        if before.description != now.description {
            self.notice(id, &Notice::Described { by })?;
        }
        if before.picture != now.picture {
            self.notice(id, &Notice::Pictured { taken_away: now.picture.is_none(), by })?;
        }
        if before.timer_secs != now.timer_secs {
            self.notice(id, &Notice::TimerSet { secs: now.timer_secs, by })?;
        }
        let rules = |facts: &GroupFacts| (facts.add_by, facts.details_by, facts.write_by);
        if rules(before) != rules(now) {
            self.notice(id, &Notice::PermissionsChanged { by })?;
        }
        Ok(())
    }

    /// A Commit put this device out of a group: its account is out, or only the device, which then comes back.
    pub(crate) fn put_out(
        &mut self,
        conversation: &Conversation,
        change: &EpochChange,
        before: Option<&GroupView>,
    ) -> Result<(), Stop> {
        let own = |leaf: &&LeafCredential| leaf.account == self.me.account;
        let stays = before.is_some_and(|view| {
            view.members
                .iter()
                .filter(own)
                .any(|leaf| !change.removed.iter().any(|removed| removed.device == leaf.device))
        }) || change.added.iter().any(|leaf| leaf.account == self.me.account);
        if stays {
            return self.lose(&conversation.id);
        }
        self.close_group(&conversation.id, &Notice::YouWereRemoved { by: change.committer.account })
    }

    /// Compares a group with the lists, its charter and the wishes: what it needs first.
    pub(crate) fn group_need(
        &mut self,
        conversation: &Conversation,
        view: &GroupView,
        charter: &Charter,
    ) -> Result<Need, Stop> {
        let leaving = view.members.iter().filter(|leaf| charter.role(leaf.account) == Role::Leaving);
        let leaving: Vec<LeafCredential> = leaving.copied().collect();
        if !leaving.is_empty() {
            return Ok(Need::Remove(leaving));
        }
        if let Some(need) = self.review(conversation, view)? {
            return Ok(need);
        }
        let open = self.open_wishes(conversation, view, charter)?;
        if !open.is_empty() {
            return Ok(Need::Grant(open));
        }
        self.refresh_need(conversation, view)
    }

    /// Leaves and lists, where one of them changed. Each account brings its own devices into a group.
    fn review(&mut self, conversation: &Conversation, view: &GroupView) -> Result<Option<Need>, Stop> {
        if !mark::is_set(self.tx, &conversation.id, Mark::Review)? {
            return Ok(None);
        }
        let mut revoked = Vec::new();
        for leaf in view.members.iter().filter(|leaf| leaf.device != self.me.device) {
            let status = self.list(&leaf.account)?.map(|list| list.status(leaf.device));
            if status == Some(DeviceStatus::Revoked) {
                revoked.push(*leaf);
            }
        }
        if !revoked.is_empty() {
            return Ok(Some(Need::Remove(revoked)));
        }
        let own = self.own_list()?;
        let here = |device: &DeviceId| view.members.iter().any(|leaf| leaf.device == *device);
        let missing: Vec<DeviceId> =
            own.active_devices().iter().map(|device| device.id).filter(|device| !here(device)).collect();
        if !missing.is_empty() {
            return Ok(Some(Need::Add(self.me.account, missing)));
        }
        if let Some(need) = self.recovered(conversation, view)? {
            return Ok(Some(need));
        }
        mark::clear(self.tx, &conversation.id, Mark::Review)?;
        Ok(None)
    }

    /// A device that the recovery key brought in, of an account that may have no other one left which could add it: all
    /// members may, so that whoever lost everything comes back.
    fn recovered(&mut self, conversation: &Conversation, view: &GroupView) -> Result<Option<Need>, Stop> {
        let here: HashSet<DeviceId> = view.members.iter().map(|leaf| leaf.device).collect();
        let mut accounts: Vec<AccountId> = view.members.iter().map(|leaf| leaf.account).collect();
        accounts.dedup();
        for account in accounts.into_iter().filter(|account| *account != self.me.account) {
            let Some(list) = self.list(&account)? else { continue };
            let active = list.active_devices().into_iter().map(|device| device.id);
            let missing: Vec<DeviceId> =
                active.filter(|device| !here.contains(device) && list.is_recovered(*device)).collect();
            if !missing.is_empty() {
                // In turns, as all would else commit at once.
                let due = self.removal_due(conversation, view, &[])?;
                return Ok(Some(if due { Need::Add(account, missing) } else { Need::Nothing }));
            }
        }
        Ok(None)
    }

    /// Whether it is this device's turn to remove what any member may remove. Who has something to say does not wait, for
    /// nothing is encrypted before it is done.
    pub(crate) fn removal_due(
        &mut self,
        conversation: &Conversation,
        view: &GroupView,
        going: &[LeafCredential],
    ) -> Result<bool, Stop> {
        if conversation.kind != ConversationKind::Group
            || !timeline::unencrypted(self.tx, &conversation.id, 1)?.is_empty()
        {
            return Ok(true);
        }
        let staying: Vec<LeafCredential> =
            view.members.iter().filter(|leaf| !going.contains(leaf)).copied().collect();
        let due = view.epoch_since.after(self.turn(&staying));
        if due <= self.now {
            return Ok(true);
        }
        self.session.attend_at(conversation.id, due);
        Ok(false)
    }

    /// When a voluntary refresh of this leaf is due in a group: those of a large one spread over hours.
    pub(crate) fn refresh_turn(&mut self, conversation: &Conversation, view: &GroupView) -> bool {
        if conversation.kind != ConversationKind::Group || view.members.len() <= schedule::SMALL_GROUP {
            return true;
        }
        let due = conversation.refreshed_at.after(self.turn(&view.members));
        if due > self.now {
            self.session.attend_at(conversation.id, due);
        }
        due <= self.now
    }

    /// Looks after an active group.
    pub(crate) fn tend_group(&mut self, conversation: &Conversation, view: &GroupView) -> Result<(), Stop> {
        let charter = view.extension.charter().cloned();
        let charter = charter.ok_or(StepError::Bug("a group without a charter"))?;
        self.check_group_info(conversation)?;
        let need = self.group_need(conversation, view, &charter)?;
        let blocked = matches!(need, Need::Remove(_));
        if !self.has_pending(view)? {
            self.meet_need(conversation, view, need)?;
        }
        if blocked || conversation.state != ConversationState::Active {
            Ok(())
        } else {
            self.compose(conversation, view)
        }
    }
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

const fn stored(role: Role) -> member::Role {
    match role {
        Role::Member => member::Role::Member,
        Role::Admin => member::Role::Admin,
        Role::Owner => member::Role::Owner,
        Role::Leaving => member::Role::Leaving,
    }
}

const fn told(role: Role) -> GroupRole {
    match role {
        Role::Owner => GroupRole::Owner,
        Role::Admin => GroupRole::Admin,
        Role::Member | Role::Leaving => GroupRole::Member,
    }
}

const fn who(who: Who) -> group_facts::Who {
    match who {
        Who::Everybody => group_facts::Who::Everybody,
        Who::Admins => group_facts::Who::Admins,
    }
}
