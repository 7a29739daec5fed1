//! Records of every kind, and files of them.

use hushwire_backup::record::{
    About, Aspect, Contact, Conversation, Group, Head, Message, Register, Role, Seen, State, Timer, Trust,
    Who,
};
use hushwire_backup::{Header, Key, ReadError, Reader, Record, Writer};
use hushwire_types::{
    AccountId, ContentId, ConversationId, DeviceId, Generation, Order, OsEntropy, Secret, SecretBytes,
    Subject, Timestamp,
};

pub(crate) fn key() -> Key {
    Key::Random(Secret::new([7; 32]))
}

pub(crate) fn passphrase(text: &str) -> Key {
    Key::Passphrase(SecretBytes::new(text.as_bytes().to_vec()))
}

fn account(n: u8) -> AccountId {
    AccountId::new([n; 32])
}

fn at(ms: u64) -> Timestamp {
    Timestamp::from_ms(ms)
}

pub(crate) fn message(content: Vec<u8>) -> Message {
    Message {
        conversation: ConversationId::new([3; 32]),
        generation: Generation(2),
        order: Order(9),
        content_id: ContentId::new([4; 16]),
        account: account(1),
        device: DeviceId::new([5; 16]),
        sent_at: at(10),
        accepted_at: Some(at(11)),
        delivered_at: None,
        content,
        state: State::Sent,
        about: None,
        seen: vec![Seen { account: account(2), delivered_at: Some(at(12)), read_at: None }],
        handed_over_by: None,
    }
}

pub(crate) fn records() -> Vec<Record> {
    let about = |aspect| About { aspect, account: account(1), content_id: ContentId::new([4; 16]) };
    let contact = Contact {
        account: account(2),
        genesis: vec![1, 2],
        entries: vec![vec![3], vec![4, 5]],
        handle: Some("@bob".to_owned()),
        username: None,
        profile_name: "Bob".to_owned(),
        about: String::new(),
        picture: b"canary face".to_vec(),
        says_version: 7,
        trust: Trust::Verified { at: at(7) },
        learned_at: at(6),
    };
    let mut all = vec![
        Record::Head(Head { account: account(1), made_at: at(99) }),
        Record::Contact(contact.clone()),
        Record::Contact(Contact { trust: Trust::Unverified, handle: None, ..contact.clone() }),
        Record::Contact(Contact { trust: Trust::Changed { at: at(8), successor: account(9) }, ..contact }),
        Record::Message(message(b"canary of a text".to_vec())),
    ];
    all.extend(conversations());
    for subject in [
        Subject::Everything,
        Subject::Account(account(2)),
        Subject::Conversation(ConversationId::new([3; 32])),
        Subject::Message {
            conversation: ConversationId::new([3; 32]),
            account: account(2),
            content: ContentId::new([4; 16]),
        },
    ] {
        all.push(Record::Register(Register { subject, code: 70, value: b"canary".to_vec(), at: at(30) }));
    }
    for state in [
        State::Received,
        State::Unreadable { reason: "gone".to_owned() },
        State::System { event: "joined".to_owned() },
        State::Deleted,
    ] {
        all.push(Record::Message(Message { state, seen: Vec::new(), accepted_at: None, ..message(vec![1]) }));
    }
    let handed_over_by = Some(account(3));
    all.push(Record::Message(Message { state: State::Received, handed_over_by, ..message(vec![3]) }));
    for aspect in [Aspect::Reaction, Aspect::Edit, Aspect::Delete, Aspect::Vote, Aspect::Pin] {
        all.push(Record::Message(Message { about: Some(about(aspect)), ..message(vec![2]) }));
    }
    let records = u64::try_from(all.len()).unwrap();
    all.push(Record::End { records });
    all
}

/// One with a person, one of a group.
fn conversations() -> [Record; 2] {
    let direct = Conversation {
        id: ConversationId::new([3; 32]),
        peer: Some(account(2)),
        last_activity: at(20),
        read_to: Some((Generation(2), Order(0))),
        group: None,
        timer: Some(Timer { lives_for_s: 60, place: (Generation(2), Order(8)) }),
    };
    let group = Group {
        name: Some("Family".to_owned()),
        description: None,
        add_by: Who::Admins,
        details_by: Who::Everybody,
        write_by: Who::Everybody,
        timer_secs: 60,
        members: vec![(account(1), Role::Owner), (account(2), Role::Leaving)],
        picture: b"canary room".to_vec(),
    };
    let of_group =
        Conversation { peer: None, read_to: None, group: Some(group), timer: None, ..direct.clone() };
    [Record::Conversation(direct), Record::Conversation(of_group)]
}

pub(crate) fn file(records: &[Record], key: &Key) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), key, &OsEntropy).unwrap();
    for record in records {
        writer.write(record).unwrap();
    }
    writer.finish().unwrap()
}

pub(crate) fn read(mut file: &[u8], key: &Key) -> Result<Vec<Record>, ReadError> {
    let header = Header::read(&mut file)?;
    let mut reader = Reader::new(file, &header, key)?;
    let mut records = Vec::new();
    while let Some(record) = reader.next_record()? {
        records.push(record);
    }
    Ok(records)
}
