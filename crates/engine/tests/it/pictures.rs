//! Small pictures of people and groups.

use std::time::Duration;

use hushwire_backup::Record;
use hushwire_client_store::StoreError;
use hushwire_content::{Kind, Picture};
use hushwire_engine::{
    Command, GroupChange, GroupWho, Notice, Outcome, Refusal, Setting, back_up, own_picture, picture_of,
    picture_of_group,
};
use hushwire_types::ConversationId;

use crate::about::says;
use crate::rooms::room;
use crate::world::World;

const ALICE: usize = 0;
const BOB: usize = 1;
const CAROL: usize = 2;
const DAVE: usize = 3;

/// A picture that is not like another one.
pub fn picture(number: u8) -> Picture {
    Picture::new([&[0xff, 0xd8, 0xff], [number; 900].as_slice(), &[0xff, 0xd9]].concat()).unwrap()
}

pub fn of_somebody(world: &mut World, index: usize, whose: usize) -> Option<Picture> {
    let whose = world.account(whose);
    let db = world.clients[index].db.as_mut().unwrap();
    db.read::<_, StoreError>(|view| picture_of(view, &whose)).unwrap()
}

fn pictures_in_the_backup_of(world: &mut World, index: usize) -> Vec<Picture> {
    let (now, mut found) = (world.now, Vec::new());
    let db = world.clients[index].db.as_mut().unwrap();
    let written = db.read::<_, StoreError>(|view| {
        back_up(view, now, &mut |record| {
            if let Record::Contact(contact) = record
                && !contact.picture.is_empty()
            {
                found.push(Picture::new(contact.picture.clone()).unwrap());
            }
            Ok::<_, StoreError>(())
        })
    });
    written.unwrap();
    found
}

pub fn of_group(world: &mut World, index: usize, id: ConversationId) -> Option<Picture> {
    let db = world.clients[index].db.as_mut().unwrap();
    db.read::<_, StoreError>(|view| picture_of_group(view, &id)).unwrap()
}

pub fn set(world: &mut World, index: usize, id: ConversationId, picture: Option<Picture>) -> Outcome {
    world.outcome(index, Command::SetGroupPicture { conversation: id, picture })
}

fn pictured(world: &mut World, index: usize) -> usize {
    world.notices(index).iter().filter(|notice| matches!(notice, Notice::Pictured { .. })).count()
}

#[test]
fn an_own_picture_reaches_own_devices_and_those_one_talks_with_and_nobody_else() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    world.make_group(ALICE, "Room", &["bob", "carol"]);
    world.send(ALICE, "@bob", "hello");
    let tablet = world.link(ALICE);
    world.pass(Duration::from_secs(120));
    world.does(ALICE, Command::Set(Setting::Picture { picture: Some(picture(1)) }));
    world.pass(Duration::from_secs(120));
    assert_eq!(of_somebody(&mut world, BOB, ALICE), Some(picture(1)));
    assert_eq!(of_somebody(&mut world, CAROL, ALICE), None);
    let db = world.clients[tablet].db.as_mut().unwrap();
    assert_eq!(db.read::<_, StoreError>(own_picture).unwrap(), Some(picture(1)));
    // The name is told with it, and a new name does not take the picture away.
    let name = Setting::Profile { name: "Al".to_owned(), about: String::new() };
    world.does(tablet, Command::Set(name));
    world.pass(Duration::from_secs(120));
    assert_eq!(of_somebody(&mut world, BOB, ALICE), Some(picture(1)));
    assert_eq!(pictures_in_the_backup_of(&mut world, BOB), [picture(1)]);
    world.does(ALICE, Command::Set(Setting::Picture { picture: None }));
    world.pass(Duration::from_secs(120));
    assert_eq!(of_somebody(&mut world, BOB, ALICE), None);
    // No former picture stays with what was said.
    let rows = world.timeline(ALICE).into_iter().chain(world.timeline(tablet));
    assert!(rows.into_iter().all(|row| row.entry.content.len() < picture(1).as_bytes().len()));
}

#[test]
fn a_groups_picture_is_there_for_everybody_and_for_who_comes_later() {
    let (mut world, id) = room(&["alice", "bob", "carol", "dave"], &["bob", "carol"]);
    assert!(matches!(set(&mut world, BOB, id, Some(picture(1))), Outcome::Wished { .. }));
    world.pass(Duration::from_secs(20));
    for index in [ALICE, BOB, CAROL] {
        assert_eq!(of_group(&mut world, index, id), Some(picture(1)), "{index}");
        assert_eq!(pictured(&mut world, index), 1);
    }
    // Another name does not take it away; who comes in is told by who added them.
    world.change(CAROL, id, GroupChange::Name { name: "Choir".to_owned() });
    world.pass(Duration::from_secs(60));
    let account = world.find(ALICE, "dave");
    world.change(ALICE, id, GroupChange::Add { account });
    world.pass(Duration::from_secs(20));
    assert_eq!(of_group(&mut world, DAVE, id), Some(picture(1)));
    set(&mut world, ALICE, id, None);
    world.pass(Duration::from_secs(60));
    for index in [ALICE, BOB, CAROL, DAVE] {
        assert_eq!(of_group(&mut world, index, id), None);
        let notices = world.notices(index);
        let by = world.account(ALICE);
        assert!(notices.contains(&Notice::Pictured { taken_away: true, by }), "{index}");
    }
    world.calm();
}

#[test]
fn who_lacks_a_groups_picture_asks_for_it_and_one_answer_is_enough() {
    let (mut world, id) = room(&["alice", "bob", "carol"], &["bob", "carol"]);
    set(&mut world, ALICE, id, Some(picture(1)));
    world.pass(Duration::from_secs(60));
    // A linked device joins after it was said.
    let tablet = world.link(BOB);
    world.go_offline(ALICE);
    world.pass(Duration::from_secs(180));
    assert_eq!(of_group(&mut world, tablet, id), Some(picture(1)));
}

#[test]
fn who_may_not_change_a_groups_details_gives_it_no_picture() {
    let (mut world, id) = room(&["alice", "bob"], &["bob"]);
    let (add, write) = (GroupWho::Everybody, GroupWho::Everybody);
    world.change(ALICE, id, GroupChange::Permissions { add, details: GroupWho::Admins, write });
    world.pass(Duration::from_secs(60));
    assert_eq!(set(&mut world, BOB, id, Some(picture(1))), Outcome::Refused(Refusal::NotAllowed));
    let unknown = GroupChange::Picture { picture: Some(picture(2).hash()) };
    let refused = world.change(ALICE, id, unknown);
    assert_eq!(refused, Outcome::Refused(Refusal::UnknownHere("such picture")));
}

#[test]
fn a_picture_that_the_details_do_not_name_changes_nothing() {
    let (mut world, id) = room(&["alice", "bob", "carol"], &["bob", "carol"]);
    set(&mut world, ALICE, id, Some(picture(1)));
    world.pass(Duration::from_secs(60));
    says(&mut world, BOB, id, Kind::GroupPicture(Some(picture(2))));
    world.pass(Duration::from_secs(60));
    for index in [ALICE, CAROL] {
        assert_eq!(of_group(&mut world, index, id), Some(picture(1)));
    }
}

#[test]
fn a_groups_picture_comes_though_its_giver_is_killed_at_any_step() {
    for kill_at in 0..12 {
        let (mut world, id) = room(&["alice", "bob"], &["bob"]);
        let steps = world.client(ALICE).steps;
        world.client(ALICE).kill_at = Some(steps + 1 + kill_at);
        world.command(ALICE, Command::SetGroupPicture { conversation: id, picture: Some(picture(1)) });
        world.pass(Duration::from_secs(30));
        world.client(ALICE).kill_at = None;
        world.restart(ALICE);
        world.pass(Duration::from_secs(60));
        if pictured(&mut world, BOB) == 0 {
            // It died before the wish was written: nobody was told that it is.
            world.command(ALICE, Command::SetGroupPicture { conversation: id, picture: Some(picture(1)) });
        }
        world.pass(Duration::from_secs(900));
        assert_eq!(of_group(&mut world, BOB, id), Some(picture(1)), "killed at {kill_at}");
        assert_eq!(pictured(&mut world, BOB), 1, "killed at {kill_at}");
    }
}
