//! What devices of one account share: settings, names, drafts, what was read.

use std::time::Duration;

use hushwire_client_store::account::{self, Account, Trust};
use hushwire_client_store::{StoreError, about};
use hushwire_content::{Kind, Register};
use hushwire_engine::{
    Command, ConversationSettings, MessageRef, Outcome, Refusal, Setting, account_settings,
    conversation_settings, is_starred,
};
use hushwire_types::{AccountId, ConversationId, Subject, Timestamp};

use crate::about::{says, talk};
use crate::world::World;

const PHONE: usize = 1;

impl World {
    fn set(&mut self, index: usize, setting: Setting) {
        self.does(index, Command::Set(setting));
    }

    fn settings(&mut self, index: usize, id: ConversationId) -> ConversationSettings {
        let db = self.clients[index].db.as_mut().unwrap();
        db.read(|view| conversation_settings(view, &id)).unwrap()
    }

    fn stars(&mut self, index: usize, message: &MessageRef) -> bool {
        let db = self.clients[index].db.as_mut().unwrap();
        db.read(|view| is_starred(view, message)).unwrap()
    }

    fn knows(&mut self, index: usize, account: AccountId) -> Option<Account> {
        let db = self.clients[index].db.as_mut().unwrap();
        db.read::<_, StoreError>(|view| account::find(view, &account)).unwrap()
    }
}

#[test]
fn what_is_set_on_one_device_is_set_on_the_others() {
    let (mut world, laptop, message) = talk();
    let conversation = message.conversation;
    let until = Some(Timestamp::from_ms(u64::MAX));
    for setting in [
        Setting::Muted { conversation, until },
        Setting::Archived { conversation, on: true },
        Setting::Pinned { conversation, on: true },
        Setting::Unread { conversation, on: true },
        Setting::Labels { conversation, labels: vec!["work".to_owned(), "été".to_owned()] },
        Setting::Draft { conversation, text: "not yet".to_owned() },
        Setting::ReceiptsIn { conversation, on: Some(false) },
        Setting::TypingIn { conversation, on: Some(true) },
        Setting::Starred { message, on: true },
        Setting::TypingShown { on: false },
    ] {
        world.set(PHONE, setting);
    }
    world.pass(Duration::from_secs(60));
    let here = world.settings(PHONE, conversation);
    assert_eq!((here.muted_until, here.archived, here.pinned, here.unread), (until, true, true, true));
    assert_eq!((here.receipts, here.typing, &*here.draft), (Some(false), Some(true), "not yet"));
    assert_eq!(here.labels, ["work", "été"]);
    assert_eq!(world.settings(laptop, conversation), here);
    assert!(world.stars(laptop, &message));
    let db = world.clients[laptop].db.as_mut().unwrap();
    assert!(!db.read(account_settings).unwrap().typing);
    // Nobody else hears of it.
    assert_eq!(world.settings(0, conversation), ConversationSettings::default());
    assert!(!world.stars(0, &message));
    // Reading takes the mark away, everywhere.
    world.does(laptop, Command::Read { conversation, through: None });
    world.pass(Duration::from_secs(60));
    assert!(!world.settings(PHONE, conversation).unread);
}

#[test]
fn of_what_two_devices_set_while_apart_the_later_counts_on_both() {
    let (mut world, laptop, message) = talk();
    let conversation = message.conversation;
    let draft = |text: &str| Setting::Draft { conversation, text: text.to_owned() };
    world.set(PHONE, draft("first"));
    world.pass(Duration::from_secs(60));
    world.go_offline(PHONE);
    world.go_offline(laptop);
    world.set(PHONE, draft("earlier"));
    world.pass(Duration::from_secs(60));
    world.set(laptop, draft("later"));
    // Whoever comes back first does not matter.
    world.go_online(laptop);
    world.pass(Duration::from_secs(60));
    world.restart(PHONE);
    world.go_online(PHONE);
    world.pass(Duration::from_secs(60));
    for device in [PHONE, laptop] {
        assert_eq!(world.settings(device, conversation).draft, "later");
    }
}

#[test]
fn a_clock_that_is_behind_still_sets_what_counts() {
    let (mut world, laptop, message) = talk();
    let conversation = message.conversation;
    world.set(PHONE, Setting::Draft { conversation, text: "by a right clock".to_owned() });
    world.pass(Duration::from_secs(60));
    world.now = world.now.before(Duration::from_secs(86_400));
    world.set(laptop, Setting::Draft { conversation, text: "by one of yesterday".to_owned() });
    world.pass(Duration::from_secs(60));
    assert_eq!(world.settings(PHONE, conversation).draft, "by one of yesterday");
}

#[test]
fn a_device_that_is_added_later_gets_contacts_and_settings() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    let (alice, carol) = (world.account(0), world.account(2));
    world.send(PHONE, "@alice", "hello");
    world.send(PHONE, "@carol", "hello");
    world.pass(Duration::from_secs(60));
    let name = Command::Name { account: carol, name: Some("Caro".to_owned()) };
    world.does(PHONE, name);
    world.does(PHONE, Command::Verify { account: alice });
    world.set(PHONE, Setting::ReadReceipts { on: false });

    let laptop = world.link(PHONE);
    world.pass(Duration::from_secs(120));
    let known = world.knows(laptop, carol).unwrap();
    assert_eq!((known.local_name.as_deref(), known.handle.as_deref()), (Some("Caro"), Some("@carol")));
    assert!(matches!(world.knows(laptop, alice).unwrap().trust, Trust::Verified { .. }));
    let db = world.clients[laptop].db.as_mut().unwrap();
    assert!(!db.read(account_settings).unwrap().read_receipts);
    // A third one, added by the second.
    world.set(laptop, Setting::TypingShown { on: false });
    let tablet = world.link(laptop);
    world.pass(Duration::from_secs(180));
    let db = world.clients[tablet].db.as_mut().unwrap();
    let settings = db.read(account_settings).unwrap();
    assert!(!settings.read_receipts && !settings.typing);
}

#[test]
fn a_setting_of_a_newer_version_is_kept_and_told_on() {
    let (mut world, laptop, _) = talk();
    world.set(PHONE, Setting::TypingShown { on: false });
    world.pass(Duration::from_secs(60));
    let own = world.account(PHONE);
    let myself = hushwire_group_policy::direct_conversation_id(own, own);
    let newer = Register {
        subject: Subject::Everything,
        code: 9_999,
        value: b"what is this".to_vec(),
        at: world.now,
    };
    says(&mut world, laptop, myself, Kind::Registers(vec![newer]));
    world.pass(Duration::from_secs(60));
    let tablet = world.link(PHONE);
    world.pass(Duration::from_secs(180));
    let db = world.clients[tablet].db.as_mut().unwrap();
    let found = db.read::<_, StoreError>(|view| {
        hushwire_client_store::register::find(view, &Subject::Everything, 9_999)
    });
    assert_eq!(found.unwrap().unwrap().value, b"what is this");
}

#[test]
fn nobody_else_sets_anything() {
    let (mut world, laptop, message) = talk();
    let conversation = message.conversation;
    let forged = Register {
        subject: Subject::Conversation(conversation),
        code: 34,
        value: vec![1],
        at: Timestamp::from_ms(u64::MAX),
    };
    says(&mut world, 0, conversation, Kind::Registers(vec![forged.clone()]));
    world.pass(Duration::from_secs(60));
    // Nor an own device, where others read along.
    says(&mut world, laptop, conversation, Kind::Registers(vec![forged]));
    world.pass(Duration::from_secs(60));
    for device in [PHONE, laptop] {
        assert_eq!(world.settings(device, conversation), ConversationSettings::default());
    }
}

#[test]
fn with_receipts_off_own_devices_still_agree_on_what_is_read() {
    let (mut world, laptop, message) = talk();
    world.set(PHONE, Setting::ReadReceipts { on: false });
    world.pass(Duration::from_secs(60));
    world.does(laptop, Command::Read { conversation: message.conversation, through: None });
    world.pass(Duration::from_secs(60));
    assert_eq!(world.unread(PHONE, message.conversation), 0);
    assert_eq!(world.count(0, "read_by"), 0);
    let db = world.clients[PHONE].db.as_mut().unwrap();
    let read = db.read::<_, StoreError>(|view| about::is_read_to(view, &message.conversation)).unwrap();
    assert!(read.is_some());
}

#[test]
fn what_cannot_be_set_is_refused() {
    let (mut world, _, message) = talk();
    let (conversation, own) = (message.conversation, world.account(PHONE));
    let stranger = AccountId::new([9; 32]);
    let nowhere = ConversationId::new([9; 32]);
    for (setting, refusal) in [
        (Setting::Labels { conversation, labels: vec!["x".repeat(33)] }, Refusal::Labels),
        (Setting::Blocked { account: own, on: true }, Refusal::Oneself),
        (Setting::Blocked { account: stranger, on: true }, Refusal::UnknownHere("account")),
        (Setting::Archived { conversation: nowhere, on: true }, Refusal::UnknownHere("conversation")),
        (Setting::Profile { name: "x".repeat(65), about: String::new() }, Refusal::NameTooLong(64)),
    ] {
        assert_eq!(world.outcome(PHONE, Command::Set(setting)), Outcome::Refused(refusal));
    }
}
