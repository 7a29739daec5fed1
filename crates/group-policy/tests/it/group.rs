//! Groups: who may do what, by the charter before the Commit; the same for members and server.

use std::sync::Arc;

use hushwire_group_policy::{
    Amendment, Charter, GroupExtension, Kind, Permissions, PolicyError, Refusal, Role, Who, rules,
};
use hushwire_types::{AccountId, ConversationId};
use mls_rs::group::CommitOutput;

use crate::world::{Device, Group, Morals, World, account, add, follow, mls_now, receive, refusal, start};

const OWNER: u8 = 1;
const ADMIN: u8 = 2;
const MEMBER: u8 = 3;
const OTHER: u8 = 4;
const STRANGER: u8 = 9;

/// A group of four accounts with a device each, for the pure rules.
struct Roster {
    world: World,
    devices: Vec<Device>,
    extension: GroupExtension,
}

impl Roster {
    fn new() -> Self {
        let world = World::default();
        let devices = [OWNER, ADMIN, MEMBER, OTHER].map(|n| world.device(account(n))).into();
        let mut extension = GroupExtension::group(ConversationId::new([7; 32]), account(OWNER));
        amend(&mut extension, &[Amendment::Role(account(ADMIN), Role::Admin)]);
        Self { world, devices, extension }
    }

    fn with(amendments: &[Amendment]) -> Self {
        let mut roster = Self::new();
        amend(&mut roster.extension, amendments);
        roster
    }

    fn group(&self) -> rules::Group {
        let leaf = |(index, device): (usize, &Device)| rules::Leaf {
            index: u32::try_from(index).unwrap(),
            credential: device.credential,
        };
        rules::Group {
            extension: self.extension.clone(),
            leaves: self.devices.iter().enumerate().map(leaf).collect(),
        }
    }

    fn device(&self, number: u8) -> &Device {
        self.devices.iter().find(|device| device.credential.account == account(number)).unwrap()
    }

    /// A Commit of the account that adds these devices, removes the accounts' leaves, and amends the charter.
    fn judge(
        &self,
        by: u8,
        added: &[&Device],
        removed: &[u8],
        amendments: &[Amendment],
    ) -> Result<(), PolicyError> {
        let group = self.group();
        let removed: Vec<AccountId> = removed.iter().map(|n| account(*n)).collect();
        let mut next = self.extension.clone();
        amend(&mut next, amendments);
        if let Kind::Group(charter) = &mut next.kind {
            removed.iter().for_each(|account| charter.forget(*account));
        }
        let leaves = group.leaves.iter().filter(|leaf| removed.contains(&leaf.credential.account));
        let change = rules::Change {
            committer: rules::Committer::Member(self.device(by).credential),
            added: added.iter().map(|device| device.credential).collect(),
            removed: leaves.map(|leaf| leaf.index).collect(),
            extension: (next != self.extension).then_some(next),
        };
        rules::check(&group, &change, &self.devices[0].lists)
    }

    fn allows(&self, by: u8, added: &[&Device], removed: &[u8], amendments: &[Amendment]) -> bool {
        match self.judge(by, added, removed, amendments) {
            Ok(()) => true,
            Err(PolicyError::Refused(Refusal::NotAllowed(_))) => false,
            Err(other) => panic!("{other}"),
        }
    }
}

fn amend(extension: &mut GroupExtension, amendments: &[Amendment]) {
    let Kind::Group(charter) = &mut extension.kind else { panic!("no group") };
    amendments.iter().for_each(|amendment| charter.amend(amendment));
}

fn role(number: u8, role: Role) -> Amendment {
    Amendment::Role(account(number), role)
}

#[test]
fn who_may_add_accounts_is_a_permission() {
    let roster = Roster::new();
    let stranger = roster.world.device(account(STRANGER));
    let may = |roster: &Roster| [OWNER, ADMIN, MEMBER].map(|by| roster.allows(by, &[&stranger], &[], &[]));
    assert_eq!(may(&roster), [true, true, false]);
    let open = Permissions { add: Who::Everybody, ..Permissions::default() };
    let mut roster = roster;
    amend(&mut roster.extension, &[Amendment::Permissions(open)]);
    let stranger = roster.world.device(account(STRANGER));
    assert!(roster.allows(MEMBER, &[&stranger], &[], &[]));
}

#[test]
fn every_member_may_add_a_further_device_of_an_account_that_is_there() {
    let roster = Roster::new();
    let second = roster.world.device(account(OWNER));
    assert!(roster.allows(MEMBER, &[&second], &[], &[]));
}

#[test]
fn a_newcomer_has_no_office_unless_an_owner_gives_it() {
    let roster = Roster::new();
    let stranger = roster.world.device(account(STRANGER));
    let office = [role(STRANGER, Role::Admin)];
    assert_eq!([OWNER, ADMIN].map(|by| roster.allows(by, &[&stranger], &[], &office)), [true, false]);
}

#[test]
fn accounts_of_lower_rank_are_removed_by_admins_and_owners_alone() {
    let roster = Roster::new();
    let may = |by, whom| roster.allows(by, &[], &[whom], &[]);
    assert_eq!([OWNER, ADMIN, OTHER].map(|by| may(by, MEMBER)), [true, true, false]);
    assert_eq!([OWNER, MEMBER].map(|by| may(by, ADMIN)), [true, false]);
    assert!(!may(ADMIN, OWNER));
    let two = Roster::with(&[role(OTHER, Role::Owner)]);
    assert!(!two.allows(OWNER, &[], &[OTHER], &[]), "owners are equal");
}

#[test]
fn one_device_of_several_goes_by_its_account_or_who_is_in_charge() {
    let mut roster = Roster::new();
    roster.devices.push(roster.world.device(account(OTHER)));
    let may = |by: u8| {
        let change = rules::Change {
            committer: rules::Committer::Member(roster.device(by).credential),
            added: vec![],
            removed: vec![4],
            extension: None,
        };
        rules::check(&roster.group(), &change, &roster.devices[0].lists).is_ok()
    };
    assert_eq!([OWNER, ADMIN, MEMBER, OTHER].map(may), [true, true, false, true]);
}

#[test]
fn r3_any_member_removes_what_its_list_shows_as_revoked() {
    let roster = Roster::new();
    let lost = roster.device(OWNER).credential;
    let head = roster.world.book.revoke(lost.account, lost.device);
    let mut next = roster.extension.clone();
    next.floors.insert(lost.account, head);
    if let Kind::Group(charter) = &mut next.kind {
        charter.forget(lost.account);
    }
    let change = rules::Change {
        committer: rules::Committer::Member(roster.device(MEMBER).credential),
        added: vec![],
        removed: vec![0],
        extension: Some(next),
    };
    assert_eq!(rules::check(&roster.group(), &change, &roster.devices[0].lists), Ok(()));
}

#[test]
fn offices_are_an_owners_to_give_and_anybodys_to_lay_down() {
    let roster = Roster::new();
    let may = |by, amendment: Amendment| roster.allows(by, &[], &[], &[amendment]);
    assert_eq!([OWNER, ADMIN, MEMBER].map(|by| may(by, role(OTHER, Role::Admin))), [true, false, false]);
    assert!(may(OWNER, role(ADMIN, Role::Member)) && may(OWNER, role(ADMIN, Role::Owner)));
    assert!(may(ADMIN, role(ADMIN, Role::Member)) && !may(ADMIN, role(ADMIN, Role::Owner)));
    assert!(!may(OWNER, role(MEMBER, Role::Leaving)), "nobody leaves for somebody else");
    let two = Roster::with(&[role(OTHER, Role::Owner)]);
    assert!(!two.allows(OWNER, &[], &[], &[role(OTHER, Role::Member)]), "owners are equal");
}

#[test]
fn where_nobody_is_in_charge_somebody_takes_it() {
    let roster = Roster::with(&[role(OWNER, Role::Member), role(ADMIN, Role::Member)]);
    assert!(roster.allows(MEMBER, &[], &[], &[role(MEMBER, Role::Owner)]));
    let roster = Roster::with(&[role(OWNER, Role::Member)]);
    assert!(roster.allows(ADMIN, &[], &[], &[role(ADMIN, Role::Owner)]));
    assert!(!roster.allows(MEMBER, &[], &[], &[role(MEMBER, Role::Owner)]));
}

#[test]
fn everybody_may_leave_and_whoever_is_next_removes_them() {
    for who in [OWNER, ADMIN, MEMBER] {
        assert!(Roster::new().allows(who, &[], &[], &[role(who, Role::Leaving)]));
        let left = Roster::with(&[role(who, Role::Leaving)]);
        assert!(left.allows(OTHER, &[], &[who], &[]));
    }
}

#[test]
fn who_has_left_does_nothing_more_and_comes_back_only_as_a_newcomer() {
    let roster = Roster::with(&[role(ADMIN, Role::Leaving)]);
    let left = Err(Refusal::HasLeft(account(ADMIN)).into());
    assert_eq!(roster.judge(ADMIN, &[], &[], &[]), left);
    assert_eq!(roster.judge(ADMIN, &[], &[], &[role(ADMIN, Role::Admin)]), left);
    let second = roster.world.device(account(ADMIN));
    assert_eq!(roster.judge(OWNER, &[&second], &[], &[]), left);
    assert!(!roster.allows(OWNER, &[], &[], &[role(ADMIN, Role::Member)]), "nobody takes it back");
    let change = rules::Change {
        committer: rules::Committer::External(roster.device(ADMIN).credential),
        added: vec![],
        removed: vec![1],
        extension: None,
    };
    assert_eq!(rules::check(&roster.group(), &change, &roster.devices[0].lists), left);
}

#[test]
fn permissions_and_link_are_the_admins_and_details_whose_the_permission_says() {
    let roster = Roster::new();
    let closed = Permissions { details: Who::Admins, ..Permissions::default() };
    let by = [OWNER, ADMIN, MEMBER];
    let may = |roster: &Roster, amendment: &Amendment| {
        by.map(|by| roster.allows(by, &[], &[], std::slice::from_ref(amendment)))
    };
    assert_eq!(may(&roster, &Amendment::Permissions(closed)), [true, true, false]);
    assert_eq!(may(&roster, &Amendment::Link(Some([1; 32]))), [true, true, false]);
    let (details, timer) = (Amendment::Details(vec![1]), Amendment::Timer(60));
    assert_eq!(may(&roster, &details), [true; 3]);
    assert_eq!(may(&roster, &timer), [true; 3]);
    let roster = Roster::with(&[Amendment::Permissions(closed)]);
    assert_eq!(may(&roster, &details), [true, true, false]);
    assert_eq!(may(&roster, &timer), [true, true, false]);
}

#[test]
fn r5_details_do_not_change_with_a_removal() {
    let roster = Roster::new();
    let details = [Amendment::Details(vec![1])];
    assert_eq!(roster.judge(OWNER, &[], &[MEMBER], &details), Err(Refusal::DetailsWithRemoval.into()));
}

#[test]
fn a_role_never_stays_behind_without_a_leaf() {
    let roster = Roster::new();
    let change = rules::Change {
        committer: rules::Committer::Member(roster.device(OWNER).credential),
        added: vec![],
        removed: vec![1],
        extension: None,
    };
    let judged = rules::check(&roster.group(), &change, &roster.devices[0].lists);
    assert_eq!(judged, Err(Refusal::RoleWithoutLeaf.into()));
    assert_eq!(
        roster.judge(OWNER, &[], &[], &[role(STRANGER, Role::Admin)]),
        Err(Refusal::RoleWithoutLeaf.into())
    );
}

#[test]
fn a_group_has_a_most_of_leaves() {
    let roster = Roster::new();
    let mut group = roster.group();
    let one = group.leaves[3];
    group.leaves.extend((4..1_000).map(|index| rules::Leaf { index, ..one }));
    let stranger = roster.world.device(account(STRANGER));
    let mut change = rules::Change {
        committer: rules::Committer::Member(roster.device(OWNER).credential),
        added: vec![stranger.credential],
        removed: vec![],
        extension: None,
    };
    assert_eq!(rules::check(&group, &change, &stranger.lists), Err(Refusal::GroupFull.into()));
    change.removed = vec![500];
    assert_eq!(rules::check(&group, &change, &stranger.lists), Ok(()));
}

#[test]
fn a_group_does_not_become_a_direct_conversation() {
    let roster = Roster::new();
    let direct = GroupExtension::direct(account(OWNER), account(ADMIN), roster.extension.generation);
    let change = rules::Change {
        committer: rules::Committer::Member(roster.device(OWNER).credential),
        added: vec![],
        removed: vec![],
        extension: Some(direct),
    };
    let judged = rules::check(&roster.group(), &change, &roster.devices[0].lists);
    assert_eq!(judged, Err(Refusal::ExtensionChanged.into()));
}

// ------------------------------------------------------------------------------------------- through MLS

/// A group whose owner and admin are there, followed by the observer.
struct Live {
    world: World,
    owner: Device,
    group: Group,
    joined: Vec<(Device, Group)>,
    observer: hushwire_group_policy::Observer,
}

impl Live {
    fn new(morals: Morals, others: &[u8]) -> Self {
        let world = World::default();
        let owner = world.device_with(account(OWNER), morals);
        let devices: Vec<Device> = others.iter().map(|n| world.device(account(*n))).collect();
        let mut group = owner.create(&GroupExtension::group(ConversationId::new([7; 32]), account(OWNER)));
        let observer = start(&world, &group, owner.who()).unwrap();
        let output = add(&mut group, &devices.iter().collect::<Vec<_>>());
        let observer = follow(&observer, &output, owner.who()).unwrap().next;
        group.apply_pending_commit().unwrap();
        let joined = devices
            .into_iter()
            .map(|device| {
                let group = device.join(&output);
                (device, group)
            })
            .collect();
        Self { world, owner, group, joined, observer }
    }

    fn amended(&self, amendments: &[Amendment]) -> mls_rs::ExtensionList {
        let mut extension = self.observer.extension().clone();
        amend(&mut extension, amendments);
        extension.to_context().unwrap()
    }
}

#[test]
fn members_and_server_follow_a_change_of_the_charter() {
    let mut live = Live::new(Morals::Honest, &[ADMIN, MEMBER]);
    let extensions = live.amended(&[role(ADMIN, Role::Admin), Amendment::Timer(60)]);
    let builder = live.group.commit_builder().commit_time(mls_now().unwrap());
    let output = builder.set_group_context_ext(extensions).unwrap().build().unwrap();
    let next = follow(&live.observer, &output, live.owner.who()).unwrap().next;
    let charter: &Charter = next.extension().charter().unwrap();
    assert_eq!((charter.role(account(ADMIN)), charter.timer_secs), (Role::Admin, 60));
    for (_, group) in &mut live.joined {
        receive(group, &output.commit_message).unwrap();
        assert_eq!(GroupExtension::from_context(&group.context().extensions).unwrap(), *next.extension());
    }
}

#[test]
fn members_and_server_refuse_what_the_charter_does_not_allow() {
    // A lawless member adds a stranger, promotes itself, and removes the owner.
    let world = World::default();
    let owner = world.device(account(OWNER));
    let member = world.device_with(account(MEMBER), Morals::Lawless);
    let mut group = owner.create(&GroupExtension::group(ConversationId::new([7; 32]), account(OWNER)));
    let observer = start(&world, &group, owner.who()).unwrap();
    let output = add(&mut group, &[&member]);
    let observer = follow(&observer, &output, owner.who()).unwrap().next;
    group.apply_pending_commit().unwrap();
    let theirs = member.join(&output);

    let mut refused = |make: &dyn Fn(&mut Group) -> CommitOutput| {
        let output = make(&mut theirs.clone());
        let by_server = refusal(follow(&observer, &output, member.who()));
        let by_member = receive(&mut group, &output.commit_message).unwrap_err();
        assert_eq!(by_member, PolicyError::Refused(by_server.clone()));
        by_server
    };
    let stranger = world.device(account(STRANGER));
    assert_eq!(refused(&|group| add(group, &[&stranger])), Refusal::NotAllowed("add accounts"));
    let mut promoted = observer.extension().clone();
    amend(&mut promoted, &[role(MEMBER, Role::Owner)]);
    let promoted = promoted.to_context().unwrap();
    let promote = |group: &mut Group| {
        group.commit_builder().set_group_context_ext(promoted.clone()).unwrap().build().unwrap()
    };
    assert_eq!(refused(&promote), Refusal::NotAllowed("change this role"));
    let remove = |group: &mut Group| group.commit_builder().remove_member(0).unwrap().build().unwrap();
    assert_eq!(refused(&remove), Refusal::NotAllowed("remove this account"));
}

#[test]
fn a_new_group_is_its_creators_alone() {
    let live = Live::new(Morals::Honest, &[MEMBER]);
    let creator = live.world.device(account(STRANGER));
    for foreign in [GroupExtension::group(ConversationId::new([8; 32]), account(OWNER)), {
        let mut extension = GroupExtension::group(ConversationId::new([8; 32]), account(STRANGER));
        amend(&mut extension, &[role(OWNER, Role::Admin)]);
        extension
    }] {
        let group = creator.create(&foreign);
        assert_eq!(
            start(&live.world, &group, creator.who()).err().map(|error| error.to_string()),
            Some(Refusal::NotANewGroup.to_string())
        );
    }
}

#[test]
fn the_lists_of_a_roster_are_shared() {
    // The pure rules and the devices ask the same book, else the tests above would prove nothing.
    let roster = Roster::new();
    assert!(Arc::strong_count(&roster.world.book) > roster.devices.len());
}
