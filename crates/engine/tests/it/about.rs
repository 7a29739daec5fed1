//! What people do to messages: reply, react, put them otherwise, take them away, read them.

use std::time::Duration;

use hushwire_client_store::about::{self, About, Aspect, SeenBy};
use hushwire_client_store::timeline::{self, EntryState, Inserted, NewEntry};
use hushwire_client_store::{StoreError, search};
use hushwire_content::{Content, Encoded, Kind, SeenList, Target, Witness};
use hushwire_engine::{
    Command, Event, GroupChange, GroupRole, MessageRef, Outcome, Reach, Recipient, Refusal, Setting,
};
use hushwire_types::{ContentId, ConversationId, EntryHash, ListNumber};

use crate::world::World;

impl World {
    /// The message of this text, as a device has it.
    pub fn message(&mut self, index: usize, text: &str) -> MessageRef {
        let rows = self.timeline(index);
        let is_it = |row: &&timeline::Entry| {
            kind(row).is_some_and(|kind| matches!(kind, Kind::Text(it) if it.body == text))
        };
        let row = rows.iter().find(is_it).unwrap_or_else(|| panic!("no {text:?}"));
        let entry = &row.entry;
        MessageRef { conversation: entry.conversation, account: entry.account, content: entry.content_id }
    }

    pub fn about(&mut self, index: usize, message: &MessageRef, aspect: Aspect) -> Vec<Kind> {
        let about = About { account: message.account, content: message.content };
        let conversation = message.conversation;
        let db = self.clients[index].db.as_mut().unwrap();
        let rows = db.read::<_, StoreError>(|view| about::of(view, &conversation, &about, aspect)).unwrap();
        rows.iter().filter_map(kind).collect()
    }

    fn stands(&mut self, index: usize, message: &MessageRef) -> EntryState {
        self.row(index, message).entry.state
    }

    fn row(&mut self, index: usize, message: &MessageRef) -> timeline::Entry {
        let MessageRef { conversation, account, content } = *message;
        let db = self.clients[index].db.as_mut().unwrap();
        db.read::<_, StoreError>(|view| timeline::by_content(view, &conversation, &account, &content))
            .unwrap()
            .unwrap()
    }

    fn readers(&mut self, index: usize, message: &MessageRef) -> Vec<SeenBy> {
        let row = self.row(index, message).row;
        let db = self.clients[index].db.as_mut().unwrap();
        db.read::<_, StoreError>(|view| about::seen_by(view, row)).unwrap()
    }

    pub fn found(&mut self, index: usize, words: &str) -> usize {
        let db = self.clients[index].db.as_mut().unwrap();
        db.read::<_, StoreError>(|view| search::find(view, &search::Query::of(words, 10))).unwrap().len()
    }

    pub fn unread(&mut self, index: usize, conversation: ConversationId) -> u64 {
        let db = self.clients[index].db.as_mut().unwrap();
        db.read::<_, StoreError>(|view| about::unread(view, &conversation)).unwrap()
    }

    pub fn does(&mut self, index: usize, command: Command) {
        assert_eq!(self.outcome(index, command), Outcome::Done);
        self.pass(Duration::from_secs(5));
    }
}

fn kind(row: &timeline::Entry) -> Option<Kind> {
    Encoded::from_row(row.entry.content.clone()).decode().ok().map(|content| content.kind)
}

/// Alice, bob, and bob's laptop; bob has got a text.
pub fn talk() -> (World, usize, MessageRef) {
    let mut world = World::with(&["alice", "bob"]);
    let laptop = world.link(1);
    world.pass(Duration::from_secs(5));
    world.send(0, "@bob", "Are you coming?");
    world.pass(Duration::from_secs(60));
    let message = world.message(0, "Are you coming?");
    (world, laptop, message)
}

#[test]
fn a_reply_and_a_reaction_are_on_every_device() {
    let (mut world, laptop, message) = talk();
    let reply = Command::Reply { to: message, text: "Yes".to_owned(), key: None };
    assert!(matches!(world.outcome(1, reply), Outcome::Queued { .. }));
    world.does(1, Command::React { to: message, emoji: "👍".to_owned() });
    for index in [0, 1, laptop] {
        let yes = world.message(index, "Yes");
        let Some(Kind::Text(text)) = kind(&world.row(index, &yes)) else { panic!("no text") };
        let quote = text.quote.unwrap();
        assert_eq!(quote.target, Target { account: message.account, content_id: message.content });
        assert_eq!(quote.excerpt, "Are you coming?");
        let reactions = world.about(index, &message, Aspect::Reaction);
        assert!(
            matches!(&reactions[..], [Kind::Reaction(reaction)] if reaction.emoji == "👍"),
            "device {index}"
        );
    }
    // Another one, from another device, takes its place: the last one counts, and empty takes it back.
    for emoji in ["🎉", ""] {
        world.does(laptop, Command::React { to: message, emoji: emoji.to_owned() });
        let last = world.about(0, &message, Aspect::Reaction).pop();
        assert!(matches!(last, Some(Kind::Reaction(reaction)) if reaction.emoji == emoji));
    }
    let strange = Command::React { to: message, emoji: "two words".to_owned() };
    assert_eq!(world.outcome(0, strange), Outcome::Refused(Refusal::NoEmoji));
    assert_eq!(world.texts(0).len(), 2, "reactions are no rows that people see");
}

#[test]
fn an_edit_is_found_by_its_new_words_and_only_its_author_makes_one() {
    let (mut world, laptop, message) = talk();
    let edit = |text: &str| Command::Edit { message, text: text.to_owned() };
    assert_eq!(world.outcome(1, edit("mine")), Outcome::Refused(Refusal::NotYours));
    world.does(0, edit("Will you come tomorrow?"));
    world.does(0, edit("Will you come today?"));
    for index in [0, 1, laptop] {
        let edits = world.about(index, &message, Aspect::Edit);
        assert!(
            matches!(&edits[..], [Kind::Edit(_), Kind::Edit(last)] if last.body == "Will you come today?")
        );
        assert_eq!(
            (world.found(index, "today"), world.found(index, "coming"), world.found(index, "tomorrow")),
            (1, 0, 0)
        );
    }
    assert!(
        world
            .events(1)
            .iter()
            .any(|event| matches!(event, Event::Edited { content, .. } if *content == message.content))
    );
}

#[test]
fn what_is_deleted_for_everyone_is_gone_everywhere() {
    let (mut world, laptop, message) = talk();
    let edit = Command::Edit { message, text: "Are you going?".to_owned() };
    world.does(0, edit);
    world.does(1, Command::React { to: message, emoji: "👍".to_owned() });
    let delete = Command::Delete { message, reach: Reach::Everyone };
    assert_eq!(world.outcome(1, delete.clone()), Outcome::Refused(Refusal::NotYours));
    world.does(0, delete.clone());
    for index in [0, 1, laptop] {
        assert_eq!(world.stands(index, &message), EntryState::Deleted, "device {index}");
        assert_eq!(world.row(index, &message).entry.content, Vec::<u8>::new());
        assert_eq!((world.found(index, "coming"), world.found(index, "going")), (0, 0));
        assert!(world.about(index, &message, Aspect::Edit).is_empty());
        assert!(world.about(index, &message, Aspect::Reaction).is_empty());
    }
    assert_eq!(world.outcome(0, delete), Outcome::Refused(Refusal::UnknownHere("such message")));
    // What comes afterwards does not bring it back.
    let late = Command::React { to: message, emoji: "👍".to_owned() };
    assert_eq!(world.outcome(1, late), Outcome::Refused(Refusal::UnknownHere("such message")));
}

#[test]
fn what_was_written_before_the_index_is_found_by_its_last_words_though_killed_on_the_way() {
    let (mut world, _, message) = talk();
    world.does(0, Command::Edit { message, text: "Will you come tomorrow?".to_owned() });
    for n in 0..300 {
        world.send(0, "@bob", &format!("number {n} of many"));
    }
    world.pass(Duration::from_secs(60));
    world.kill(0);
    world.start(0);
    // As an older version leaves it: nothing is indexed.
    let db = world.clients[0].db.as_mut().unwrap();
    db.step::<_, StoreError>(|tx| {
        let rows = timeline::page(tx, &message.conversation, None, 1000)?;
        rows.iter().try_for_each(|entry| search::remove(tx, entry.row))?;
        search::set_unindexed_below(tx, Some(timeline::RowId(i64::MAX)))
    })
    .unwrap();
    assert_eq!(world.found(0, "number"), 0);
    world.restart(0);
    assert_eq!(world.found(0, "299"), 1, "the latest come first");
    world.restart(0);
    world.pass(Duration::from_secs(1));
    assert_eq!((world.found(0, "tomorrow"), world.found(0, "coming")), (1, 0));
    assert_eq!(["0", "150", "299"].map(|number| world.found(0, number)), [1, 1, 1]);
    let db = world.clients[0].db.as_mut().unwrap();
    assert_eq!(db.read(search::unindexed_below).unwrap(), None);
}

#[test]
fn what_is_deleted_for_oneself_is_gone_on_all_own_devices_and_stays_elsewhere() {
    let (mut world, laptop, message) = talk();
    world.does(1, Command::Delete { message, reach: Reach::Here });
    assert_eq!((world.texts(1).len(), world.texts(laptop).len(), world.texts(0).len()), (0, 0, 1));
    assert_eq!((world.found(1, "coming"), world.found(laptop, "coming")), (0, 0));
}

/// A device of mallory's that keeps no rule: its next message is this.
pub fn says(world: &mut World, index: usize, conversation: ConversationId, kind: Kind) {
    says_under(world, index, conversation, ContentId::new([0x66; 16]), kind);
}

/// The same, under an id that its author has chosen.
pub fn says_under(
    world: &mut World,
    index: usize,
    conversation: ConversationId,
    content_id: ContentId,
    kind: Kind,
) {
    let now = world.now;
    let list = SeenList { number: ListNumber(1), hash: EntryHash::new([0; 32]) };
    let witness = Witness { counter: 1, previous: None, list, transcript_hash: vec![0; 32], peer_list: None };
    let content =
        Content { content_id, sent_at: now, fallback: String::new(), witness, lives_for_s: 0, kind };
    let (account, device) = {
        let engine = world.clients[index].engine.as_ref().unwrap();
        (engine.account(), engine.device())
    };
    let entry = NewEntry {
        conversation,
        generation: hushwire_types::Generation(1),
        order: None,
        content_id,
        account,
        device,
        sent_at: now,
        accepted_at: None,
        content: content.encode().unwrap().as_slice().to_vec(),
        state: EntryState::Queued,
        client_key: None,
    };
    let db = world.clients[index].db.as_mut().unwrap();
    db.step::<_, StoreError>(|tx| {
        let Inserted::New(row) = timeline::insert(tx, &entry)? else { panic!("known") };
        about::hide(tx, row, Aspect::Delete, None)
    })
    .unwrap();
    world.restart(index);
    world.go_online(index);
    world.pass(Duration::from_secs(10));
}

#[test]
fn nobody_deletes_what_is_anothers() {
    let (mut world, laptop, message) = talk();
    let target = Target { account: message.account, content_id: message.content };
    says(&mut world, 1, message.conversation, Kind::Delete(target));
    let (account, content) = (world.account(1), ContentId::new([0x66; 16]));
    let said = MessageRef { account, content, ..message };
    assert_eq!(world.stands(1, &said), EntryState::Sent, "it did go out");
    for index in [0, laptop] {
        assert_ne!(world.stands(index, &message), EntryState::Deleted, "device {index}");
    }
    assert_eq!(world.texts(0).len(), 1);
}

#[test]
fn an_admin_deletes_in_a_group_what_a_member_said() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    let members = ["@bob", "@carol"].map(|name| {
        match world.outcome(0, Command::LookUp { handle: name.parse().unwrap() }) {
            Outcome::Found { account, .. } => account,
            other => panic!("{other:?}"),
        }
    });
    let made = world.outcome(0, Command::CreateGroup { name: "Trip".to_owned(), members: members.to_vec() });
    let Outcome::Begun { conversation } = made else { panic!("{made:?}") };
    world.pass(Duration::from_secs(120));
    let say = Command::Send { to: Recipient::Conversation(conversation), text: "spam".to_owned(), key: None };
    world.outcome(1, say);
    world.pass(Duration::from_secs(10));
    let spam = world.message(2, "spam");
    let delete = Command::Delete { message: spam, reach: Reach::Everyone };
    assert_eq!(world.outcome(2, delete.clone()), Outcome::Refused(Refusal::NotYours));
    let promote = GroupChange::Role { account: members[1], role: GroupRole::Admin };
    world.outcome(0, Command::ChangeGroup { conversation, change: promote });
    world.pass(Duration::from_secs(120));
    world.does(2, delete);
    for index in 0..3 {
        assert_eq!(world.stands(index, &spam), EntryState::Deleted, "device {index}");
    }
}

#[test]
fn what_is_read_is_known_to_its_author_and_to_ones_other_devices() {
    let (mut world, laptop, first) = talk();
    let conversation = first.conversation;
    world.send(0, "@bob", "second");
    world.pass(Duration::from_secs(10));
    let second = world.message(0, "second");
    assert_eq!((world.unread(1, conversation), world.unread(laptop, conversation)), (2, 2));
    world.does(1, Command::Read { conversation, through: Some(first) });
    assert_eq!((world.unread(1, conversation), world.unread(laptop, conversation)), (1, 1));
    assert!(matches!(world.readers(0, &first)[..], [SeenBy { read_at: Some(_), .. }]));
    assert!(matches!(world.readers(0, &second)[..], [SeenBy { read_at: None, delivered_at: Some(_), .. }]));
    world.does(laptop, Command::Read { conversation, through: None });
    assert_eq!((world.unread(1, conversation), world.unread(laptop, conversation)), (0, 0));
    assert!(matches!(world.readers(0, &second)[..], [SeenBy { read_at: Some(_), .. }]));
    let read = |event: &&Event| matches!(event, Event::ReadBy { .. });
    assert_eq!(world.events(0).iter().filter(read).count(), 2);
    // Nobody hears of what is read where that is turned off.
    world.does(1, Command::Set(Setting::ReadReceipts { on: false }));
    world.send(0, "@bob", "third");
    world.pass(Duration::from_secs(10));
    world.does(1, Command::Read { conversation, through: None });
    let third = world.message(0, "third");
    assert!(matches!(world.readers(0, &third)[..], [SeenBy { read_at: None, .. }]));
    assert_eq!(world.unread(1, conversation), 0);
}

#[test]
fn what_is_done_offline_goes_out_later_and_in_order() {
    let (mut world, laptop, message) = talk();
    world.go_offline(1);
    let conversation = message.conversation;
    let to = Recipient::Conversation(conversation);
    let said = world.outcome(1, Command::Send { to, text: "maybe".to_owned(), key: None });
    let Outcome::Queued { content, .. } = said else { panic!("{said:?}") };
    let own = MessageRef { conversation, account: world.account(1), content };
    for command in [
        Command::Edit { message: own, text: "surely".to_owned() },
        Command::React { to: message, emoji: "👍".to_owned() },
        Command::Read { conversation, through: None },
    ] {
        assert_eq!(world.outcome(1, command), Outcome::Done);
    }
    world.restart(1);
    world.go_online(1);
    world.pass(Duration::from_secs(60));
    for index in [0, laptop] {
        let edits = world.about(index, &own, Aspect::Edit);
        assert!(
            matches!(&edits[..], [Kind::Edit(edit)] if edit.body == "surely"),
            "device {index}: {edits:?}"
        );
        assert_eq!(world.about(index, &message, Aspect::Reaction).len(), 1);
    }
    assert!(matches!(world.readers(0, &message)[..], [SeenBy { read_at: Some(_), .. }]));
    assert_eq!(world.alerts(0), []);
}

#[test]
fn who_writes_is_seen_by_others_online_and_kept_nowhere() {
    let (mut world, laptop, message) = talk();
    let conversation = message.conversation;
    let typing = |stopped| Command::Typing { conversation, stopped };
    let rows = |world: &mut World| [0, 1, laptop].map(|index| world.timeline(index).len());
    let before = rows(&mut world);
    world.typed.clear();
    world.does(0, typing(false));
    let alice = world.account(0);
    assert_eq!(world.typed, [(1, alice, false), (laptop, alice, false)]);
    // Again at once says nothing; that it has stopped always does.
    world.typed.clear();
    assert_eq!(world.outcome(0, typing(true)), Outcome::Done);
    assert_eq!(world.outcome(0, typing(false)), Outcome::Done);
    assert_eq!(world.outcome(0, typing(false)), Outcome::Done);
    world.pass(Duration::from_secs(1));
    let said: Vec<bool> =
        world.typed.iter().filter(|(index, ..)| *index == 1).map(|(.., stopped)| *stopped).collect();
    assert_eq!(said, [true, false]);
    // Who is away never hears of it, and the next message is whole for all.
    world.go_offline(laptop);
    world.pass(Duration::from_secs(10));
    world.does(0, typing(false));
    world.send(0, "@bob", "done writing");
    world.pass(Duration::from_secs(10));
    world.go_online(laptop);
    world.pass(Duration::from_secs(10));
    for index in [1, laptop] {
        assert_eq!(world.texts(index).last().unwrap().1, "done writing");
        assert!(
            !world.alerts(index).iter().any(|alert| matches!(alert, hushwire_engine::Alert::Mismatch { .. }))
        );
    }
    assert_eq!(rows(&mut world).map(|count| count - 1), before);
    world.typed.clear();
    world.does(0, Command::Set(Setting::TypingShown { on: false }));
    world.does(0, typing(false));
    assert_eq!(world.typed, []);
}
