//! Conversations of more than two accounts: made, changed, left; races and kills in between.

use std::collections::BTreeMap;
use std::time::Duration;

use hushwire_client_store::StoreError;
use hushwire_client_store::conversation::{ConversationKind, ConversationState};
use hushwire_client_store::group_facts;
use hushwire_client_store::member::{self, Role};
use hushwire_engine::{
    Command, Event, GroupChange, GroupRole, GroupWho, Notice, Outcome, Recipient, Refusal,
};
use hushwire_server_store::account::Suspension;
use hushwire_types::{AccountId, ConversationId};

use crate::world::{Line, World};

const ALICE: usize = 0;
const BOB: usize = 1;
const CAROL: usize = 2;
const DAVE: usize = 3;

impl World {
    pub fn find(&mut self, index: usize, name: &str) -> AccountId {
        match self.outcome(index, Command::LookUp { handle: format!("@{name}").parse().unwrap() }) {
            Outcome::Found { account, .. } => account,
            other => panic!("{other:?}"),
        }
    }

    pub fn make_group(&mut self, index: usize, name: &str, members: &[&str]) -> ConversationId {
        let members = members.iter().map(|name| self.find(index, name)).collect();
        let outcome = self.outcome(index, Command::CreateGroup { name: name.to_owned(), members });
        let Outcome::Begun { conversation } = outcome else { panic!("{outcome:?}") };
        self.pass(Duration::from_secs(120));
        conversation
    }

    pub fn change(&mut self, index: usize, conversation: ConversationId, change: GroupChange) -> Outcome {
        self.outcome(index, Command::ChangeGroup { conversation, change })
    }

    pub fn say(&mut self, index: usize, conversation: ConversationId, text: &str) -> Outcome {
        let to = Recipient::Conversation(conversation);
        self.outcome(index, Command::Send { to, text: text.to_owned(), key: None })
    }

    pub fn roles(&mut self, index: usize, id: ConversationId) -> BTreeMap<AccountId, Role> {
        let db = self.clients[index].db.as_mut().unwrap();
        db.read::<_, StoreError>(|view| member::of(view, &id)).unwrap().into_iter().collect()
    }

    pub fn name(&mut self, index: usize, id: ConversationId) -> Option<String> {
        let db = self.clients[index].db.as_mut().unwrap();
        db.read::<_, StoreError>(|view| group_facts::find(view, &id)).unwrap().and_then(|facts| facts.name)
    }

    pub fn state(&mut self, index: usize, id: ConversationId) -> ConversationState {
        self.conversations(index).into_iter().find(|row| row.id == id).unwrap().state
    }

    pub fn calm(&mut self) {
        for index in 0..self.clients.len() {
            assert_eq!(self.alerts(index), [], "{}", self.clients[index].name);
        }
    }
}

#[test]
fn who_joins_strangers_fetches_the_tree_once_more_when_it_knows_them_all() {
    let mut world = World::with(&["alice", "bob", "carol", "dave", "erin"]);
    let group = world.make_group(ALICE, "Trip", &["bob", "carol", "dave", "erin"]);
    for index in [BOB, CAROL, DAVE] {
        assert_eq!(world.state(index, group), ConversationState::Active);
        assert_eq!(world.clients[index].trees, 2, "{}", world.clients[index].name);
    }
    world.calm();
}

#[test]
fn the_first_message_of_a_group_is_on_all_devices_of_its_creator() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    let laptop = world.link(ALICE);
    world.pass(Duration::from_secs(5));
    let members = vec![world.find(ALICE, "bob"), world.find(ALICE, "carol")];
    let outcome = world.outcome(ALICE, Command::CreateGroup { name: "Trip".to_owned(), members });
    let Outcome::Begun { conversation } = outcome else { panic!("{outcome:?}") };
    world.say(ALICE, conversation, "hello all");
    world.pass(Duration::from_secs(60));
    for index in [laptop, BOB, CAROL] {
        assert_eq!(world.texts(index), [("alice", "hello all".to_owned())], "device {index}");
    }
}

pub fn room(names: &[&'static str], members: &[&str]) -> (World, ConversationId) {
    let mut world = World::with(names);
    let id = world.make_group(ALICE, "Choir", members);
    (world, id)
}

fn said(text: &str, by: &'static str) -> (&'static str, String) {
    (by, text.to_owned())
}

#[test]
fn a_group_is_made_and_everybody_reads_everybody() {
    let (mut world, id) = room(&["alice", "bob", "carol"], &["bob", "carol"]);
    for (index, text) in [(ALICE, "one"), (BOB, "two"), (CAROL, "three")] {
        assert!(matches!(world.say(index, id, text), Outcome::Queued { .. }));
        world.pass(Duration::from_secs(5));
    }
    let all = [said("one", "alice"), said("two", "bob"), said("three", "carol")];
    for index in [ALICE, BOB, CAROL] {
        assert_eq!(world.texts(index), all);
        assert_eq!(world.name(index, id).as_deref(), Some("Choir"));
        let row = world.conversations(index).into_iter().find(|row| row.id == id).unwrap();
        assert_eq!((row.kind, row.state), (ConversationKind::Group, ConversationState::Active));
        let roles = world.roles(index, id);
        assert_eq!(roles.len(), 3);
        assert_eq!(roles[&world.account(ALICE)], Role::Owner);
        assert_eq!(roles[&world.account(BOB)], Role::Member);
    }
    let by = world.account(ALICE);
    assert!(world.notices(BOB).contains(&Notice::YouWereAdded { by }));
    world.calm();
}

#[test]
fn texts_that_are_written_before_the_group_is_there_are_sent_into_it() {
    let mut world = World::with(&["alice", "bob"]);
    let members = vec![world.find(ALICE, "bob")];
    let outcome = world.outcome(ALICE, Command::CreateGroup { name: "x".to_owned(), members });
    let Outcome::Begun { conversation } = outcome else { panic!("{outcome:?}") };
    world.go_offline(ALICE);
    world.say(ALICE, conversation, "early");
    world.go_online(ALICE);
    world.pass(Duration::from_secs(60));
    assert_eq!(world.texts(BOB), [said("early", "alice")]);
}

#[test]
fn a_newcomer_reads_what_follows_and_nothing_from_before() {
    let (mut world, id) = room(&["alice", "bob", "carol"], &["bob"]);
    world.say(ALICE, id, "before");
    world.pass(Duration::from_secs(5));
    let account = world.find(ALICE, "carol");
    assert!(matches!(world.change(ALICE, id, GroupChange::Add { account }), Outcome::Wished { .. }));
    world.pass(Duration::from_secs(60));
    world.say(BOB, id, "after");
    world.pass(Duration::from_secs(5));
    assert_eq!(world.texts(CAROL), [said("after", "bob")]);
    let by = world.account(ALICE);
    assert!(world.notices(BOB).contains(&Notice::MemberAdded { account, by }));
    assert!(world.events(ALICE).iter().any(|event| matches!(event, Event::Wish { refused: None, .. })));
    world.calm();
}

#[test]
fn who_is_put_out_is_told_and_reads_nothing_more() {
    let (mut world, id) = room(&["alice", "bob", "carol"], &["bob", "carol"]);
    let account = world.account(CAROL);
    world.change(ALICE, id, GroupChange::Remove { account });
    world.pass(Duration::from_secs(60));
    world.say(BOB, id, "without carol");
    world.pass(Duration::from_secs(5));
    assert_eq!(world.texts(CAROL), []);
    assert_eq!(world.state(CAROL, id), ConversationState::Closed);
    let by = world.account(ALICE);
    assert!(world.notices(CAROL).contains(&Notice::YouWereRemoved { by }));
    assert!(world.notices(BOB).contains(&Notice::MemberRemoved { account, by }));
    assert_eq!(world.say(CAROL, id, "let me in"), Outcome::Refused(Refusal::NotInGroup));
    assert_eq!(world.roles(BOB, id).len(), 2);
    world.calm();

    // Let in again, it reads what follows.
    world.change(ALICE, id, GroupChange::Add { account });
    world.pass(Duration::from_secs(120));
    world.say(ALICE, id, "welcome back");
    world.pass(Duration::from_secs(5));
    assert_eq!(world.texts(CAROL), [said("welcome back", "alice")]);
    assert_eq!(world.state(CAROL, id), ConversationState::Active);
    world.calm();
}

#[test]
fn a_member_that_has_just_started_follows_who_is_added() {
    let (mut world, id) = room(&["alice", "bob", "carol"], &["bob", "carol"]);
    let account = world.account(CAROL);
    for change in [GroupChange::Remove { account }, GroupChange::Add { account }] {
        world.kill(BOB);
        world.change(ALICE, id, change);
        world.pass(Duration::from_secs(60));
        world.start(BOB);
        world.go_online(BOB);
        world.settle();
    }
    // At once: nothing that came with the login waits for anything else.
    assert_eq!(world.roles(BOB, id).len(), 3);
    world.say(BOB, id, "welcome back");
    world.pass(Duration::from_secs(5));
    assert_eq!(world.texts(CAROL), [said("welcome back", "bob")]);
    world.calm();
}

#[test]
fn who_leaves_is_out_at_once_and_removed_by_the_others() {
    let (mut world, id) = room(&["alice", "bob", "carol"], &["bob", "carol"]);
    assert!(matches!(world.change(CAROL, id, GroupChange::Leave), Outcome::Wished { .. }));
    world.pass(Duration::from_secs(120));
    assert_eq!(world.state(CAROL, id), ConversationState::Closed);
    assert!(world.notices(CAROL).contains(&Notice::YouLeft));
    assert!(world.events(CAROL).iter().any(|event| matches!(event, Event::Wish { refused: None, .. })));
    let account = world.account(CAROL);
    for index in [ALICE, BOB] {
        assert!(world.notices(index).contains(&Notice::MemberLeft { account }));
        assert_eq!(world.roles(index, id).len(), 2);
    }
    world.say(ALICE, id, "bye");
    world.pass(Duration::from_secs(5));
    assert_eq!(world.texts(BOB), [said("bye", "alice")]);
    assert_eq!(world.texts(CAROL), []);
    assert_eq!(world.conversations(ALICE)[0].known_epoch, world.conversations(BOB)[0].known_epoch);
    world.calm();
}

#[test]
fn nothing_is_encrypted_to_who_has_left() {
    let (mut world, id) = room(&["alice", "bob", "carol"], &["bob", "carol"]);
    world.change(CAROL, id, GroupChange::Leave);
    world.pass(Duration::from_millis(100));
    world.say(BOB, id, "at once");
    world.pass(Duration::from_secs(120));
    assert_eq!(world.texts(ALICE), [said("at once", "bob")]);
    assert_eq!(world.texts(CAROL), []);
    world.calm();
}

#[test]
fn the_owner_leaves_and_those_who_stay_are_in_charge() {
    let (mut world, id) = room(&["alice", "bob", "carol"], &["bob", "carol"]);
    world.change(ALICE, id, GroupChange::Leave);
    world.pass(Duration::from_secs(120));
    let account = world.account(BOB);
    world.change(BOB, id, GroupChange::Role { account, role: GroupRole::Owner });
    world.pass(Duration::from_secs(60));
    assert_eq!(world.roles(CAROL, id)[&account], Role::Owner);
    world.calm();
}

#[test]
fn roles_name_and_permissions_change_for_all() {
    let (mut world, id) = room(&["alice", "bob", "carol"], &["bob", "carol"]);
    let (alice, bob) = (world.account(ALICE), world.account(BOB));
    let permissions = GroupChange::Permissions {
        add: GroupWho::Everybody,
        details: GroupWho::Admins,
        write: GroupWho::Admins,
    };
    for change in [
        GroupChange::Role { account: bob, role: GroupRole::Admin },
        GroupChange::Name { name: "Evening choir".to_owned() },
        GroupChange::Describe { description: "Tuesdays".to_owned() },
        permissions,
    ] {
        assert!(matches!(world.change(ALICE, id, change), Outcome::Wished { .. }));
    }
    world.pass(Duration::from_secs(120));
    for index in [ALICE, BOB, CAROL] {
        assert_eq!(world.name(index, id).as_deref(), Some("Evening choir"));
        assert_eq!(world.roles(index, id)[&bob], Role::Admin);
        let notices = world.notices(index);
        for notice in [
            Notice::Named { name: "Evening choir".to_owned(), by: alice },
            Notice::Described { by: alice },
            Notice::PermissionsChanged { by: alice },
            Notice::RoleChanged { account: bob, role: GroupRole::Admin, by: alice },
        ] {
            assert!(notices.contains(&notice), "{notice:?}");
        }
    }
    assert_eq!(world.say(CAROL, id, "may I?"), Outcome::Refused(Refusal::MayNotWrite));
    let refused = world.change(CAROL, id, GroupChange::Name { name: "Mine".to_owned() });
    assert_eq!(refused, Outcome::Refused(Refusal::NotAllowed));
    assert!(matches!(world.say(BOB, id, "admins do"), Outcome::Queued { .. }));
    world.pass(Duration::from_secs(5));
    assert_eq!(world.texts(CAROL), [said("admins do", "bob")]);
    world.calm();
}

#[test]
fn changes_that_race_all_come_true() {
    let (mut world, id) = room(&["alice", "bob", "carol", "dave"], &["bob", "carol"]);
    let (bob, dave) = (world.account(BOB), world.find(ALICE, "dave"));
    // Both in the same epoch; one loses and is made again.
    world.command(
        ALICE,
        Command::ChangeGroup { conversation: id, change: GroupChange::Add { account: dave } },
    );
    world.command(
        BOB,
        Command::ChangeGroup { conversation: id, change: GroupChange::Name { name: "Band".to_owned() } },
    );
    world.command(
        ALICE,
        Command::ChangeGroup {
            conversation: id,
            change: GroupChange::Role { account: bob, role: GroupRole::Admin },
        },
    );
    world.pass(Duration::from_secs(300));
    for index in [ALICE, BOB, CAROL, DAVE] {
        assert_eq!(world.name(index, id).as_deref(), Some("Band"), "{index}");
        assert_eq!(world.roles(index, id).len(), 4);
        assert_eq!(world.roles(index, id)[&bob], Role::Admin);
    }
    world.calm();
}

#[test]
fn a_wish_survives_a_kill_at_every_step() {
    for kill_at in 0..12 {
        let (mut world, id) = room(&["alice", "bob", "carol"], &["bob"]);
        let account = world.find(ALICE, "carol");
        let steps = world.client(ALICE).steps;
        world.client(ALICE).kill_at = Some(steps + 2 + kill_at);
        world.command(ALICE, Command::ChangeGroup { conversation: id, change: GroupChange::Add { account } });
        world.pass(Duration::from_secs(30));
        world.client(ALICE).kill_at = None;
        if world.client(ALICE).engine.is_none() {
            world.start(ALICE);
            world.go_online(ALICE);
        }
        world.pass(Duration::from_secs(300));
        assert_eq!(world.roles(CAROL, id).len(), 3, "killed at {kill_at}");
        world.say(ALICE, id, "here");
        world.pass(Duration::from_secs(10));
        assert_eq!(world.texts(CAROL), [said("here", "alice")], "killed at {kill_at}");
        world.calm();
    }
}

#[test]
fn who_cannot_be_added_holds_nobody_up() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    let members = vec![world.find(ALICE, "bob"), world.find(ALICE, "carol")];
    let carol = world.account(CAROL);
    let now = world.now;
    let fenced = world.direct.service().set_suspended(carol, Suspension::Suspended, now).unwrap();
    world.direct.route(fenced, now);
    world.client(CAROL).connection = None;
    let outcome = world.outcome(ALICE, Command::CreateGroup { name: "x".to_owned(), members });
    let Outcome::Begun { conversation } = outcome else { panic!("{outcome:?}") };
    world.pass(Duration::from_secs(120));
    assert_eq!(world.roles(BOB, conversation).len(), 2);
    assert!(
        world
            .notices(ALICE)
            .iter()
            .any(|notice| matches!(notice, Notice::NotAdded { account, .. } if *account == carol))
    );
}

#[test]
fn all_devices_of_an_account_are_in_its_groups() {
    let (mut world, id) = room(&["alice", "bob"], &["bob"]);
    let laptop = world.link(BOB);
    world.pass(Duration::from_secs(300));
    world.say(ALICE, id, "to both");
    world.say(laptop, id, "from the laptop");
    world.pass(Duration::from_secs(30));
    for index in [BOB, laptop] {
        let mut texts = world.texts(index);
        texts.sort();
        assert_eq!(texts, [said("to both", "alice"), said("from the laptop", "bob")]);
        assert_eq!(world.name(index, id).as_deref(), Some("Choir"));
    }
}

#[test]
fn r3_a_revoked_device_is_removed_from_the_group() {
    let (mut world, id) = room(&["alice", "bob"], &["bob"]);
    let laptop = world.link(BOB);
    world.pass(Duration::from_secs(300));
    world.revoke(BOB, laptop);
    world.pass(Duration::from_secs(120));
    world.say(ALICE, id, "secret");
    world.pass(Duration::from_secs(60));
    assert_eq!(world.texts(BOB), [said("secret", "alice")]);
    assert!(!world.texts(laptop).iter().any(|(_, text)| text == "secret"));
}

#[test]
fn what_cannot_be_asked_for_is_refused_at_once() {
    let (mut world, id) = room(&["alice", "bob", "carol"], &["bob"]);
    let (alice, bob, carol) = (world.account(ALICE), world.account(BOB), world.find(BOB, "carol"));
    let mut refused = |index, change| match world.change(index, id, change) {
        Outcome::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(BOB, GroupChange::Add { account: carol }), Refusal::NotAllowed);
    assert_eq!(refused(BOB, GroupChange::Remove { account: alice }), Refusal::NotAllowed);
    assert_eq!(refused(ALICE, GroupChange::Add { account: bob }), Refusal::IsMember);
    assert_eq!(refused(ALICE, GroupChange::Name { name: " ".to_owned() }), Refusal::NoName);
    assert_eq!(refused(ALICE, GroupChange::Name { name: "x".repeat(65) }), Refusal::NameTooLong(64));
    let description = "x".repeat(501);
    assert_eq!(refused(ALICE, GroupChange::Describe { description }), Refusal::DescriptionTooLong(500));
    let role = GroupChange::Role { account: carol, role: GroupRole::Admin };
    assert!(matches!(refused(ALICE, role), Refusal::UnknownHere(_)));
}

#[test]
fn who_is_let_in_again_hears_everybody_who_went_on_talking_meanwhile() {
    let (mut world, id) = room(&["alice", "bob", "carol"], &["bob", "carol"]);
    world.say(BOB, id, "one");
    world.say(CAROL, id, "two");
    world.pass(Duration::from_secs(5));
    let account = world.account(CAROL);
    world.change(ALICE, id, GroupChange::Remove { account });
    world.pass(Duration::from_secs(60));
    world.say(BOB, id, "without carol");
    world.pass(Duration::from_secs(5));
    world.change(ALICE, id, GroupChange::Add { account });
    world.pass(Duration::from_secs(120));
    world.say(BOB, id, "three");
    world.pass(Duration::from_secs(5));
    assert!(matches!(world.say(CAROL, id, "four"), Outcome::Queued { .. }));
    world.pass(Duration::from_secs(5));
    let all = [said("one", "bob"), said("two", "carol"), said("three", "bob"), said("four", "carol")];
    assert_eq!(world.texts(CAROL), all);
    world.calm();
}

#[test]
fn what_was_accepted_before_its_author_was_put_out_is_not_told_as_failed() {
    let (mut world, id) = room(&["alice", "bob", "carol"], &["bob", "carol"]);
    world.client(CAROL).line = Line::Deaf;
    world.say(CAROL, id, "accepted, and the answer is lost");
    let account = world.account(CAROL);
    world.change(ALICE, id, GroupChange::Remove { account });
    world.pass(Duration::from_secs(60));
    world.client(CAROL).line = Line::Good;
    world.go_online(CAROL);
    world.pass(Duration::from_secs(60));
    assert_eq!(world.state(CAROL, id), ConversationState::Closed);
    for index in [BOB, CAROL] {
        assert_eq!(world.texts(index), [said("accepted, and the answer is lost", "carol")]);
    }
    assert_eq!((world.count(CAROL, "sent"), world.count(CAROL, "failed")), (1, 0));
}

#[test]
fn a_change_that_came_true_is_not_made_again_over_somebody_elses_later_one() {
    let (mut world, id) = room(&["alice", "bob"], &["bob"]);
    let account = world.account(BOB);
    world.change(ALICE, id, GroupChange::Role { account, role: GroupRole::Admin });
    world.pass(Duration::from_secs(60));
    world.client(ALICE).line = Line::Deaf;
    let hers = GroupChange::Name { name: "hers".to_owned() };
    world.command(ALICE, Command::ChangeGroup { conversation: id, change: hers });
    world.pass(Duration::from_secs(60));
    assert_eq!(world.name(BOB, id).as_deref(), Some("hers"));
    world.change(BOB, id, GroupChange::Name { name: "his".to_owned() });
    world.pass(Duration::from_secs(60));
    // Both changes reach her in one delivery.
    world.client(ALICE).line = Line::Good;
    world.go_online(ALICE);
    world.pass(Duration::from_secs(300));
    for index in [ALICE, BOB] {
        assert_eq!(world.name(index, id).as_deref(), Some("his"), "{index}");
    }
    world.calm();
}

#[test]
fn of_two_names_that_one_device_gives_the_later_one_lasts() {
    let (mut world, id) = room(&["alice", "bob"], &["bob"]);
    world.go_offline(ALICE);
    for name in ["first", "second"] {
        world.change(ALICE, id, GroupChange::Name { name: name.to_owned() });
    }
    world.go_online(ALICE);
    world.pass(Duration::from_secs(300));
    for index in [ALICE, BOB] {
        assert_eq!(world.name(index, id).as_deref(), Some("second"));
    }
}

#[test]
fn an_old_copy_enters_a_group_anew_whose_rules_have_changed_since() {
    let (mut world, id) = room(&["alice", "bob", "carol"], &["bob", "carol"]);
    let copy = world.back_up(CAROL);
    world.say(CAROL, id, "what the copy does not know");
    world.pass(Duration::from_secs(60));
    world.change(ALICE, id, GroupChange::Name { name: "another name".to_owned() });
    world.pass(Duration::from_secs(300));
    world.restore(CAROL, &copy);
    world.pass(Duration::from_secs(900));
    assert_eq!(world.state(CAROL, id), ConversationState::Active);
    // Its key was told in the group.
    for index in [ALICE, BOB, CAROL] {
        assert_eq!(world.name(index, id).as_deref(), Some("another name"));
    }
    world.say(ALICE, id, "welcome back");
    world.say(CAROL, id, "thank you");
    world.pass(Duration::from_secs(60));
    for (index, text) in [(CAROL, said("welcome back", "alice")), (ALICE, said("thank you", "carol"))] {
        assert!(world.texts(index).contains(&text), "{text:?}");
    }
}
