//! Histories that leave in a backup and come back on another device.

use std::sync::Arc;
use std::time::Duration;

use hushwire_backup::Record;
use hushwire_backup::record::{Contact, Message, Register, State, Trust};
use hushwire_client_store::account::{self, Trust as Trusted};
use hushwire_client_store::conversation::{self, ConversationState};
use hushwire_client_store::search::{self, Query};
use hushwire_client_store::{StoreError, about, expiry, history, timeline};
use hushwire_engine::{
    Command, Event, MessageRef, Outcome, Reach, Recipient, Refusal, Restored, Setting, back_up, is_blocked,
    is_starred,
};
use hushwire_types::{AccountId, ConversationId};

use crate::world::World;

impl World {
    pub fn backed_up(&mut self, index: usize) -> Vec<Record> {
        let now = self.now;
        let db = self.clients[index].db.as_mut().unwrap();
        db.read::<_, StoreError>(|view| {
            let mut records = Vec::new();
            back_up(view, now, &mut |record| {
                records.push(record.clone());
                Ok::<_, StoreError>(())
            })?;
            Ok(records)
        })
        .unwrap()
    }

    pub fn restored(&mut self, index: usize, records: &[Record]) -> Restored {
        let Some(Record::Head(head)) = records.first() else { panic!("no head") };
        let command = Command::RestoreHistory { account: head.account, records: records.into() };
        match self.outcome(index, command) {
            Outcome::Restored(restored) => restored,
            other => panic!("{other:?}"),
        }
    }

    fn finds(&mut self, index: usize, words: &str) -> usize {
        let db = self.clients[index].db.as_mut().unwrap();
        db.read::<_, StoreError>(|view| search::find(view, &Query::of(words, 10))).unwrap().len()
    }

    fn not_read(&mut self, index: usize, id: ConversationId) -> u64 {
        let db = self.clients[index].db.as_mut().unwrap();
        db.read::<_, StoreError>(|view| about::unread(view, &id)).unwrap()
    }

    fn trusts(&mut self, index: usize, account: AccountId) -> Trusted {
        let db = self.clients[index].db.as_mut().unwrap();
        db.read::<_, StoreError>(|view| account::find(view, &account)).unwrap().unwrap().trust
    }

    fn named(&mut self, index: usize, words: &str) -> MessageRef {
        let db = self.clients[index].db.as_mut().unwrap();
        let hits = db.read::<_, StoreError>(|view| search::find(view, &Query::of(words, 1))).unwrap();
        let entry = &hits[0].entry.entry;
        MessageRef { conversation: entry.conversation, account: entry.account, content: entry.content_id }
    }
}

/// Alice and bob have talked; bob's history is in the records; bob's laptop, the last client, came afterwards.
fn talked() -> (World, usize, Vec<Record>) {
    let mut world = World::with(&["alice", "bob"]);
    for text in ["Shall we meet?", "At the station?"] {
        world.send(0, "@bob", text);
        world.pass(Duration::from_secs(2));
    }
    world.pass(Duration::from_secs(60));
    world.send(1, "@alice", "At the café");
    world.pass(Duration::from_secs(10));
    let station = world.named(0, "station");
    let (edit, emoji) = ("At the harbour?".to_owned(), "👍".to_owned());
    assert_eq!(world.outcome(0, Command::Edit { message: station, text: edit }), Outcome::Done);
    assert_eq!(world.outcome(1, Command::React { to: station, emoji }), Outcome::Done);
    assert_eq!(world.outcome(1, Command::Set(Setting::ReadReceipts { on: false })), Outcome::Done);
    let account = world.account(0);
    assert_eq!(world.outcome(1, Command::Verify { account }), Outcome::Done);
    world.pass(Duration::from_secs(10));
    let records = world.backed_up(1);
    let laptop = world.link(1);
    world.pass(Duration::from_secs(60));
    assert_eq!(world.texts(laptop).len(), 0);
    (world, laptop, records)
}

#[test]
fn a_history_comes_back_once_and_silently() {
    let (mut world, laptop, records) = talked();
    let before = (world.events(laptop).len(), world.events(0).len());
    let restored = world.restored(laptop, &records);
    assert_eq!(restored.messages as usize, world.timeline(laptop).len() - world.notices(laptop).len());
    assert!(restored.messages >= 3);
    assert_eq!(world.texts(laptop), world.texts(1));
    assert_eq!((world.finds(laptop, "harbour"), world.finds(laptop, "station")), (1, 0));
    let message = world.named(laptop, "harbour");
    assert_eq!(world.not_read(laptop, message.conversation), 0);
    let alice = world.account(0);
    assert!(matches!(world.trusts(laptop, alice), Trusted::Verified { .. }));
    // Whoever reads it there tells nobody, and nothing is sent.
    let read = Command::Read { conversation: message.conversation, through: None };
    assert_eq!(world.outcome(laptop, read), Outcome::Done);
    world.pass(Duration::from_secs(60));
    let told = |world: &mut World| world.count(0, "read_by") + world.count(laptop, "message");
    assert_eq!(told(&mut world), 0);
    let told: Vec<Event> = world.events(laptop).split_off(before.0);
    let arrived =
        |event: &Event| matches!(event, Event::Message { .. } | Event::Notice | Event::Reacted { .. });
    assert!(!told.iter().any(arrived), "{told:?}");
    assert_eq!(world.events(0).len(), before.1);

    // Twice does no harm, also after the program was killed in the middle.
    world.restart(laptop);
    assert_eq!(world.restored(laptop, &records), Restored::default());
    assert_eq!(world.texts(laptop), world.texts(1));
    // And life goes on.
    world.send(0, "@bob", "See you");
    world.send(laptop, "@alice", "Soon");
    world.pass(Duration::from_secs(10));
    for index in [0, 1, laptop] {
        let last: Vec<String> = world.texts(index).into_iter().rev().take(2).map(|(_, body)| body).collect();
        assert!(
            last.contains(&"See you".to_owned()) && last.contains(&"Soon".to_owned()),
            "{index}: {last:?}"
        );
    }
    assert_eq!(world.alerts(0), []);
}

#[test]
fn half_a_restore_is_completed_by_the_next() {
    let (mut world, laptop, records) = talked();
    let (head, half) = (&records[..1], records.len() - 3);
    let begun = world.restored(laptop, &records[..half]);
    world.restart(laptop);
    let rest = world.restored(laptop, &records);
    assert!(begun.messages + rest.messages >= 3 && rest.contacts == 0);
    assert_eq!(world.texts(laptop), world.texts(1));
    assert_eq!(world.restored(laptop, head), Restored::default());
}

#[test]
fn what_was_taken_back_since_does_not_come_back() {
    let (mut world, laptop, records) = talked();
    let meet = world.named(0, "meet");
    let harbour = world.named(0, "harbour");
    for message in [meet, harbour] {
        let delete = Command::Delete { message, reach: Reach::Everyone };
        assert_eq!(world.outcome(0, delete), Outcome::Done);
    }
    world.pass(Duration::from_secs(60));
    world.restored(laptop, &records);
    for words in ["meet", "harbour", "station"] {
        assert_eq!(world.finds(laptop, words), 0, "{words}");
    }
    assert_eq!(world.texts(laptop), [("bob", "At the café".to_owned())]);
    let db = world.clients[laptop].db.as_mut().unwrap();
    let rows = db.read::<_, StoreError>(|view| history::after(view, timeline::RowId(0), 100)).unwrap();
    for past in rows {
        let text = String::from_utf8_lossy(&past.entry.entry.content).into_owned();
        assert!(!["meet", "harbour", "station"].iter().any(|word| text.contains(word)), "{past:?}");
    }
}

#[test]
fn what_is_here_stands() {
    let (mut world, laptop, _) = talked();
    world.send(0, "@bob", "fresh");
    world.pass(Duration::from_secs(10));
    let fresh = world.named(laptop, "fresh");
    let records = world.backed_up(1);
    let changed: Vec<Record> = records
        .into_iter()
        .map(|record| match record {
            Record::Message(message) => Record::Message(Message { state: State::Deleted, ..message }),
            Record::Register(register) => Record::Register(Register { value: vec![0], ..register }),
            other => other,
        })
        .collect();
    assert_eq!(world.outcome(laptop, Command::Set(Setting::ReadReceipts { on: true })), Outcome::Done);
    world.restored(laptop, &changed);
    assert_eq!(world.not_read(laptop, fresh.conversation), 1, "it came by itself");
    assert_eq!(world.finds(laptop, "fresh"), 1);
    world.outcome(laptop, Command::Read { conversation: fresh.conversation, through: None });
    world.pass(Duration::from_secs(10));
    assert_eq!(world.count(0, "read_by"), 1, "receipts stay on");
}

#[test]
fn another_accounts_backup_and_a_forged_contact_are_refused() {
    let (mut world, laptop, records) = talked();
    let Some(Record::Head(head)) = records.first() else { panic!("no head") };
    let command = Command::RestoreHistory { account: head.account, records: records.clone().into() };
    assert_eq!(world.outcome(0, command), Outcome::Refused(Refusal::OtherBackup));

    let forged = |contact: &Contact| Contact {
        account: AccountId::new([6; 32]),
        trust: Trust::Unverified,
        handle: None,
        ..contact.clone()
    };
    let contacts = records.iter().filter_map(|record| match record {
        Record::Contact(contact) => Some(Record::Contact(forged(contact))),
        _ => None,
    });
    let forged: Arc<[Record]> = contacts.collect();
    assert_eq!(forged.len(), 1);
    let command = Command::RestoreHistory { account: head.account, records: forged };
    assert_eq!(world.outcome(laptop, command), Outcome::Restored(Restored::default()));
}

#[test]
fn a_group_shows_its_history_and_is_entered_when_somebody_adds_the_device() {
    let mut world = World::with(&["alice", "bob"]);
    let found = world.outcome(0, Command::LookUp { handle: "@bob".parse().unwrap() });
    let Outcome::Found { account, .. } = found else { panic!("{found:?}") };
    let made = world.outcome(0, Command::CreateGroup { name: "Trip".to_owned(), members: vec![account] });
    let Outcome::Begun { conversation } = made else { panic!("{made:?}") };
    world.pass(Duration::from_secs(120));
    let to = Recipient::Conversation(conversation);
    let say = |text: &str| Command::Send { to: to.clone(), text: text.to_owned(), key: None };
    assert!(matches!(world.outcome(0, say("long ago")), Outcome::Queued { .. }));
    world.pass(Duration::from_secs(10));
    let records = world.backed_up(1);
    let laptop = world.link(1);
    // Nobody lets it in yet.
    world.go_offline(0);
    world.go_offline(1);
    world.restored(laptop, &records);
    assert_eq!(world.texts(laptop), [("alice", "long ago".to_owned())]);
    let state = |world: &mut World| {
        let db = world.clients[laptop].db.as_mut().unwrap();
        db.read::<_, StoreError>(|view| conversation::find(view, &conversation)).unwrap().unwrap().state
    };
    assert_eq!(state(&mut world), ConversationState::Closed);
    assert_eq!(world.outcome(laptop, say("?")), Outcome::Refused(Refusal::NotInGroup));
    world.go_online(0);
    world.go_online(1);
    world.pass(Duration::from_secs(300));
    assert_eq!(state(&mut world), ConversationState::Active);
    assert!(matches!(world.outcome(laptop, say("here I am")), Outcome::Queued { .. }));
    world.pass(Duration::from_secs(10));
    assert_eq!(world.texts(0).last().unwrap(), &("bob", "here I am".to_owned()));
    assert_eq!(world.texts(laptop).len(), 2);
}

#[test]
fn what_disappears_or_was_deleted_for_oneself_is_in_no_backup_and_comes_back_from_none() {
    let (mut world, laptop, before) = talked();
    let meet = world.named(1, "meet");
    let conversation = meet.conversation;
    assert_eq!(world.outcome(0, Command::Timer { conversation, lives_for_s: 3_600 }), Outcome::Done);
    world.pass(Duration::from_secs(10));
    world.send(0, "@bob", "only for an hour");
    world.pass(Duration::from_secs(10));
    let hour = world.named(1, "hour");
    assert_eq!(
        world.outcome(0, Command::Edit { message: hour, text: "hours only".to_owned() }),
        Outcome::Done
    );
    assert_eq!(world.outcome(1, Command::Delete { message: meet, reach: Reach::Here }), Outcome::Done);
    world.pass(Duration::from_secs(10));
    let records = world.backed_up(1);
    let holds = |records: &[Record], word: &str| {
        records.iter().any(|record| match record {
            Record::Message(message) => String::from_utf8_lossy(&message.content).contains(word),
            _ => false,
        })
    };
    assert!(holds(&before, "meet") && holds(&records, "harbour"));
    assert!(
        !holds(&records, "only for an hour") && !holds(&records, "hours only") && !holds(&records, "meet")
    );
    // The timer goes on; a backup of before does not bring back what was deleted since; a forged one brings nothing either.
    let tablet = world.link(1);
    world.restored(tablet, &records);
    world.restored(tablet, &before);
    let db = world.clients[tablet].db.as_mut().unwrap();
    let timer = db.read::<_, StoreError>(|view| expiry::timer(view, &conversation)).unwrap();
    assert_eq!(timer, 3_600);
    assert_eq!((world.finds(tablet, "meet"), world.finds(tablet, "hour")), (0, 0));
    let hours = {
        let db = world.clients[1].db.as_mut().unwrap();
        let found = db.read::<_, StoreError>(|view| {
            timeline::by_content(view, &conversation, &hour.account, &hour.content)
        });
        found.unwrap().unwrap().entry
    };
    let forged = records.iter().find_map(|record| match record {
        Record::Message(message) if message.about.is_none() => Some(Message {
            content: hours.content.clone(),
            content_id: hours.content_id,
            account: hours.account,
            state: State::Received,
            ..message.clone()
        }),
        _ => None,
    });
    let head = records[0].clone();
    let restored = world.restored(tablet, &[head, Record::Message(forged.unwrap())]);
    assert_eq!(restored, Restored::default());
    assert_eq!(world.finds(laptop, "meet"), 0);
}

#[test]
fn what_was_set_comes_back_where_nothing_later_is_known() {
    let (mut world, laptop, _) = talked();
    let cafe = world.named(1, "caf");
    let alice = world.account(0);
    for setting in [
        Setting::Starred { message: cafe, on: true },
        Setting::Blocked { account: alice, on: true },
        Setting::Pinned { conversation: cafe.conversation, on: true },
    ] {
        assert_eq!(world.outcome(1, Command::Set(setting)), Outcome::Done);
    }
    let records = world.backed_up(1);
    let unblock = Setting::Blocked { account: alice, on: false };
    world.pass(Duration::from_secs(60));
    assert_eq!(world.outcome(1, Command::Set(unblock)), Outcome::Done);
    world.pass(Duration::from_secs(60));
    world.restored(laptop, &records);
    let db = world.clients[laptop].db.as_mut().unwrap();
    let (starred, blocked) =
        db.read::<_, StoreError>(|view| Ok((is_starred(view, &cafe)?, is_blocked(view, &alice)?))).unwrap();
    assert_eq!((starred, blocked), (true, false), "unblocked since");
}
