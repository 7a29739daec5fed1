//! A device that keeps no rule, in a group of whole engines: what the server refuses, what gets through, and that nobody is
//! stuck afterwards.

use std::sync::Arc;
use std::time::Duration;

use hushwire_client_store::conversation::ConversationState;
use hushwire_engine::{Notice, Outcome};
use hushwire_group_policy::{Amendment, GroupExtension, Kind, Role};
use hushwire_mls::DeviceKeys;
use hushwire_mls::hostile::{Fault, Forged, HostileDevice, HostileMember};
use hushwire_suite::Suite;
use hushwire_types::{ConversationId, Entropy, Epoch, SendSeq};
use hushwire_wire::{ErrorCode, Group, Opaque, RecipientKeys, Response, SendCommit, SendMessage};

use crate::world::{T0, World};

const ALICE: usize = 0;
const BOB: usize = 1;
const CAROL: usize = 2;

/// Alice and bob talk, and bob's laptop has stopped to keep any rule.
struct Hostile {
    world: World,
    laptop: usize,
    conversation: ConversationId,
    keys: DeviceKeys,
    device: HostileDevice,
    next: SendSeq,
}

impl Hostile {
    fn new() -> Self {
        let mut world = World::with(&["alice", "bob"]);
        let laptop = world.link(BOB);
        world.send(ALICE, "@bob", "before");
        world.pass(Duration::from_secs(300));
        let conversation = world.conversations(ALICE)[0].id;
        let (keys, next) = world.turn_hostile(laptop);
        let device = HostileDevice::new(&keys, &suite(&world)).unwrap();
        Self { world, laptop, conversation, keys, device, next }
    }

    /// Alice's group with bob and carol, of which one device of `owner` has stopped to keep any rule.
    fn in_a_group(owner: usize) -> Self {
        let mut world = World::with(&["alice", "bob", "carol"]);
        let laptop = world.link(owner);
        world.pass(Duration::from_secs(5));
        let conversation = world.make_group(ALICE, "Choir", &["bob", "carol"]);
        world.pass(Duration::from_secs(300));
        let (keys, next) = world.turn_hostile(laptop);
        let device = HostileDevice::new(&keys, &suite(&world)).unwrap();
        Self { world, laptop, conversation, keys, device, next }
    }

    /// Everybody in the group speaks and is read by everybody, once; all are in one epoch, and nobody was alarmed.
    fn group_talks(&mut self, people: &[usize]) {
        let id = self.conversation;
        for (round, index) in people.iter().enumerate() {
            let said = self.world.say(*index, id, &format!("round {round}"));
            assert!(matches!(said, Outcome::Queued { .. }), "{said:?}");
            self.world.pass(Duration::from_secs(120));
        }
        let epoch = self.epoch();
        for index in people {
            let bodies = self.bodies(*index);
            for round in 0..people.len() {
                let times = bodies.iter().filter(|body| **body == format!("round {round}")).count();
                assert_eq!(times, 1, "{}: {bodies:?}", self.world.client(*index).name);
            }
            let all = self.world.conversations(*index);
            let known = all.into_iter().find(|known| known.id == id).unwrap();
            assert_eq!((known.state, known.known_epoch), (ConversationState::Active, epoch));
            assert_eq!(self.world.alerts(*index).iter().filter(|alert| is_bad(alert)).count(), 0);
        }
    }

    fn group(&mut self) -> Group {
        self.world.fetch_group(self.laptop, self.conversation)
    }

    fn send(&mut self, forged: &Forged) -> Response {
        let group = self.group();
        let connection = self.world.client(self.laptop).connection.unwrap();
        let send_seq = self.next;
        self.next = SendSeq(send_seq.0 + 1);
        let request = SendCommit {
            send_seq,
            conversation_id: self.conversation,
            generation: group.generation,
            epoch: group.epoch,
            commit: Opaque::from(forged.commit.clone()),
            group_info: Opaque::from(forged.group_info.clone()),
            welcome: forged.welcome.clone().map(Opaque::from),
        };
        self.world.ask(connection, request.into())
    }

    /// Its place in the group, by an external Commit that removes its leaf, as the rules allow.
    fn member(&mut self) -> HostileMember {
        let group = self.group();
        let info = group.group_info.unwrap();
        // Whose leaf is its own is not written in the GroupInfo: the server takes no other.
        for leaf in 0..4 {
            let entered = self.device.enter(&info, &group.ratchet_tree, Some(leaf), self.world.now);
            let Ok((member, forged)) = entered else { continue };
            if matches!(self.send(&forged), Response::MessageSent(_)) {
                self.world.pass(Duration::from_secs(120));
                return member;
            }
        }
        panic!("the laptop cannot enter")
    }

    fn refused(&mut self, forged: &Forged) {
        let before = self.epoch();
        match self.send(forged) {
            Response::Error(error) => assert_eq!(error.code, ErrorCode::RefusedByPolicy, "{error:?}"),
            other => panic!("accepted: {other:?}"),
        }
        assert_eq!(self.epoch(), before);
    }

    fn epoch(&mut self) -> Epoch {
        self.group().epoch
    }

    fn bodies(&mut self, index: usize) -> Vec<String> {
        self.world.texts(index).into_iter().map(|(_, body)| body).collect()
    }

    /// Both talk, each text is shown once to both, and both are in the same epoch.
    fn all_talk(&mut self, expected: &[&str]) {
        self.world.send(ALICE, "@bob", "from alice");
        self.world.pass(Duration::from_secs(120));
        self.world.send(BOB, "@alice", "from bob");
        self.world.pass(Duration::from_secs(120));
        let expected: Vec<&str> = expected.iter().copied().chain(["from alice", "from bob"]).collect();
        for index in [ALICE, BOB] {
            assert_eq!(self.bodies(index), expected, "{}", self.world.client(index).name);
            let id = self.group().conversation_id;
            let all = self.world.conversations(index);
            let conversation = all.into_iter().find(|conversation| conversation.id == id).unwrap();
            assert_eq!(conversation.state, ConversationState::Active);
            assert_eq!(conversation.known_epoch, self.epoch());
            assert_eq!(self.world.alerts(index).iter().filter(|alert| is_bad(alert)).count(), 0);
        }
    }
}

/// That bob's laptop was added is told to bob, and is no harm.
fn is_bad(alert: &hushwire_engine::Alert) -> bool {
    !matches!(alert, hushwire_engine::Alert::OwnDeviceAdded { .. })
}

fn suite(world: &World) -> Suite {
    Suite::new(Arc::clone(&world.entropy) as Arc<dyn Entropy>)
}

#[test]
fn r9_what_is_never_allowed_is_refused_by_the_server_and_nobody_notices() {
    let mut hostile = Hostile::new();
    let mut member = hostile.member();
    let notices = (hostile.world.notices(ALICE), hostile.world.notices(BOB));
    for forged in
        [member.private_commit().unwrap(), member.psk_commit().unwrap(), member.reinit_commit().unwrap()]
    {
        hostile.refused(&forged);
    }
    hostile.world.pass(Duration::from_secs(5));
    assert_eq!((hostile.world.notices(ALICE), hostile.world.notices(BOB)), notices);
    hostile.all_talk(&["before"]);
}

#[test]
fn r3_a_foreign_credential_is_refused_by_the_server_and_nobody_notices() {
    let mut hostile = Hostile::new();
    let mut member = hostile.member();
    let mallory = hostile.world.join("mallory");
    let (keys, _) = hostile.world.turn_hostile(mallory);
    let stranger = HostileDevice::new(&keys, &suite(&hostile.world)).unwrap();
    let forged = member.commit_adding(&stranger.key_package(T0).unwrap()).unwrap();
    hostile.refused(&forged);
    hostile.all_talk(&["before"]);
}

#[test]
fn r7_an_external_commit_without_its_remove_is_refused_by_the_server() {
    let mut hostile = Hostile::new();
    // With another key than its leaf has: mls-rs makes no second leaf with the same.
    let keys = DeviceKeys { mls_key: hushwire_types::Secret::new([20; 32]), ..hostile.keys.clone() };
    let again = HostileDevice::new(&keys, &suite(&hostile.world)).unwrap();
    let group = hostile.group();
    let forged = again.external_commit(&group.group_info.unwrap(), &group.ratchet_tree, None).unwrap();
    hostile.refused(&forged);
    hostile.all_talk(&["before"]);
}

/// The server cannot see the fault: the epoch is spent, and everybody enters anew (rule R1).
fn healed(fault: Fault) {
    let mut hostile = Hostile::new();
    let mut member = hostile.member();
    let forged = member.faulty_commit(fault).unwrap();
    hostile.world.send(ALICE, "@bob", "accepted before");
    hostile.world.pass(Duration::from_secs(5));
    let sent = hostile.send(&forged);
    assert!(matches!(sent, Response::MessageSent(_)), "{sent:?}");
    hostile.world.pass(Duration::from_secs(120));
    for index in [ALICE, BOB] {
        let notices = hostile.world.notices(index);
        let rejoined = notices.iter().filter(|notice| **notice == Notice::Rejoined).count();
        assert_eq!(rejoined, 1, "one plain sentence: {notices:?}");
        assert!(!notices.contains(&Notice::Stuck));
    }
    hostile.all_talk(&["before", "accepted before"]);
}

#[test]
fn r1_a_bad_confirmation_tag_is_healed_by_entering_anew() {
    healed(Fault::ConfirmationTag);
}

#[test]
fn r1_bad_path_secrets_are_healed_by_entering_anew() {
    healed(Fault::PathSecrets);
}

/// In a group each member heals by itself, one after the other, and all meet again.
fn healed_in_a_group(fault: Fault) {
    let mut hostile = Hostile::in_a_group(BOB);
    let mut member = hostile.member();
    let forged = member.faulty_commit(fault).unwrap();
    let sent = hostile.send(&forged);
    assert!(matches!(sent, Response::MessageSent(_)), "{sent:?}");
    hostile.world.pass(Duration::from_secs(600));
    for index in [ALICE, BOB, CAROL] {
        let notices = hostile.world.notices(index);
        assert!(notices.contains(&Notice::Rejoined) && !notices.contains(&Notice::Stuck), "{notices:?}");
    }
    hostile.group_talks(&[ALICE, BOB, CAROL]);
}

#[test]
fn r1_a_bad_confirmation_tag_does_not_brick_a_group() {
    healed_in_a_group(Fault::ConfirmationTag);
}

#[test]
fn r1_bad_path_secrets_do_not_brick_a_group() {
    healed_in_a_group(Fault::PathSecrets);
}

#[test]
fn a_member_that_spends_epoch_after_epoch_keeps_nobody_out() {
    let mut hostile = Hostile::in_a_group(BOB);
    for _ in 0..5 {
        let mut member = hostile.member();
        let forged = member.faulty_commit(Fault::ConfirmationTag).unwrap();
        hostile.send(&forged);
        hostile.world.pass(Duration::from_secs(600));
    }
    hostile.group_talks(&[ALICE, BOB, CAROL]);
}

#[test]
fn a_commit_that_no_policy_allows_is_refused_and_nobody_notices() {
    let mut hostile = Hostile::in_a_group(BOB);
    let mut member = hostile.member();
    let notices = [ALICE, BOB, CAROL].map(|index| hostile.world.notices(index));
    let extension = GroupExtension::peek(&hostile.group().group_info.unwrap()).unwrap();
    let account = hostile.keys.credential.account;
    let mut owned = extension.clone();
    if let Kind::Group(charter) = &mut owned.kind {
        charter.amend(&Amendment::Role(account, Role::Owner));
    }
    let mut elsewhere = extension;
    elsewhere.conversation = ConversationId::new([9; 32]);
    hostile.refused(&member.commit_setting(&owned).unwrap());
    hostile.refused(&member.commit_setting(&elsewhere).unwrap());
    // Alice made the group, so hers is the first leaf.
    hostile.refused(&member.commit_removing(0).unwrap());
    hostile.world.pass(Duration::from_secs(60));
    assert_eq!([ALICE, BOB, CAROL].map(|index| hostile.world.notices(index)), notices);
    hostile.group_talks(&[ALICE, BOB, CAROL]);
}

#[test]
fn a_flood_of_proposals_reaches_nobody() {
    let mut hostile = Hostile::in_a_group(BOB);
    let mut member = hostile.member();
    let before = hostile.epoch();
    let entries = [ALICE, BOB, CAROL].map(|index| hostile.world.client(index).steps);
    let (proposal, by_reference) = member.commit_by_reference(0).unwrap();
    let connection = hostile.world.client(hostile.laptop).connection.unwrap();
    let generation = hostile.group().generation;
    for _ in 0..500 {
        let request = SendMessage {
            send_seq: hostile.next,
            conversation_id: hostile.conversation,
            generation,
            epoch: before,
            body: Opaque::from(proposal.clone()),
        };
        hostile.next = SendSeq(hostile.next.0 + 1);
        let answer = hostile.world.ask(connection, request.into());
        let Response::Error(error) = answer else { panic!("accepted: {answer:?}") };
        assert_eq!(error.code, ErrorCode::RefusedByPolicy);
    }
    hostile.refused(&by_reference);
    hostile.world.settle();
    assert_eq!(hostile.epoch(), before);
    assert_eq!([ALICE, BOB, CAROL].map(|index| hostile.world.client(index).steps), entries);
    hostile.group_talks(&[ALICE, BOB, CAROL]);
}

/// What a hostile owner adds, with a Welcome that is not what it says.
fn added_badly(hostile: &mut Hostile, member: &mut HostileMember, dora: usize) -> Forged {
    let account_id = hostile.world.account(dora);
    let connection = hostile.world.client(hostile.laptop).connection.unwrap();
    let claim = RecipientKeys { account_id, device_ids: Vec::new() };
    let Response::ClaimedKeyPackages(claimed) = hostile.world.ask(connection, claim.into()) else {
        panic!("no keys")
    };
    member.commit_adding(&claimed.key_packages[0].key_package).unwrap()
}

#[test]
fn a_welcome_for_somebody_else_is_refused() {
    let mut hostile = Hostile::in_a_group(ALICE);
    let dora = hostile.world.join("dora");
    let mut member = hostile.member();
    let mut forged = added_badly(&mut hostile, &mut member, dora);
    forged.welcome = None;
    hostile.refused(&forged);
    hostile.group_talks(&[ALICE, BOB, CAROL]);
    assert_eq!(hostile.world.texts(dora), []);
}

#[test]
fn a_welcome_that_does_not_open_keeps_nobody_out() {
    let mut hostile = Hostile::in_a_group(ALICE);
    let dora = hostile.world.join("dora");
    let mut member = hostile.member();
    let mut forged = added_badly(&mut hostile, &mut member, dora);
    let welcome = forged.welcome.as_mut().unwrap();
    // The last byte is the encrypted GroupInfo's: only whoever opens it can see.
    *welcome.last_mut().unwrap() ^= 1;
    let sent = hostile.send(&forged);
    assert!(matches!(sent, Response::MessageSent(_)), "{sent:?}");
    hostile.world.pass(Duration::from_secs(600));
    assert!(hostile.world.notices(dora).contains(&Notice::Rejoined));
    hostile.group_talks(&[ALICE, BOB, CAROL, dora]);
}
