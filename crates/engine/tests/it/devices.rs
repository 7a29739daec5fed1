//! An account with several devices: who is added, who is removed, and how (rule R3).

use std::time::Duration;

use hushwire_engine::{Alert, Command, NewDevice, Notice, Outcome, Recipient, Refusal};
use hushwire_identity::linking::Offer;
use hushwire_identity::list::Joining;
use hushwire_identity::{DeviceName, RecoveryKey};

use crate::world::{Line, World};

/// Alice and bob have talked; then bob takes a second device.
fn with_a_laptop() -> (World, usize) {
    let mut world = World::with(&["alice", "bob"]);
    world.send(0, "@bob", "before");
    world.pass(Duration::from_secs(120));
    let laptop = world.link(1);
    world.pass(Duration::from_secs(300));
    (world, laptop)
}

#[test]
fn a_new_device_of_a_peer_is_added_and_reads_what_follows() {
    let (mut world, laptop) = with_a_laptop();
    world.send(0, "@bob", "after");
    world.pass(Duration::from_secs(10));
    assert_eq!(world.texts(laptop).into_iter().map(|(_, body)| body).collect::<Vec<_>>(), ["after"]);
    assert_eq!(world.texts(1).len(), 2);
    let device = world.clients[laptop].engine.as_ref().unwrap().device();
    assert!(
        world
            .notices(0)
            .iter()
            .any(|notice| matches!(notice, Notice::DeviceAdded { device: added, .. } if *added == device))
    );
    assert_eq!(world.alerts(1), [Alert::OwnDeviceAdded { device }]);
    assert_eq!((world.alerts(0), world.alerts(laptop)), (vec![], vec![]));
}

#[test]
fn what_one_device_says_is_shown_on_the_other_as_ones_own() {
    let (mut world, laptop) = with_a_laptop();
    world.send(laptop, "@alice", "from the laptop");
    world.pass(Duration::from_secs(10));
    assert_eq!(world.texts(1).last().unwrap(), &("bob", "from the laptop".to_owned()));
    assert_eq!(world.texts(0).last().unwrap(), &("bob", "from the laptop".to_owned()));
    // Alice's receipt is for the account: each of its devices shows it.
    assert_eq!(world.count(1, "delivered"), 1);
    assert_eq!(world.count(laptop, "delivered"), 1);
}

#[test]
fn r3_a_revoked_device_is_removed_and_reads_nothing_more() {
    let (mut world, laptop) = with_a_laptop();
    world.revoke(1, laptop);
    world.pass(Duration::from_secs(60));
    world.send(0, "@bob", "secret");
    world.send(1, "@alice", "also secret");
    world.pass(Duration::from_secs(300));
    assert!(!world.texts(laptop).iter().any(|(_, body)| body.contains("secret")));
    assert_eq!(world.texts(0).len(), 3);
    assert_eq!(world.texts(1).len(), 3);
    assert!(world.notices(0).iter().any(|notice| matches!(notice, Notice::DeviceRemoved { .. })));
    for index in [0, 1] {
        let conversation = world.conversations(index)[0].clone();
        assert_eq!(conversation.state, hushwire_client_store::conversation::ConversationState::Active);
    }
}

/// Alerts of rule R4, of lists that do not come, and of conversations that nobody can repair.
fn complaints(world: &mut World) -> Vec<Alert> {
    let complaint = |alert: &Alert| {
        matches!(
            alert,
            Alert::Mismatch { .. } | Alert::Stuck { .. } | Alert::ListWithheld { .. } | Alert::Fork { .. }
        )
    };
    (0..world.clients.len()).flat_map(|index| world.alerts(index)).filter(complaint).collect()
}

fn nothing_is_parked(world: &mut World, index: usize) {
    let db = world.client(index).db.as_mut().unwrap();
    assert_eq!(db.read(hushwire_client_store::parked::all).unwrap().len(), 0);
}

#[test]
fn r2_a_displaced_device_is_removed_by_everybody_and_reads_nothing_more() {
    let (mut world, thief) = with_a_laptop();
    world.send(thief, "@alice", "from the thief");
    world.pass(Duration::from_secs(60));
    world.recover(1, 1);
    world.pass(Duration::from_secs(300));
    world.send(0, "@bob", "secret");
    world.send(1, "@alice", "also secret");
    world.pass(Duration::from_secs(300));
    assert!(!world.texts(thief).iter().any(|(_, body)| body.contains("secret")));
    assert_eq!((world.texts(0).len(), world.texts(1).len()), (4, 4));
    let device = world.clients[thief].engine.as_ref().unwrap().device();
    for index in [0, 1] {
        let gone =
            |notice: &Notice| matches!(notice, Notice::DeviceRemoved { device: of, .. } if *of == device);
        assert!(world.notices(index).iter().any(gone), "{index}");
        nothing_is_parked(&mut world, index);
    }
    assert_eq!(complaints(&mut world), []);
}

#[test]
fn r3_who_was_away_judges_what_a_displaced_device_did_by_the_list_of_that_time() {
    let mut world = World::with(&["alice", "bob"]);
    world.send(0, "@bob", "before");
    world.pass(Duration::from_secs(120));
    world.go_offline(0);
    // A stolen phone adds a device, which joins and speaks; then the recovery key undoes that. Alice knows of nothing.
    let thief = world.link(1);
    world.pass(Duration::from_secs(300));
    world.send(thief, "@alice", "from the thief");
    world.pass(Duration::from_secs(60));
    world.recover(1, 1);
    world.pass(Duration::from_secs(300));
    world.send(1, "@alice", "it was a thief");
    world.pass(Duration::from_secs(60));

    world.go_online(0);
    world.pass(Duration::from_secs(300));
    let bodies: Vec<String> = world.texts(0).into_iter().map(|(_, body)| body).collect();
    assert_eq!(bodies, ["before", "from the thief", "it was a thief"]);
    nothing_is_parked(&mut world, 0);
    world.send(0, "@bob", "secret");
    world.pass(Duration::from_secs(60));
    assert_eq!(world.texts(1).last().unwrap().1, "secret");
    assert!(!world.texts(thief).iter().any(|(_, body)| body == "secret"));
    assert_eq!(complaints(&mut world), []);
    // It is in the rows: another start judges the same.
    world.restart(0);
    world.send(1, "@alice", "and after a restart");
    world.pass(Duration::from_secs(60));
    assert_eq!(world.texts(0).last().unwrap().1, "and after a restart");
}

#[test]
fn r2_a_device_that_was_away_when_its_own_list_was_displaced_follows() {
    let (mut world, laptop) = with_a_laptop();
    world.go_offline(1);
    world.recover(1, laptop);
    world.pass(Duration::from_secs(300));
    world.go_online(1);
    world.pass(Duration::from_secs(300));
    world.send(0, "@bob", "to the phone");
    world.send(1, "@alice", "from the phone");
    world.pass(Duration::from_secs(60));
    assert_eq!((world.texts(0).len(), world.texts(1).len()), (3, 3));
    assert!(!world.texts(laptop).iter().any(|(_, body)| body.contains("the phone")));
    nothing_is_parked(&mut world, 1);
    assert_eq!(complaints(&mut world), []);
}

#[test]
fn a_conversation_that_begins_later_has_all_devices_of_both() {
    let mut world = World::with(&["alice", "bob"]);
    let (tablet, laptop) = (world.link(0), world.link(1));
    world.pass(Duration::from_secs(5));
    world.send(0, "@bob", "hello");
    world.pass(Duration::from_secs(300));
    world.send(laptop, "@alice", "answer");
    world.pass(Duration::from_secs(60));
    assert_eq!(world.texts(laptop).len(), 2);
    assert_eq!(world.texts(0).len(), 2);
    assert_eq!(world.texts(1).len(), 2);
    assert_eq!(world.texts(tablet).len(), 2, "the first message is for one's own other devices, too");
    for index in 0..4 {
        assert!(
            !world
                .alerts(index)
                .iter()
                .any(|alert| matches!(alert, Alert::Mismatch { .. } | Alert::Stuck { .. }))
        );
    }
}

#[test]
fn an_account_with_more_devices_than_one_claim_has_all_of_them_in_its_conversations() {
    let mut world = World::with(&["alice", "bob"]);
    // Claims give 20 KeyPackages: the rest is claimed by name and added by further Commits.
    let mut others = Vec::new();
    for _ in 0..21 {
        others.push(world.link(1));
        world.pass(Duration::from_secs(1));
    }
    world.send(0, "@bob", "hello");
    world.pass(Duration::from_secs(900));
    world.send(0, "@bob", "to all of you");
    world.pass(Duration::from_secs(60));
    for device in others.into_iter().chain([1]) {
        assert_eq!(world.texts(device).last().unwrap().1, "to all of you", "device {device}");
    }
    for device in 0..2 {
        assert!(!world.alerts(device).iter().any(|alert| matches!(
            alert,
            Alert::Mismatch { .. } | Alert::Stuck { .. } | Alert::BadKeys { .. }
        )));
    }
}

impl World {
    /// Links a device by the commands that its owner's device is given; its index.
    fn let_in(&mut self, owner: usize) -> usize {
        let new = NewDevice::generate("laptop".parse().unwrap(), &*self.entropy);
        let Offer { list_key, mls_key, name, .. } = new.offer(&*self.entropy);
        let joining = Joining { list_key, mls_key, name };
        let head = self.profile_of(owner).1.head();
        let outcome = self.outcome(owner, Command::DraftDevice { joining });
        let Outcome::Drafted { draft } = outcome else { panic!("{outcome:?}") };
        let entry = new.complete(&draft, head).unwrap();
        assert_eq!(self.outcome(owner, Command::AddDevice { entry }), Outcome::Done);
        let list = self.profile_of(owner).1;
        self.open_linked(owner, &new, &list)
    }
}

#[test]
fn a_device_that_is_let_in_is_soon_in_every_conversation_and_told_to_the_others() {
    let mut world = World::with(&["alice", "bob", "carol", "dave"]);
    let tablet = world.link(0);
    world.pass(Duration::from_secs(120));
    for peer in ["@bob", "@carol", "@dave", "@alice"] {
        world.send(0, peer, "hello");
    }
    world.pass(Duration::from_secs(300));
    let before = (world.alerts(0).len(), world.alerts(tablet).len());
    let laptop = world.let_in(0);
    let device = world.clients[laptop].engine.as_ref().unwrap().device();
    world.pass(Duration::from_secs(20));
    assert_eq!(world.conversations(laptop).len(), 4, "added without the spacing of voluntary Commits");
    assert_eq!(world.alerts(0).len(), before.0, "whoever let it in knows");
    assert_eq!(world.alerts(tablet)[before.1..], [Alert::OwnDeviceAdded { device }]);
    world.send(1, "@alice", "to all of you");
    world.pass(Duration::from_secs(20));
    for index in [0, tablet, laptop] {
        assert!(world.texts(index).contains(&("bob", "to all of you".to_owned())), "device {index}");
    }
}

#[test]
fn of_two_devices_that_change_the_list_at_once_one_is_told_to_look_again() {
    let mut world = World::with(&["alice"]);
    let tablet = world.link(0);
    world.pass(Duration::from_secs(5));
    let laptop = world.link(0);
    world.pass(Duration::from_secs(60));
    let phone = world.clients[0].engine.as_ref().unwrap().device();
    let name: DeviceName = "kitchen".parse().unwrap();
    let rename = |device| Command::RenameDevice { device, name: name.clone() };
    // The tablet has not heard of the other change yet.
    world.client(tablet).line = Line::Deaf;
    assert_eq!(world.outcome(laptop, rename(phone)), Outcome::Done);
    let number = world.command(tablet, rename(phone));
    world.settle();
    world.client(tablet).line = Line::Good;
    world.go_offline(tablet);
    world.settle();
    let outcome = world.client(tablet).outcomes.get(&number).cloned();
    assert!(matches!(outcome, Some(Outcome::Refused(Refusal::Unreachable))), "{outcome:?}");
    world.go_online(tablet);
    world.pass(Duration::from_secs(60));
    for index in [0, tablet, laptop] {
        assert_eq!(world.profile_of(index).1.name(phone), Some(&name), "device {index}");
        assert!(!world.alerts(index).iter().any(|alert| matches!(alert, Alert::Fork { .. })));
    }
}

#[test]
fn r3_a_device_is_put_out_by_another_one_and_not_by_itself() {
    let mut world = World::with(&["alice", "bob"]);
    let laptop = world.let_in(0);
    world.send(0, "@bob", "hello");
    world.pass(Duration::from_secs(120));
    let device = world.clients[laptop].engine.as_ref().unwrap().device();
    let revoke = Command::RevokeDevice { device };
    assert_eq!(world.outcome(laptop, revoke.clone()), Outcome::Refused(Refusal::ThisDevice));
    world.go_offline(0);
    assert_eq!(world.outcome(0, revoke.clone()), Outcome::Refused(Refusal::Unreachable));
    world.go_online(0);
    assert_eq!(world.outcome(0, revoke.clone()), Outcome::Done);
    assert_eq!(world.outcome(0, revoke), Outcome::Refused(Refusal::UnknownHere("such device")));
    world.send(1, "@alice", "not for the laptop");
    world.pass(Duration::from_secs(60));
    assert_eq!(world.texts(0).last().unwrap().1, "not for the laptop");
    assert!(!world.texts(laptop).iter().any(|(_, body)| body == "not for the laptop"));
}

#[test]
fn whoever_lost_all_devices_comes_back_to_people_and_groups_by_the_recovery_key() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    world.send(0, "@bob", "before");
    let members = ["@bob", "@carol"].map(|name| {
        let handle = name.parse().unwrap();
        match world.outcome(0, Command::LookUp { handle }) {
            Outcome::Found { account, .. } => account,
            other => panic!("{other:?}"),
        }
    });
    let made = world.outcome(0, Command::CreateGroup { name: "Trip".to_owned(), members: members.to_vec() });
    let Outcome::Begun { conversation } = made else { panic!("{made:?}") };
    world.pass(Duration::from_secs(300));
    let (profile, list) = world.profile_of(0);
    let recovery = RecoveryKey::from_seed(&profile.recovery_key.unwrap());
    world.kill(0);

    let new = NewDevice::generate("new phone".parse().unwrap(), &*world.entropy);
    let entry = new.recover(&list, &recovery).unwrap();
    let mut longer = list.clone();
    longer.append(&entry).unwrap();
    world.recover_device(list.account_id(), entry);
    let phone = world.open_linked(0, &new, &longer);
    world.pass(Duration::from_secs(120));
    let to = Recipient::Conversation(conversation);
    for index in [1, 2] {
        let say = Command::Send { to: to.clone(), text: "welcome back".to_owned(), key: None };
        assert!(matches!(world.outcome(index, say), Outcome::Queued { .. }));
    }
    world.send(1, "@alice", "just you");
    world.pass(Duration::from_secs(30));
    let texts: Vec<(&str, String)> = world.texts(phone);
    for (author, text) in [("bob", "welcome back"), ("carol", "welcome back"), ("bob", "just you")] {
        assert!(texts.contains(&(author, text.to_owned())), "{texts:?}");
    }
    let answer = Command::Send { to, text: "here again".to_owned(), key: None };
    world.outcome(phone, answer);
    world.pass(Duration::from_secs(30));
    assert!(world.texts(2).contains(&("alice", "here again".to_owned())));
}
