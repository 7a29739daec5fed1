//! Asking to be let into a group by its link.

use std::time::Duration;

use hushwire_client_store::StoreError;
use hushwire_engine::{
    Command, GroupChange, GroupRole, Notice, Outcome, Refusal, Setting, is_accepted, join_asks,
};
use hushwire_identity::LinkSecret;
use hushwire_types::{AccountId, ConversationId};

use crate::world::World;

const ALICE: usize = 0;
const BOB: usize = 1;
const CAROL: usize = 2;
const MINUTE: Duration = Duration::from_secs(60);

const SECRET: [u8; 16] = [5; 16];

impl World {
    fn asks(&mut self, index: usize, id: ConversationId) -> Vec<AccountId> {
        let db = self.clients[index].db.as_mut().unwrap();
        db.read(|view| join_asks(view, &id)).unwrap()
    }

    fn link_of(&mut self, index: usize, id: ConversationId) -> Option<LinkSecret> {
        let db = self.clients[index].db.as_mut().unwrap();
        db.read(|view| hushwire_engine::group_link(view, &id)).unwrap()
    }

    fn ask_to_join(&mut self, index: usize, of: usize, id: ConversationId, secret: [u8; 16]) -> Outcome {
        let account = self.account(of);
        self.find(index, self.clients[of].name);
        let secret = LinkSecret::new(secret);
        let outcome = self.outcome(index, Command::AskToJoin { account, conversation: id, secret });
        self.pass(MINUTE);
        outcome
    }
}

/// Alice owns the group, bob is its admin, carol is outside of it and shy of strangers.
fn linked() -> (World, ConversationId) {
    let mut world = World::with(&["alice", "bob"]);
    world.join_shy("carol");
    let id = world.make_group(ALICE, "Choir", &["bob"]);
    let account = world.account(BOB);
    world.change(ALICE, id, GroupChange::Role { account, role: GroupRole::Admin });
    world.change(ALICE, id, GroupChange::Link { secret: LinkSecret::new(SECRET) });
    world.pass(MINUTE);
    (world, id)
}

#[test]
fn whoever_asks_by_the_link_is_let_in_by_any_admin() {
    let (mut world, id) = linked();
    assert_eq!(world.link_of(BOB, id), Some(LinkSecret::new(SECRET)), "every member can hand it on");
    assert_eq!(world.ask_to_join(CAROL, ALICE, id, SECRET), Outcome::Done);
    let carol = world.account(CAROL);
    for index in [ALICE, BOB] {
        assert_eq!(world.asks(index, id), [carol], "device {index}");
        let told = world.notices(index);
        let told = told.iter().filter(|notice| **notice == Notice::AsksToJoin { account: carol });
        assert_eq!(told.count(), 1);
    }
    assert!(world.conversations(CAROL).iter().all(|row| row.id != id), "nobody is in by the link alone");
    world.change(BOB, id, GroupChange::Add { account: carol });
    world.pass(MINUTE);
    for index in [ALICE, BOB] {
        assert_eq!(world.asks(index, id), []);
    }
    world.say(ALICE, id, "welcome");
    world.pass(MINUTE);
    assert!(world.texts(CAROL).contains(&("alice", "welcome".to_owned())));
    let row = world.conversations(CAROL).into_iter().find(|row| row.id == id).unwrap();
    let db = world.clients[CAROL].db.as_mut().unwrap();
    let accepted = db.read::<_, StoreError>(|view| is_accepted(view, carol, &row)).unwrap();
    assert!(accepted, "who asked for it is in it on purpose");
    assert_eq!(world.ask_to_join(CAROL, ALICE, id, SECRET), Outcome::Refused(Refusal::InGroup));
}

#[test]
fn an_ask_that_is_not_by_the_link_is_nothing() {
    let (mut world, id) = linked();
    world.ask_to_join(CAROL, ALICE, id, [6; 16]);
    assert_eq!(world.asks(ALICE, id), []);
    world.change(BOB, id, GroupChange::Unlink);
    world.pass(MINUTE);
    world.ask_to_join(CAROL, ALICE, id, SECRET);
    for index in [ALICE, BOB] {
        assert_eq!(world.asks(index, id), [], "an admin ended the link");
        assert_eq!(world.link_of(index, id), None);
        assert!(!world.notices(index).iter().any(|notice| matches!(notice, Notice::AsksToJoin { .. })));
    }
}

#[test]
fn who_is_not_let_in_or_is_blocked_asks_in_vain() {
    let (mut world, id) = linked();
    let carol = world.account(CAROL);
    let refuse = Command::RefuseAsk { conversation: id, account: carol };
    assert_eq!(world.outcome(ALICE, refuse.clone()), Outcome::Refused(Refusal::HasNotAsked));
    world.ask_to_join(CAROL, ALICE, id, SECRET);
    assert_eq!(world.outcome(ALICE, refuse), Outcome::Done);
    world.ask_to_join(CAROL, ALICE, id, SECRET);
    assert_eq!(world.asks(ALICE, id), [], "once is enough");
    assert_eq!(world.asks(BOB, id), [carol], "another admin may think otherwise");

    let (mut world, id) = linked();
    world.find(ALICE, "carol");
    world.outcome(ALICE, Command::Set(Setting::Blocked { account: world.account(CAROL), on: true }));
    world.ask_to_join(CAROL, ALICE, id, SECRET);
    assert_eq!(world.asks(ALICE, id), []);
}

#[test]
fn a_plain_member_neither_makes_a_link_nor_asks_for_others() {
    let mut world = World::with(&["alice", "bob"]);
    world.join_shy("carol");
    let id = world.make_group(ALICE, "Choir", &["bob"]);
    let link = GroupChange::Link { secret: LinkSecret::new(SECRET) };
    assert_eq!(world.change(BOB, id, link.clone()), Outcome::Refused(Refusal::NotAllowed));
    world.change(ALICE, id, link);
    world.pass(MINUTE);
    // Whom the link names is no admin.
    world.ask_to_join(CAROL, BOB, id, SECRET);
    for index in [ALICE, BOB] {
        assert_eq!(world.asks(index, id), []);
    }
}

#[test]
fn another_link_ends_the_one_before_and_what_was_asked_by_it() {
    let (mut world, id) = linked();
    world.ask_to_join(CAROL, ALICE, id, SECRET);
    assert_eq!(world.asks(ALICE, id).len(), 1);
    world.change(ALICE, id, GroupChange::Link { secret: LinkSecret::new([7; 16]) });
    world.pass(MINUTE);
    for index in [ALICE, BOB] {
        assert_eq!(world.asks(index, id), []);
        assert_eq!(world.link_of(index, id), Some(LinkSecret::new([7; 16])));
    }
    world.ask_to_join(CAROL, ALICE, id, SECRET);
    assert_eq!(world.asks(ALICE, id), []);
    world.ask_to_join(CAROL, ALICE, id, [7; 16]);
    assert_eq!(world.asks(ALICE, id).len(), 1);
}

#[test]
fn who_is_not_let_in_is_asked_about_on_no_device_of_that_person() {
    let (mut world, id) = linked();
    let laptop = world.link(ALICE);
    world.pass(5 * MINUTE);
    world.ask_to_join(CAROL, ALICE, id, SECRET);
    let carol = world.account(CAROL);
    for index in [ALICE, laptop, BOB] {
        assert_eq!(world.asks(index, id), [carol], "device {index}");
    }
    let refuse = Command::RefuseAsk { conversation: id, account: carol };
    assert_eq!(world.outcome(laptop, refuse.clone()), Outcome::Done);
    world.pass(MINUTE);
    for index in [ALICE, laptop] {
        assert_eq!(world.asks(index, id), [], "device {index}");
        assert_eq!(world.outcome(index, refuse.clone()), Outcome::Refused(Refusal::HasNotAsked));
    }
    assert_eq!(world.asks(BOB, id), [carol], "another admin may think otherwise");
    // A device that comes later, and so is told of it as somebody else asks again, does not begin anew.
    let tablet = world.link(ALICE);
    world.pass(5 * MINUTE);
    world.ask_to_join(CAROL, ALICE, id, SECRET);
    for index in [ALICE, laptop, tablet] {
        assert_eq!(world.asks(index, id), [], "device {index}");
    }
    // By another link it is another ask.
    world.change(BOB, id, GroupChange::Link { secret: LinkSecret::new([7; 16]) });
    world.pass(MINUTE);
    world.ask_to_join(CAROL, ALICE, id, [7; 16]);
    for index in [ALICE, laptop, tablet, BOB] {
        assert_eq!(world.asks(index, id), [carol], "device {index}");
    }
}
