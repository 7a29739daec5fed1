//! What others say of themselves, on every device of those who heard it.

use std::time::Duration;

use hushwire_backup::Record;
use hushwire_client_store::{StoreError, account, picture as pictures, register};
use hushwire_content::{Kind, Pictures, limits};
use hushwire_engine::{Command, NewDevice, Outcome, Setting};
use hushwire_identity::RecoveryKey;
use hushwire_types::{ConversationId, Subject};

use crate::about::says;
use crate::pictures::{of_group, of_somebody, picture, set};
use crate::rooms::room;
use crate::world::World;

const ALICE: usize = 0;
const BOB: usize = 1;

/// The register of what an account says of itself.
const SAYS: u32 = 21;

impl World {
    /// What a person calls itself, and what it looks like.
    fn present(&mut self, index: usize, name: &str, number: u8) {
        let (name, about) = (name.to_owned(), "Hello.".to_owned());
        self.does(index, Command::Set(Setting::Profile { name, about }));
        self.does(index, Command::Set(Setting::Picture { picture: Some(picture(number)) }));
    }

    /// What a device shows of somebody: the name, and the number of the picture.
    fn shown(&mut self, index: usize, whose: usize) -> (String, Option<u8>) {
        let face = of_somebody(self, index, whose).map(|picture| picture.as_bytes()[9]);
        let whose = self.account(whose);
        let db = self.clients[index].db.as_mut().unwrap();
        let known = db.read::<_, StoreError>(|view| account::find(view, &whose)).unwrap();
        (known.map(|known| known.says.name).unwrap_or_default(), face)
    }

    fn untold(&mut self, index: usize) -> usize {
        let db = self.clients[index].db.as_mut().unwrap();
        db.read::<_, StoreError>(|view| register::untold(view, 100)).unwrap().len()
    }

    fn keeps(&mut self, index: usize, number: u8) -> bool {
        let db = self.clients[index].db.as_mut().unwrap();
        db.read::<_, StoreError>(|view| pictures::is_kept(view, &picture(number).hash())).unwrap()
    }
}

fn as_said(name: &str, number: u8) -> (String, Option<u8>) {
    (name.to_owned(), Some(number))
}

/// Alice, bob and carol are in a group with a picture, bob and carol have talked with alice and said who they are.
fn acquainted() -> (World, ConversationId) {
    let (mut world, id) = room(&["alice", "bob", "carol"], &["bob", "carol"]);
    set(&mut world, ALICE, id, Some(picture(9)));
    for (index, name) in [(1, "Bob"), (2, "Carol")] {
        world.send(index, "@alice", "hello");
        world.pass(Duration::from_secs(60));
        world.present(index, name, u8::try_from(index).unwrap());
    }
    world.pass(Duration::from_secs(120));
    (world, id)
}

fn knows_everybody(world: &mut World, index: usize, id: ConversationId) {
    assert_eq!(world.shown(index, 1), as_said("Bob", 1));
    assert_eq!(world.shown(index, 2), as_said("Carol", 2));
    assert_eq!(of_group(world, index, id), Some(picture(9)));
}

#[test]
fn a_device_that_is_linked_shows_the_names_and_pictures_that_the_other_one_shows() {
    let (mut world, id) = acquainted();
    // Nobody but the own device is there to tell.
    world.go_offline(1);
    world.go_offline(2);
    let laptop = world.link(ALICE);
    world.pass(Duration::from_secs(30));
    knows_everybody(&mut world, laptop, id);
    // Its own change afterwards is told by the contact itself.
    world.go_online(1);
    world.present(1, "Robert", 5);
    world.pass(Duration::from_secs(60));
    for index in [ALICE, laptop] {
        assert_eq!(world.shown(index, 1), as_said("Robert", 5));
        assert_eq!(world.untold(index), 0);
        assert!(!world.keeps(index, 1), "what nobody has any more is gone");
    }
}

#[test]
fn the_past_brings_the_pictures_along_and_none_is_shown_twice() {
    let (mut world, id) = acquainted();
    world.go_offline(1);
    world.go_offline(2);
    let laptop = world.link(ALICE);
    world.fetch(laptop);
    world.pass(Duration::from_secs(4));
    assert_eq!(world.wanted(laptop), None);
    assert_eq!(world.shown(laptop, 1), as_said("Bob", 1));
    world.pass(Duration::from_secs(120));
    knows_everybody(&mut world, laptop, id);
    // The new device has nothing to tell that it was told.
    assert_eq!(world.untold(laptop), 0);
}

#[test]
fn a_group_that_one_is_not_in_any_more_has_its_picture_on_the_new_device() {
    let (mut world, id) = acquainted();
    let account = world.account(ALICE);
    let role = hushwire_engine::GroupRole::Owner;
    let bob = world.account(BOB);
    world.change(ALICE, id, hushwire_engine::GroupChange::Role { account: bob, role });
    world.pass(Duration::from_secs(120));
    world.change(BOB, id, hushwire_engine::GroupChange::Remove { account });
    world.pass(Duration::from_secs(120));
    assert_eq!(of_group(&mut world, ALICE, id), Some(picture(9)));
    let laptop = world.link(ALICE);
    world.fetch(laptop);
    world.pass(Duration::from_secs(120));
    assert_eq!(of_group(&mut world, laptop, id), Some(picture(9)));
}

#[test]
fn more_pictures_than_are_asked_for_at_once_come_one_after_the_other() {
    let names = [
        "alice", "bob", "carol", "dave", "emil", "frieda", "georg", "hanna", "ida", "jakob", "klara", "leo",
        "mara", "noah", "olga", "paul", "quirin", "rosa", "sara", "theo",
    ];
    assert!(names.len() > limits::PICTURES_WANTED);
    let mut world = World::with(&names);
    for (index, number) in (1..names.len()).zip(1..) {
        world.send(index, "@alice", "hello");
        world.present(index, names[index], number);
    }
    world.pass(Duration::from_secs(120));
    for index in 1..names.len() {
        world.go_offline(index);
    }
    let laptop = world.link(ALICE);
    world.pass(Duration::from_secs(60));
    for (index, number) in (1..names.len()).zip(1..) {
        assert_eq!(world.shown(laptop, index), as_said(names[index], number));
    }
}

#[test]
fn both_are_killed_at_any_step_and_the_new_device_shows_the_same() {
    for (kill_at, owner_dies) in (0..7).flat_map(|at| [(at, true), (at, false)]) {
        let (mut world, id) = acquainted();
        world.go_offline(1);
        world.go_offline(2);
        let laptop = world.link(ALICE);
        let dies = if owner_dies { ALICE } else { laptop };
        let steps = world.client(dies).steps;
        world.client(dies).kill_at = Some(steps + 1 + kill_at);
        world.pass(Duration::from_secs(20));
        world.client(dies).kill_at = None;
        world.restart(dies);
        world.pass(Duration::from_secs(120));
        knows_everybody(&mut world, laptop, id);
    }
}

#[test]
fn of_two_devices_that_know_another_profile_both_show_the_later_one() {
    let (mut world, _) = acquainted();
    let laptop = world.link(ALICE);
    world.pass(Duration::from_secs(60));
    let records = world.backed_up(ALICE);
    world.present(1, "Robert", 5);
    world.pass(Duration::from_secs(60));
    // A backup of before changes nothing, on either device.
    for index in [ALICE, laptop] {
        world.restored(index, &records);
        world.pass(Duration::from_secs(60));
        assert_eq!(world.shown(index, 1), as_said("Robert", 5));
        assert!(!world.keeps(index, 1));
    }
    // One that has another picture by the same version cannot be told apart: both come to the same.
    let newer = world.backed_up(ALICE);
    let forged = newer.into_iter().map(|record| match record {
        Record::Contact(mut contact) => {
            contact.profile_name.push('!');
            contact.says_version += 1;
            Record::Contact(contact)
        }
        record => record,
    });
    let forged: Vec<Record> = forged.collect();
    world.restored(laptop, &forged);
    world.pass(Duration::from_secs(60));
    for index in [ALICE, laptop] {
        assert_eq!(world.shown(index, 1), as_said("Robert!", 5));
    }
}

#[test]
fn what_somebody_says_late_or_of_somebody_else_changes_nothing() {
    let (mut world, _) = acquainted();
    let (bob, carol) = (world.account(1), world.account(2));
    // A message of before is shown again by the server: the later version stays.
    let db = world.clients[ALICE].db.as_mut().unwrap();
    let said = db.read::<_, StoreError>(|view| register::find(view, &Subject::Account(bob), SAYS)).unwrap();
    let said = said.unwrap();
    let mut older = said.clone();
    older.at = older.at.before(Duration::from_secs(1));
    older.value = br#"["Old","",null]"#.to_vec();
    assert!(!db.step::<_, StoreError>(|tx| register::merge(tx, &older)).unwrap());
    assert_eq!(world.shown(ALICE, 1), as_said("Bob", 1));
    // Only own devices tell settings and pictures, and none but those that are lacking are kept.
    let with_bob =
        world.conversations(ALICE).into_iter().find(|row| row.kind.peer() == Some(bob)).unwrap().id;
    let forged = hushwire_content::Register {
        subject: Subject::Account(carol),
        code: SAYS,
        value: br#"["Mallory","",null]"#.to_vec(),
        at: said.at.after(Duration::from_secs(9)),
    };
    says(&mut world, 1, with_bob, Kind::Registers(vec![forged]));
    world.pass(Duration::from_secs(60));
    assert_eq!(world.shown(ALICE, 2), as_said("Carol", 2));
    let shown = Pictures { wanted: vec![picture(2).hash()], shown: vec![picture(7)] };
    crate::about::says_under(
        &mut world,
        1,
        with_bob,
        hushwire_types::ContentId::new([0x67; 16]),
        Kind::Pictures(shown),
    );
    world.pass(Duration::from_secs(60));
    assert!(!world.keeps(ALICE, 7) && !world.keeps(1, 2));
}

#[test]
fn a_device_that_was_recovered_shows_what_another_one_shows_and_alone_what_the_backup_has() {
    for alone in [false, true] {
        let (mut world, id) = acquainted();
        let records = world.backed_up(ALICE);
        let (profile, list) = world.profile_of(ALICE);
        let recovery = RecoveryKey::from_seed(&profile.recovery_key.unwrap());
        let new = NewDevice::generate("new phone".parse().unwrap(), &*world.entropy);
        let entry = new.recover(&list, &recovery).unwrap();
        let mut longer = list.clone();
        longer.append(&entry).unwrap();
        if alone {
            world.kill(ALICE);
        }
        world.go_offline(2);
        world.recover_device(list.account_id(), entry);
        let phone = world.open_linked(ALICE, &new, &longer);
        if alone {
            // Bob is known by his Welcome, carol by the backup alone.
            world.pass(Duration::from_secs(60));
            world.restored(phone, &records);
        }
        world.pass(Duration::from_secs(60));
        assert_eq!(world.shown(phone, 1), as_said("Bob", 1), "alone: {alone}");
        assert_eq!(world.shown(phone, 2), as_said("Carol", 2), "alone: {alone}");
        assert_eq!(of_group(&mut world, phone, id), Some(picture(9)), "alone: {alone}");
    }
}

#[test]
fn a_backup_brings_pictures_to_a_device_that_knows_nobody_and_again_and_again_the_same() {
    let (mut world, id) = acquainted();
    let records = world.backed_up(ALICE);
    let laptop = world.link(ALICE);
    // Nobody lets it in or tells it anything.
    for index in 0..3 {
        world.go_offline(index);
    }
    assert_eq!(world.shown(laptop, 1), (String::new(), None));
    for round in 0..2 {
        let restored = world.restored(laptop, &records);
        assert_eq!(restored.contacts, if round == 0 { 2 } else { 0 });
        knows_everybody(&mut world, laptop, id);
        world.restart(laptop);
        knows_everybody(&mut world, laptop, id);
    }
    for index in 0..3 {
        world.go_online(index);
    }
    world.pass(Duration::from_secs(120));
    knows_everybody(&mut world, laptop, id);
}

#[test]
fn a_backup_without_versions_counts_where_nothing_is_known() {
    // As hush wrote it before profiles had versions, and backups the pictures of groups.
    let (mut world, id) = acquainted();
    let records = world.backed_up(ALICE);
    let plain = records.iter().cloned().map(|record| match record {
        Record::Contact(mut contact) => {
            contact.says_version = 0;
            Record::Contact(contact)
        }
        Record::Conversation(mut conversation) => {
            if let Some(group) = &mut conversation.group {
                group.picture.clear();
            }
            Record::Conversation(conversation)
        }
        record => record,
    });
    let plain: Vec<Record> = plain.filter(|record| !matches!(record, Record::Register(_))).collect();
    let tablet = world.link(ALICE);
    for index in 0..3 {
        world.go_offline(index);
    }
    world.restored(tablet, &plain);
    assert_eq!(world.shown(tablet, 1), as_said("Bob", 1));
    assert_eq!(of_group(&mut world, tablet, id), None);
    for index in 0..3 {
        world.go_online(index);
    }
    world.pass(Duration::from_secs(120));
    knows_everybody(&mut world, tablet, id);
}

#[test]
fn a_picture_of_a_backup_that_is_none_is_left_out() {
    let (mut world, _) = acquainted();
    let records = world.backed_up(ALICE).into_iter().map(|record| match record {
        Record::Contact(mut contact) => {
            contact.picture = b"<svg/>".to_vec();
            Record::Contact(contact)
        }
        record => record,
    });
    let records: Vec<Record> = records.filter(|record| !matches!(record, Record::Register(_))).collect();
    let laptop = world.link(ALICE);
    world.go_offline(ALICE);
    let account = world.account(ALICE);
    let command = Command::RestoreHistory { account, records: records.into() };
    assert!(matches!(world.outcome(laptop, command), Outcome::Restored(_)));
    assert_eq!(world.shown(laptop, 1), ("Bob".to_owned(), None));
}

#[test]
fn a_device_that_was_put_back_to_an_old_copy_is_told_again_by_contacts_and_own_devices() {
    let (mut world, id) = acquainted();
    let laptop = world.link(ALICE);
    world.pass(Duration::from_secs(60));
    let copies = [(ALICE, world.back_up(ALICE)), (2, world.back_up(2))];
    world.present(1, "Robert", 5);
    world.present(laptop, "Alice", 6);
    set(&mut world, ALICE, id, Some(picture(8)));
    world.pass(Duration::from_secs(120));
    // Carol has no other device, and bob is away when alice is back.
    for (index, copy) in &copies {
        world.restore(*index, copy);
    }
    world.go_offline(1);
    world.pass(Duration::from_secs(900));
    assert_eq!(world.shown(ALICE, 1), as_said("Robert", 5));
    assert_eq!(world.shown(2, ALICE), as_said("Alice", 6));
    for index in [ALICE, laptop, 2] {
        assert_eq!(of_group(&mut world, index, id), Some(picture(8)), "{index}");
    }
}

#[test]
fn of_what_two_devices_set_in_one_instant_contacts_show_what_both_show() {
    let (mut world, _) = acquainted();
    let laptop = world.link(1);
    world.pass(Duration::from_secs(60));
    // A picture of a greater hash, and one of a smaller, against none.
    for number in [3, 4, 5, 6] {
        world.go_offline(1);
        world.go_offline(laptop);
        let both = [(1, Some(picture(number))), (laptop, None)];
        for (index, picture) in both {
            world.outcome(index, Command::Set(Setting::Picture { picture }));
        }
        world.go_online(laptop);
        world.pass(Duration::from_secs(30));
        world.go_online(1);
        world.pass(Duration::from_secs(60));
        assert_eq!(world.shown(ALICE, 1), as_said("Bob", number));
    }
}
