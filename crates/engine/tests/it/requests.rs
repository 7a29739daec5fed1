//! Strangers wait until they are accepted; who is blocked is not heard.

use std::time::Duration;

use hushwire_client_store::StoreError;
use hushwire_client_store::conversation::ConversationState;
use hushwire_engine::{Command, GroupChange, Outcome, Refusal, Setting, is_accepted};
use hushwire_types::ConversationId;

use crate::world::World;

const ALICE: usize = 0;
const BOB: usize = 1;

/// Alice, who has written to bob, who lets strangers wait.
fn request() -> (World, ConversationId) {
    let mut world = World::with(&["alice"]);
    world.join_shy("bob");
    world.send(ALICE, "@bob", "do you know me?");
    world.pass(Duration::from_secs(120));
    let conversation = world.conversations(BOB)[0].id;
    (world, conversation)
}

impl World {
    fn accepts(&mut self, index: usize, id: ConversationId) -> bool {
        let me = self.account(index);
        let conversation = self.conversations(index).into_iter().find(|row| row.id == id).unwrap();
        let db = self.clients[index].db.as_mut().unwrap();
        db.read::<_, StoreError>(|view| is_accepted(view, me, &conversation)).unwrap()
    }

    fn epoch_of(&mut self, index: usize, id: ConversationId) -> u64 {
        self.fetch_group(index, id).epoch.0
    }
}

#[test]
fn a_stranger_is_read_but_hears_nothing_until_accepted() {
    let (mut world, id) = request();
    assert_eq!(world.texts(BOB).len(), 1);
    assert!(!world.accepts(BOB, id));
    world.does(BOB, Command::Read { conversation: id, through: None });
    world.does(BOB, Command::Typing { conversation: id, stopped: false });
    world.pass(Duration::from_secs(86_400));
    // No receipt, no sign of writing, no fresh leaf.
    assert_eq!((world.count(ALICE, "delivered"), world.count(ALICE, "read_by")), (0, 0));
    assert_eq!((world.typed.len(), world.epoch_of(BOB, id)), (0, 1));
    assert_eq!(world.unread(BOB, id), 0);

    world.does(BOB, Command::Accept { conversation: id });
    world.pass(Duration::from_secs(120));
    assert!(world.accepts(BOB, id));
    assert_eq!(world.count(ALICE, "delivered"), 1);
    assert!(world.epoch_of(BOB, id) > 1, "a fresh leaf");
}

#[test]
fn to_answer_is_to_accept() {
    let (mut world, id) = request();
    world.send(BOB, "@alice", "of course");
    world.pass(Duration::from_secs(120));
    assert!(world.accepts(BOB, id) && world.accepts(ALICE, id));
    assert_eq!(world.count(ALICE, "delivered"), 1);
}

#[test]
fn what_is_declined_goes_without_a_word_and_more_may_come() {
    let (mut world, id) = request();
    world.does(BOB, Command::Decline { conversation: id });
    assert_eq!((world.texts(BOB).len(), world.found(BOB, "know")), (0, 0));
    world.send(ALICE, "@bob", "hello?");
    world.pass(Duration::from_secs(120));
    assert_eq!(world.texts(BOB).len(), 1);
    assert_eq!(world.count(ALICE, "delivered"), 0);
    world.does(BOB, Command::Accept { conversation: id });
    assert_eq!(
        world.outcome(BOB, Command::Decline { conversation: id }),
        Outcome::Refused(Refusal::NoRequest)
    );
}

#[test]
fn of_a_blocked_account_nothing_is_taken_and_nothing_goes_to_it() {
    let (mut world, id) = request();
    let alice = world.account(ALICE);
    world.does(BOB, Command::Set(Setting::Blocked { account: alice, on: true }));
    world.send(ALICE, "@bob", "and now?");
    world.does(ALICE, Command::Typing { conversation: id, stopped: false });
    world.pass(Duration::from_secs(120));
    assert_eq!((world.texts(BOB).len(), world.typed.len()), (1, 0));
    let answer = world.send(BOB, "@alice", "no");
    world.pass(Duration::from_secs(5));
    assert_eq!(world.client(BOB).outcomes[&answer], Outcome::Refused(Refusal::Blocked));
    // What comes after it is unblocked comes in, and only that.
    world.does(BOB, Command::Set(Setting::Blocked { account: alice, on: false }));
    world.send(ALICE, "@bob", "friends again");
    world.pass(Duration::from_secs(120));
    let bodies: Vec<String> = world.texts(BOB).into_iter().map(|(_, body)| body).collect();
    assert_eq!(bodies, ["do you know me?", "friends again"]);
}

#[test]
fn a_stranger_adds_nobody_to_a_group_silently() {
    let mut world = World::with(&["alice"]);
    world.join_shy("bob");
    let id = world.make_group(ALICE, "Bargains", &["bob"]);
    world.say(ALICE, id, "buy now");
    world.pass(Duration::from_secs(120));
    assert!(!world.accepts(BOB, id));
    world.does(BOB, Command::Read { conversation: id, through: None });
    world.pass(Duration::from_secs(120));
    assert_eq!(world.count(ALICE, "read_by"), 0);
    let left = world.outcome(BOB, Command::Decline { conversation: id });
    assert!(matches!(left, Outcome::Wished { .. }), "{left:?}");
    world.pass(Duration::from_secs(120));
    assert_eq!((world.state(BOB, id), world.texts(BOB).len()), (ConversationState::Closed, 0));
}

#[test]
fn a_friend_does_and_a_blocked_account_is_left_at_once() {
    let (mut world, _) = request();
    world.send(BOB, "@alice", "hello");
    world.pass(Duration::from_secs(120));
    let friends = world.make_group(ALICE, "Friends", &["bob"]);
    assert!(world.accepts(BOB, friends));
    let alice = world.account(ALICE);
    world.does(BOB, Command::Set(Setting::Blocked { account: alice, on: true }));
    let more = world.make_group(ALICE, "More", &["bob"]);
    world.pass(Duration::from_secs(120));
    assert_eq!(world.state(BOB, more), ConversationState::Closed);
    assert_eq!(world.state(BOB, friends), ConversationState::Active);
}

#[test]
fn who_may_not_write_in_a_group_is_not_heard_whatever_their_device_sends() {
    let mut world = World::with(&["alice", "bob"]);
    let id = world.make_group(ALICE, "News", &["bob"]);
    let change = GroupChange::Permissions {
        add: hushwire_engine::GroupWho::Admins,
        details: hushwire_engine::GroupWho::Admins,
        write: hushwire_engine::GroupWho::Admins,
    };
    world.change(ALICE, id, change);
    world.pass(Duration::from_secs(120));
    let spam = hushwire_content::Kind::Text(hushwire_content::Text::new("spam".to_owned()));
    crate::about::says(&mut world, BOB, id, spam);
    world.pass(Duration::from_secs(120));
    assert!(world.texts(ALICE).is_empty());
}
