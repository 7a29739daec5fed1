//! One fixed content of each kind. Golden files are named after these.

use hushwire_content::{
    Card, Content, Edit, HistoryAsk, HistoryBundle, HistoryPart, JoinAsk, Kind, Picture, Pictures, Pin, Poll,
    Profile, Quote, Reaction, Receipt, ReceiptKind, Register, SeenList, Target, Text, Vote, Witness,
};
use hushwire_types::{
    AccountId, ContentId, ConversationId, DeviceId, EntryHash, ListNumber, Secret, Subject, Timestamp,
};

pub(crate) const TARGET: Target =
    Target { account: AccountId::new([0xa1; 32]), content_id: ContentId::new([0xc1; 16]) };

pub(crate) fn content(kind: Kind) -> Content {
    Content {
        content_id: ContentId::new([0xc0; 16]),
        sent_at: Timestamp::from_ms(1_800_000_000_000),
        fallback: String::new(),
        witness: Witness {
            counter: 3,
            previous: Some([0xb0; 32]),
            list: SeenList { number: ListNumber(1), hash: EntryHash::new([0xe1; 32]) },
            transcript_hash: vec![0x74; 48],
            peer_list: Some(SeenList { number: ListNumber(2), hash: EntryHash::new([0xe2; 32]) }),
        },
        lives_for_s: 0,
        kind,
    }
}

pub(crate) fn text(body: &str) -> Content {
    content(Kind::Text(Text::new(body.into())))
}

pub(crate) fn receipt(count: u8) -> Content {
    let content_ids = (0..count).map(|number| ContentId::new([number; 16])).collect();
    content(Kind::Receipt(Receipt { kind: ReceiptKind::Delivered, content_ids, account: None }))
}

fn quote() -> Quote {
    Quote { target: TARGET, excerpt: "Are you coming?".into() }
}

fn read() -> Receipt {
    let content_ids = vec![TARGET.content_id];
    Receipt { kind: ReceiptKind::Read, content_ids, account: Some(TARGET.account) }
}

pub(crate) fn poll(options: &[&str]) -> Poll {
    let options = options.iter().map(|&option| option.to_owned()).collect();
    Poll { question: "Pizza or pasta?".into(), options, multiple: true }
}

pub(crate) fn register(subject: Subject, value: &[u8]) -> Register {
    Register { subject, code: 7, value: value.to_vec(), at: Timestamp::from_ms(1_800_000_000_001) }
}

fn registers() -> Vec<Register> {
    let (account, conversation) = (TARGET.account, ConversationId::new([0xcc; 32]));
    let message = Subject::Message { conversation, account, content: TARGET.content_id };
    let subjects =
        [Subject::Everything, Subject::Account(account), Subject::Conversation(conversation), message];
    subjects.map(|subject| register(subject, b"on")).to_vec()
}

fn called() -> Text {
    let text = Text::new("@ann look".into());
    Text { mentions: vec![TARGET.account], forwarded: true, ..text }
}

fn card() -> Card {
    Card { account: TARGET.account, handle: "@ann".into(), name: "Ann".into() }
}

fn history_ask() -> HistoryAsk {
    HistoryAsk { device: Some(DeviceId::new([7; 16])), from: vec![2, 0, 9], parts: 8 }
}

fn history_part() -> HistoryPart {
    HistoryPart {
        device: DeviceId::new([7; 16]),
        from: vec![2, 0, 9],
        to: vec![2, 1, 1],
        records: vec![b"record".to_vec(), b"begin".to_vec()],
        continues: true,
        done: 3,
        whole: 9,
    }
}

fn join_ask() -> JoinAsk {
    let conversation = ConversationId::new([8; 32]);
    JoinAsk { conversation, secret: Some(Secret::new([9; 16])), account: None }
}

pub(crate) fn history_bundle(accounts: usize, records: usize, messages: u32) -> HistoryBundle {
    HistoryBundle {
        bundle: [0xbb; 16],
        accounts: vec![TARGET.account; accounts],
        messages,
        number: 1,
        ends: true,
        records: vec![b"record".to_vec(); records],
        continues: false,
    }
}

pub(crate) fn profile(picture: Option<Picture>) -> Profile {
    Profile { name: "Ann".into(), about: "Hello.".into(), picture, version: 0 }
}

/// A picture of so many bytes.
pub(crate) fn picture(bytes: usize) -> Picture {
    let mut jpeg = vec![0x33; bytes];
    jpeg[..3].copy_from_slice(&[0xff, 0xd8, 0xff]);
    jpeg[bytes - 2..].copy_from_slice(&[0xff, 0xd9]);
    Picture::new(jpeg).unwrap()
}

/// So many pictures that are lacking, and so many of so many bytes that are shown.
pub(crate) fn pictures(wanted: usize, shown: usize, bytes: usize) -> Pictures {
    Pictures { wanted: vec![[0x44; 32]; wanted], shown: vec![picture(bytes); shown] }
}

/// Every kind, and a first content whose witness has nothing before it.
pub(crate) fn all() -> Vec<(&'static str, Content)> {
    let mut first = text("hello");
    first.witness = Witness { counter: 1, previous: None, peer_list: None, ..first.witness };
    first.fallback = "A text.".into();
    vec![
        ("text", text("Grüße, **Bob** 👋")),
        ("text_first", first),
        ("receipt", receipt(2)),
        ("reply", content(Kind::Text(Text { quote: Some(quote()), ..Text::new("Yes".into()) }))),
        ("receipt_read", content(Kind::Receipt(read()))),
        ("reaction", content(Kind::Reaction(Reaction { target: TARGET, emoji: "👍🏽".into() }))),
        ("reaction_taken_back", content(Kind::Reaction(Reaction { target: TARGET, emoji: String::new() }))),
        ("edit", content(Kind::Edit(Edit { content_id: TARGET.content_id, body: "Otherwise".into() }))),
        ("delete", content(Kind::Delete(TARGET))),
        ("typing", content(Kind::Typing { stopped: false })),
        ("typing_stopped", content(Kind::Typing { stopped: true })),
        ("presence", content(Kind::Presence)),
        ("text_called", content(Kind::Text(called()))),
        ("text_disappearing", Content { lives_for_s: 86_400, ..text("burn") }),
        ("registers", content(Kind::Registers(registers()))),
        ("timer", content(Kind::Timer(3_600))),
        ("timer_off", content(Kind::Timer(0))),
        ("poll", content(Kind::Poll(poll(&["Pizza", "Pasta"])))),
        ("vote", content(Kind::Vote(Vote { target: TARGET, choices: vec![0, 1], closes: false }))),
        ("vote_closes", content(Kind::Vote(Vote { target: TARGET, choices: vec![], closes: true }))),
        ("pin", content(Kind::Pin(Pin { target: TARGET, unpinned: false }))),
        ("card", content(Kind::Card(card()))),
        ("details_key", content(Kind::DetailsKey(Some(Secret::new([0x6b; 32]))))),
        ("details_key_lacking", content(Kind::DetailsKey(None))),
        ("join_ask", content(Kind::JoinAsk(join_ask()))),
        (
            "join_ask_passed_on",
            content(Kind::JoinAsk(JoinAsk { secret: None, account: Some(TARGET.account), ..join_ask() })),
        ),
        ("history_ask", content(Kind::HistoryAsk(HistoryAsk { device: None, from: vec![], parts: 1 }))),
        ("history_ask_on", content(Kind::HistoryAsk(history_ask()))),
        ("history_part", content(Kind::HistoryPart(history_part()))),
        ("history_bundle", content(Kind::HistoryBundle(history_bundle(2, 2, 50)))),
        ("profile", content(Kind::Profile(profile(None)))),
        ("profile_picture", content(Kind::Profile(profile(Some(picture(9)))))),
        ("profile_version", content(Kind::Profile(Profile { version: 7, ..profile(None) }))),
        ("pictures_wanted", content(Kind::Pictures(pictures(2, 0, 9)))),
        ("pictures_shown", content(Kind::Pictures(pictures(0, 1, 9)))),
        ("group_picture", content(Kind::GroupPicture(Some(picture(9))))),
        ("group_picture_lacking", content(Kind::GroupPicture(None))),
    ]
}
