//! Members who want somebody that comes into a group to believe what nobody has said.

use std::time::Duration;

use hushwire_backup::Record;
use hushwire_backup::record::{Message, State};
use hushwire_client_store::timeline::EntryState;
use hushwire_content::{Content, HistoryBundle, Kind, SeenList, Text, Witness};
use hushwire_types::{
    AccountId, ContentId, ConversationId, DeviceId, EntryHash, Generation, ListNumber, Order, Timestamp,
};

use crate::about::says_under;
use crate::newcomers::{ALICE, BOB, CAROL, DAVE, talked};
use crate::world::World;

fn content(content_id: ContentId, text: &str, lives_for_s: u32) -> Content {
    let list = SeenList { number: ListNumber(1), hash: EntryHash::new([0; 32]) };
    Content {
        content_id,
        sent_at: Timestamp::from_ms(1_800_000_000_000),
        fallback: String::new(),
        witness: Witness { counter: 1, previous: None, list, transcript_hash: vec![0; 32], peer_list: None },
        lives_for_s,
        kind: Kind::Text(Text::new(text.to_owned())),
    }
}

/// What somebody never said.
fn forged(conversation: ConversationId, account: AccountId, id: u8, text: &str) -> Message {
    let content_id = ContentId::new([id; 16]);
    Message {
        conversation,
        generation: Generation(1),
        order: Order(1),
        content_id,
        account,
        device: DeviceId::new([1; 16]),
        sent_at: Timestamp::from_ms(1),
        accepted_at: None,
        delivered_at: None,
        content: content(content_id, text, 0).encode().unwrap().as_slice().to_vec(),
        state: State::Received,
        about: None,
        seen: Vec::new(),
        handed_over_by: None,
    }
}

impl World {
    /// A device hands an account what it likes.
    fn hands(&mut self, index: usize, id: ConversationId, to: AccountId, number: u32, told: &[Message]) {
        let part = HistoryBundle {
            bundle: [0xbb; 16],
            accounts: vec![to],
            messages: 7,
            number,
            ends: number > 0,
            records: told.iter().map(|told| Record::Message(told.clone()).to_bytes()).collect(),
            continues: false,
        };
        let said =
            ContentId::new([0x60 + u8::try_from(index * 2).unwrap() + u8::try_from(number).unwrap(); 16]);
        says_under(self, index, id, said, Kind::HistoryBundle(part));
    }

    fn bodies(&mut self, index: usize) -> Vec<String> {
        self.texts(index).into_iter().map(|(_, text)| text).collect()
    }
}

#[test]
fn a_member_who_did_not_add_somebody_makes_nobody_take_or_show_anything() {
    let (mut world, id) = talked(&["alice", "bob", "carol", "dave"], &["one", "two"]);
    world.add(ALICE, id, "dave", 0);
    world.add(ALICE, id, "carol", 0);
    let (alice, carol) = (world.account(ALICE), world.account(CAROL));
    world.hands(BOB, id, carol, 0, &[forged(id, alice, 1, "never said")]);
    world.hands(BOB, id, carol, 1, &[forged(id, alice, 2, "nor that")]);
    assert_eq!(world.bodies(CAROL), [] as [&str; 0]);
    for index in [ALICE, CAROL, DAVE] {
        assert_eq!(world.handed(index), [], "{index}");
    }
    // Nor does carol's own account.
    world.hands(CAROL, id, alice, 0, &[forged(id, alice, 3, "nor that")]);
    assert_eq!(world.bodies(ALICE).len(), 2);
}

#[test]
fn an_adder_is_believed_once_and_only_what_carol_cannot_know() {
    let (mut world, id) = talked(&["alice", "bob", "carol"], &["one", "two"]);
    world.add(ALICE, id, "carol", 0);
    world.say(BOB, id, "said to carol");
    world.pass(Duration::from_secs(5));
    let (bob, carol) = (world.account(BOB), world.account(CAROL));
    let known = world.message(CAROL, "said to carol");
    let genuine = forged(id, bob, 1, "told");
    let known = Message {
        content_id: known.content,
        content: content(known.content, "otherwise", 0).encode().unwrap().as_slice().to_vec(),
        ..genuine.clone()
    };
    let burning = content(ContentId::new([7; 16]), "burning", 60).encode().unwrap();
    let told = [
        genuine.clone(),
        known,
        forged(id, carol, 2, "by carol herself"),
        forged(ConversationId::new([9; 32]), bob, 3, "elsewhere"),
        Message { order: Order(1_000), ..forged(id, bob, 4, "from after") },
        Message { generation: Generation(2), ..forged(id, bob, 5, "from after") },
        Message { content_id: ContentId::new([8; 16]), ..forged(id, bob, 6, "two names") },
        Message {
            content_id: ContentId::new([7; 16]),
            content: burning.as_slice().to_vec(),
            ..genuine.clone()
        },
        Message { content: b"no content".to_vec(), ..genuine },
    ];
    world.hands(ALICE, id, carol, 0, &told);
    assert_eq!(world.bodies(CAROL), ["told", "said to carol"]);
    world.hands(ALICE, id, carol, 1, &[forged(id, bob, 9, "the rest")]);
    assert_eq!(world.bodies(CAROL), ["told", "the rest", "said to carol"]);
    assert_eq!((world.handed(CAROL).len(), world.handed(BOB).len()), (1, 1));
    // That was the end of it.
    let again = ContentId::new([0x70; 16]);
    let part = HistoryBundle {
        bundle: [0xbc; 16],
        accounts: vec![carol],
        messages: 1,
        number: 0,
        ends: true,
        records: vec![Record::Message(forged(id, bob, 10, "once more")).to_bytes()],
        continues: false,
    };
    says_under(&mut world, ALICE, id, again, Kind::HistoryBundle(part));
    assert_eq!(world.bodies(CAROL).len(), 3);
    assert_eq!((world.handed(CAROL).len(), world.handed(BOB).len()), (1, 1));
}

#[test]
fn what_an_author_says_takes_the_place_of_what_was_told_of_it() {
    let (mut world, id) = talked(&["alice", "bob", "carol"], &["one", "two"]);
    world.add(ALICE, id, "carol", 0);
    let (bob, carol) = (world.account(BOB), world.account(CAROL));
    world.hands(ALICE, id, carol, 0, &[forged(id, bob, 1, "made up")]);
    assert_eq!(world.bodies(CAROL), ["made up"]);
    let text = Kind::Text(Text::new("what bob says".to_owned()));
    says_under(&mut world, BOB, id, ContentId::new([1; 16]), text);
    assert_eq!(world.bodies(CAROL), ["what bob says"]);
    assert_eq!((world.told(CAROL), world.count(CAROL, "message")), (vec![], 1));
    // And it is not told away again.
    world.hands(ALICE, id, carol, 1, &[forged(id, bob, 1, "made up")]);
    assert_eq!(world.bodies(CAROL), ["what bob says"]);
    let states: Vec<EntryState> = world.timeline(CAROL).into_iter().map(|row| row.entry.state).collect();
    assert!(states.contains(&EntryState::Received));
}
