//! Messages that disappear, polls, pins, cards, mentions, messages sent on, profiles.

use std::time::Duration;

use hushwire_client_store::about::Aspect;
use hushwire_client_store::timeline::Entry;
use hushwire_client_store::{StoreError, about, account, expiry};
use hushwire_content::{Encoded, Kind, Pin, Poll, Text, Vote};
use hushwire_engine::{
    Command, GroupChange, GroupWho, MessageRef, Notice, Outcome, Recipient, Refusal, Setting,
};
use hushwire_types::ConversationId;

use crate::about::{says, talk};
use crate::world::World;

const ALICE: usize = 0;
const BOB: usize = 1;
const DAY: Duration = Duration::from_secs(86_400);

impl World {
    /// The newest thing that people see in any conversation of a device.
    fn last(&mut self, index: usize) -> (MessageRef, Entry) {
        let rows = self.timeline(index);
        let entry = rows.into_iter().rfind(|row| kind_of(row).is_some()).unwrap();
        let NewRef { conversation, account, content } = NewRef::of(&entry);
        (MessageRef { conversation, account, content }, entry)
    }

    fn calls(&mut self, index: usize, id: ConversationId) -> u64 {
        let db = self.clients[index].db.as_mut().unwrap();
        db.read::<_, StoreError>(|view| about::unread_calls(view, &id)).unwrap()
    }

    fn timers(&mut self, index: usize) -> Vec<u32> {
        let timers = self.notices(index).into_iter().filter_map(|notice| match notice {
            Notice::TimerSet { secs, .. } => Some(secs),
            _ => None,
        });
        timers.collect()
    }
}

struct NewRef {
    conversation: ConversationId,
    account: hushwire_types::AccountId,
    content: hushwire_types::ContentId,
}

impl NewRef {
    fn of(entry: &Entry) -> Self {
        let row = &entry.entry;
        Self { conversation: row.conversation, account: row.account, content: row.content_id }
    }
}

fn kind_of(row: &Entry) -> Option<Kind> {
    Encoded::from_row(row.entry.content.clone()).decode().ok().map(|content| content.kind)
}

fn burn(conversation: ConversationId) -> Command {
    Command::Timer { conversation, lives_for_s: 3_600 }
}

#[test]
fn a_message_disappears_everywhere_once_it_was_read() {
    let (mut world, laptop, message) = talk();
    let id = message.conversation;
    world.does(ALICE, burn(id));
    world.pass(Duration::from_secs(60));
    for device in [ALICE, BOB, laptop] {
        assert_eq!(world.timers(device), [3_600]);
    }
    world.send(ALICE, "@bob", "the secret");
    let (secret, _) = {
        world.pass(Duration::from_secs(60));
        world.last(BOB)
    };
    world.does(laptop, Command::React { to: secret, emoji: "🔥".to_owned() });
    // Alice's own goes an hour after it was sent; bob's waits until he reads it, on any device.
    world.pass(DAY);
    assert_eq!((world.texts(ALICE).len(), world.texts(BOB).len(), world.texts(laptop).len()), (1, 2, 2));
    world.does(laptop, Command::Read { conversation: id, through: None });
    world.pass(Duration::from_secs(3_500));
    assert_eq!(world.texts(BOB).len(), 2);
    world.pass(Duration::from_secs(200));
    for device in [BOB, laptop] {
        // What came before the timer stays.
        let bodies: Vec<String> = world.texts(device).into_iter().map(|(_, body)| body).collect();
        assert_eq!(bodies, ["Are you coming?"]);
        assert_eq!(world.found(device, "secret"), 0);
        assert!(world.about(device, &secret, Aspect::Reaction).is_empty());
    }
}

#[test]
fn a_clock_that_is_set_back_keeps_nothing_longer() {
    let (mut world, laptop, message) = talk();
    let id = message.conversation;
    world.does(BOB, burn(id));
    world.send(ALICE, "@bob", "the secret");
    world.pass(Duration::from_secs(60));
    world.does(BOB, Command::Read { conversation: id, through: None });
    world.now = world.now.before(DAY * 365);
    world.restart(BOB);
    world.pass(Duration::from_secs(3_700));
    assert_eq!(world.texts(BOB).len(), 1);
    let _ = laptop;
}

#[test]
fn what_is_written_after_a_timer_lives_as_it_says_even_offline_and_killed() {
    let (mut world, _, message) = talk();
    let id = message.conversation;
    world.go_offline(ALICE);
    world.outcome(ALICE, burn(id));
    world.send(ALICE, "@bob", "written in a tunnel");
    world.restart(ALICE);
    world.go_online(ALICE);
    world.pass(Duration::from_secs(60));
    let (_, row) = world.last(BOB);
    let db = world.clients[BOB].db.as_mut().unwrap();
    let lives = db.read::<_, StoreError>(|view| expiry::of(view, row.row)).unwrap();
    assert_eq!(lives, Some((3_600, None)));
}

#[test]
fn a_group_has_its_timer_in_its_charter_and_who_may_not_change_it_cannot() {
    let mut world = World::with(&["alice", "bob"]);
    let id = world.make_group(ALICE, "Secrets", &["bob"]);
    let only_admins = GroupWho::Admins;
    let change =
        GroupChange::Permissions { add: only_admins, details: only_admins, write: GroupWho::Everybody };
    world.change(ALICE, id, change);
    world.pass(Duration::from_secs(120));
    assert_eq!(world.outcome(BOB, burn(id)), Outcome::Refused(Refusal::NotAllowed));
    assert!(matches!(world.outcome(ALICE, burn(id)), Outcome::Wished { .. }));
    world.pass(Duration::from_secs(120));
    // A timer by message is none in a group.
    says(&mut world, BOB, id, Kind::Timer(0));
    world.pass(Duration::from_secs(120));
    world.say(BOB, id, "burns");
    world.pass(Duration::from_secs(60));
    world.does(ALICE, Command::Read { conversation: id, through: None });
    assert_eq!((world.texts(ALICE).len(), world.timers(BOB)), (1, vec![3_600]));
    world.pass(Duration::from_secs(3_700));
    assert_eq!((world.texts(ALICE).len(), world.texts(BOB).len()), (0, 0));
}

fn poll(multiple: bool) -> Poll {
    let options = ["Pizza", "Pasta"].map(str::to_owned).to_vec();
    Poll { question: "What shall we eat?".to_owned(), options, multiple }
}

fn votes(world: &mut World, index: usize, poll: &MessageRef) -> Vec<Vec<u32>> {
    let votes = world.about(index, poll, Aspect::Vote).into_iter().filter_map(|kind| match kind {
        Kind::Vote(vote) => Some(vote.choices),
        _ => None,
    });
    votes.collect()
}

#[test]
fn a_poll_is_asked_voted_in_and_closed() {
    let (mut world, laptop, message) = talk();
    let conversation = message.conversation;
    let asked = world.outcome(ALICE, Command::Poll { conversation, poll: poll(false) });
    assert!(matches!(asked, Outcome::Queued { .. }), "{asked:?}");
    world.pass(Duration::from_secs(60));
    let (poll, _) = world.last(BOB);
    assert_eq!(world.found(laptop, "pizza"), 1);
    world.does(BOB, Command::Vote { poll, choices: vec![0] });
    world.does(laptop, Command::Vote { poll, choices: vec![1] });
    world.pass(Duration::from_secs(60));
    for device in [ALICE, BOB, laptop] {
        assert_eq!(votes(&mut world, device, &poll), [vec![0], vec![1]]);
    }
    for choices in [vec![2], vec![0, 1]] {
        assert_eq!(world.outcome(BOB, Command::Vote { poll, choices }), Outcome::Refused(Refusal::BadVote));
    }
    assert_eq!(world.outcome(BOB, Command::ClosePoll { poll }), Outcome::Refused(Refusal::NotYours));
    world.does(ALICE, Command::ClosePoll { poll });
    world.pass(Duration::from_secs(60));
    let late = Command::Vote { poll, choices: vec![0] };
    assert_eq!(world.outcome(BOB, late), Outcome::Refused(Refusal::BadVote));
    // Somebody else's message is no poll, and a vote of a stranger's closes nothing.
    let no_poll = Command::Vote { poll: message, choices: vec![0] };
    assert_eq!(world.outcome(BOB, no_poll), Outcome::Refused(Refusal::BadVote));
    let same = Poll { options: vec!["a".to_owned(), "a".to_owned()], ..self::poll(true) };
    assert_eq!(
        world.outcome(ALICE, Command::Poll { conversation, poll: same }),
        Outcome::Refused(Refusal::BadPoll)
    );
}

#[test]
fn only_who_may_rename_a_group_pins_in_it() {
    let mut world = World::with(&["alice", "bob"]);
    let id = world.make_group(ALICE, "News", &["bob"]);
    let (admins, all) = (GroupWho::Admins, GroupWho::Everybody);
    world.change(ALICE, id, GroupChange::Permissions { add: admins, details: admins, write: all });
    world.pass(Duration::from_secs(120));
    world.say(BOB, id, "look here");
    world.pass(Duration::from_secs(60));
    let (message, _) = world.last(ALICE);
    assert_eq!(world.outcome(BOB, Command::Pin { message, on: true }), Outcome::Refused(Refusal::NotAllowed));
    let target = hushwire_content::Target { account: message.account, content_id: message.content };
    says(&mut world, BOB, id, Kind::Pin(Pin { target, unpinned: false }));
    world.pass(Duration::from_secs(60));
    assert!(world.about(ALICE, &message, Aspect::Pin).is_empty(), "a device that keeps no rule pins nothing");
    world.does(ALICE, Command::Pin { message, on: true });
    world.pass(Duration::from_secs(60));
    assert_eq!(world.about(BOB, &message, Aspect::Pin), [Kind::Pin(Pin { target, unpinned: false })]);
}

#[test]
fn a_text_calls_whom_it_names_and_whom_it_answers() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    let id = world.make_group(ALICE, "Friends", &["bob", "carol"]);
    world.say(ALICE, id, "Shall we, @bob? (@nobody, bob@example.org)");
    world.pass(Duration::from_secs(60));
    let (message, row) = world.last(BOB);
    let bob = world.account(BOB);
    assert!(matches!(kind_of(&row), Some(Kind::Text(Text { mentions, .. })) if mentions == [bob]));
    assert_eq!((world.calls(BOB, id), world.calls(2, id), world.unread(2, id)), (1, 0, 1));
    world.outcome(2, Command::Reply { to: message, text: "yes".to_owned(), key: None });
    world.pass(Duration::from_secs(60));
    assert_eq!((world.calls(ALICE, id), world.calls(BOB, id)), (1, 1));
    world.does(BOB, Command::Read { conversation: id, through: None });
    assert_eq!(world.calls(BOB, id), 0);
}

#[test]
fn a_text_goes_on_as_one_that_was_written_elsewhere_and_a_card_introduces_somebody() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    world.send(BOB, "@alice", "my number is 7");
    world.pass(Duration::from_secs(60));
    let (message, _) = world.last(ALICE);
    let carol = world.find(ALICE, "carol");
    let to = Recipient::Account(carol);
    assert!(matches!(
        world.outcome(ALICE, Command::Forward { message, to, key: None }),
        Outcome::Queued { .. }
    ));
    world.pass(Duration::from_secs(60));
    let (forwarded, row) = world.last(2);
    assert!(
        matches!(kind_of(&row), Some(Kind::Text(text)) if text.forwarded && text.body == "my number is 7")
    );
    let bob = world.account(BOB);
    world.outcome(ALICE, Command::Card { conversation: forwarded.conversation, account: bob });
    world.pass(Duration::from_secs(60));
    let (_, row) = world.last(2);
    assert!(matches!(kind_of(&row), Some(Kind::Card(card)) if card.account == bob && card.handle == "@bob"));
}

#[test]
fn what_an_account_says_of_itself_reaches_those_it_talks_with_and_nobody_else() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    world.make_group(ALICE, "Room", &["bob", "carol"]);
    world.send(ALICE, "@bob", "hello");
    world.pass(Duration::from_secs(120));
    let says = |name: &str| Setting::Profile { name: name.to_owned(), about: "on a boat".to_owned() };
    world.does(ALICE, Command::Set(says("Alice A.")));
    world.send(ALICE, "@bob", "news of me");
    world.pass(Duration::from_secs(120));
    let alice = world.account(ALICE);
    let mut known = |index: usize| {
        let db = world.clients[index].db.as_mut().unwrap();
        db.read::<_, StoreError>(|view| account::find(view, &alice)).unwrap().unwrap().says
    };
    assert_eq!((&*known(BOB).name, &*known(BOB).about), ("Alice A.", "on a boat"));
    assert_eq!(known(2), account::Says::default());
    world.does(ALICE, Command::Set(says("Al")));
    world.pass(Duration::from_secs(120));
    let db = world.clients[BOB].db.as_mut().unwrap();
    let known = db.read::<_, StoreError>(|view| account::find(view, &alice)).unwrap().unwrap();
    assert_eq!(known.says.name, "Al");
}

#[test]
fn a_vote_of_anybody_but_the_author_closes_nothing() {
    let (mut world, _, message) = talk();
    let conversation = message.conversation;
    world.outcome(ALICE, Command::Poll { conversation, poll: poll(true) });
    world.pass(Duration::from_secs(60));
    let (poll, _) = world.last(BOB);
    let target = hushwire_content::Target { account: poll.account, content_id: poll.content };
    says(&mut world, BOB, conversation, Kind::Vote(Vote { target, choices: vec![0], closes: true }));
    world.pass(Duration::from_secs(60));
    world.does(ALICE, Command::Vote { poll, choices: vec![0, 1] });
}
