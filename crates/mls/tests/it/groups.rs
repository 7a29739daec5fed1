//! Groups of more than two accounts: the charter through Commits, leaving, and details that only members read.

use hushwire_group_policy::{Amendment, GroupExtension, Role};
use hushwire_mls::{Change, Intent, MAX_DETAILS_BYTES, Membership, MlsError, NewGroup, Refusal};
use hushwire_types::{AccountId, ConversationId, Epoch, SecretBytes};

use crate::support::{ALICE, BOB, GROUP, NOW, Node, Server, World, add, commit, talk};

const CAROL: AccountId = AccountId::new([3; 32]);
const DAVE: AccountId = AccountId::new([4; 32]);

/// Alice's group with Bob and Carol.
fn trio(world: &World) -> (Node, Node, Node, Server) {
    for account in [CAROL, DAVE] {
        world.lists.know(account, 9);
    }
    let (mut alice, mut bob, mut carol) = (world.node(ALICE, 1), world.node(BOB, 2), world.node(CAROL, 3));
    let extension = GroupExtension::group(ConversationId::new([5; 32]), ALICE);
    let mut server = Server::start_with(world, &mut alice, NewGroup { group_id: GROUP, extension });
    let change = Change { add: vec![bob.addition(), carol.addition()], ..Change::default() };
    let staged = commit(&mut server, &mut alice, &mut [], &Intent::Change(change));
    let (welcome, tree) = (staged.welcome.unwrap(), server.tree());
    for node in [&mut bob, &mut carol] {
        node.step(|device| device.join(&welcome, &tree, NOW)).unwrap();
    }
    (alice, bob, carol, server)
}

fn amending(amend: Vec<Amendment>) -> Intent {
    Intent::Change(Change { amend, ..Change::default() })
}

fn naming(name: &str) -> Intent {
    let details = Some(SecretBytes::new(name.as_bytes().to_vec()));
    Intent::Change(Change { details, ..Change::default() })
}

fn name(node: &mut Node) -> Option<String> {
    let details = node.step(|device| device.details(&GROUP)).unwrap();
    details.map(|details| String::from_utf8(details.expose().to_vec()).unwrap())
}

fn role(node: &mut Node, account: AccountId) -> Role {
    node.step(|device| device.view(&GROUP)).unwrap().extension.charter().unwrap().role(account)
}

#[test]
fn three_accounts_join_by_one_commit_and_talk() {
    let (mut alice, mut bob, mut carol, _) = trio(&World::new(60));
    talk(&mut [&mut alice, &mut bob, &mut carol]);
}

#[test]
fn all_agree_on_a_changed_charter() {
    let (mut alice, mut bob, mut carol, mut server) = trio(&World::new(61));
    let intent = amending(vec![Amendment::Role(BOB, Role::Admin), Amendment::Timer(3600)]);
    commit(&mut server, &mut alice, &mut [&mut bob, &mut carol], &intent);
    for node in [&mut alice, &mut bob, &mut carol] {
        assert_eq!(role(node, BOB), Role::Admin);
    }
    assert_eq!(server.observer.extension().charter().unwrap().timer_secs, 3600);
}

#[test]
fn a_member_does_not_even_make_what_it_may_not_do() {
    let (_, mut bob, carol, _) = trio(&World::new(62));
    for intent in [
        amending(vec![Amendment::Role(BOB, Role::Owner)]),
        Intent::Change(Change { remove: vec![carol.credential.device], ..Change::default() }),
    ] {
        let refused = bob.step(|device| device.stage_commit(&GROUP, &intent, NOW));
        assert!(matches!(refused, Err(MlsError::Refused(Refusal::Policy(_)))), "{refused:?}");
    }
}

#[test]
fn who_leaves_says_so_and_is_removed_by_whoever_is_next() {
    let (mut alice, mut bob, mut carol, mut server) = trio(&World::new(63));
    let leaving = amending(vec![Amendment::Role(ALICE, Role::Leaving)]);
    commit(&mut server, &mut alice, &mut [&mut bob, &mut carol], &leaving);
    let put_out = Change { remove: vec![alice.credential.device], ..Change::default() };
    let staged = commit(&mut server, &mut carol, &mut [&mut bob], &Intent::Change(put_out));
    let change = alice.follow(&staged.bytes);
    assert_eq!(change.membership, Membership::Removed);
    assert_eq!(role(&mut bob, ALICE), Role::Member, "nothing of it stays");
    talk(&mut [&mut bob, &mut carol]);
    // The owner is gone: those who stay are in charge.
    let taking = amending(vec![Amendment::Role(BOB, Role::Owner)]);
    commit(&mut server, &mut bob, &mut [&mut carol], &taking);
    assert_eq!(role(&mut carol, BOB), Role::Owner);
}

#[test]
fn r5_members_read_the_details_and_the_published_state_does_not_hold_them() {
    let world = World::new(64);
    let (mut alice, mut bob, mut carol, mut server) = trio(&world);
    assert_eq!(name(&mut bob), None);
    let staged = commit(&mut server, &mut alice, &mut [&mut bob, &mut carol], &naming("Choir practice"));
    for node in [&mut alice, &mut bob, &mut carol] {
        assert_eq!(name(node).as_deref(), Some("Choir practice"));
    }
    let seen = [staged.bytes, staged.group_info, server.observer.snapshot().unwrap()].concat();
    let key = alice.step(|device| device.details_key(&GROUP)).unwrap().unwrap();
    for secret in [b"Choir practice".as_slice(), key.expose()] {
        assert!(!seen.windows(secret.len()).any(|window| window == secret));
    }
    // A newcomer reads them at once, by the key in its Welcome.
    let mut dave = world.node(DAVE, 4);
    add(&mut server, &mut alice, &mut [&mut bob, &mut carol], &mut dave);
    assert_eq!(name(&mut dave).as_deref(), Some("Choir practice"));
}

#[test]
fn r5_who_was_removed_has_no_key_of_what_is_set_afterwards() {
    let (mut alice, mut bob, mut carol, mut server) = trio(&World::new(65));
    commit(&mut server, &mut alice, &mut [&mut bob, &mut carol], &naming("before"));
    let put_out = Change { remove: vec![carol.credential.device], ..Change::default() };
    let staged = commit(&mut server, &mut alice, &mut [&mut bob], &Intent::Change(put_out));
    carol.follow(&staged.bytes);
    let old = alice.step(|device| device.details_key(&GROUP)).unwrap();
    commit(&mut server, &mut bob, &mut [&mut alice], &naming("after"));
    let new = alice.step(|device| device.details_key(&GROUP)).unwrap();
    assert_eq!(name(&mut alice).as_deref(), Some("after"));
    assert_ne!(old, new);
}

#[test]
fn who_rejoins_keeps_the_key_or_is_told_it() {
    let (mut alice, mut bob, mut carol, mut server) = trio(&World::new(66));
    commit(&mut server, &mut alice, &mut [&mut bob, &mut carol], &naming("one"));
    let mut rejoin = |node: &mut Node, others: &mut [&mut Node]| {
        let (info, tree) = (server.group_info.clone(), server.tree());
        let staged = node.step(|device| device.stage_rejoin(&info, &tree, Epoch(0))).unwrap();
        server.accept(&node.credential, &staged.bytes, &staged.group_info, None).unwrap();
        node.apply(&staged.secrets);
        others.iter_mut().for_each(|other| {
            other.follow(&staged.bytes);
        });
    };
    rejoin(&mut bob, &mut [&mut alice, &mut carol]);
    assert_eq!(name(&mut bob).as_deref(), Some("one"), "it had the key");
    carol.database.clear();
    rejoin(&mut carol, &mut [&mut alice, &mut bob]);
    assert_eq!(name(&mut carol), None, "it lost the key with everything else");
    let wrong = hushwire_types::Secret::new([0; 32]);
    assert!(!carol.step(|device| device.learn_details_key(&GROUP, wrong)).unwrap());
    let key = alice.step(|device| device.details_key(&GROUP)).unwrap().unwrap();
    assert!(carol.step(|device| device.learn_details_key(&GROUP, key)).unwrap());
    assert_eq!(name(&mut carol).as_deref(), Some("one"));
    talk(&mut [&mut alice, &mut bob, &mut carol]);
}

#[test]
fn details_over_the_limit_are_misuse() {
    let (mut alice, ..) = trio(&World::new(67));
    let mut stage = |length: usize| {
        let details = Some(SecretBytes::new(vec![7; length]));
        let intent = Intent::Change(Change { details, ..Change::default() });
        alice.step(|device| device.stage_commit(&GROUP, &intent, NOW)).map(|_| ())
    };
    assert!(stage(MAX_DETAILS_BYTES).is_ok());
    assert!(matches!(stage(MAX_DETAILS_BYTES + 1), Err(MlsError::Misuse(_))));
}

#[test]
fn a_direct_conversation_has_no_charter() {
    let (mut alice, _, _) = World::new(68).pair();
    for intent in [amending(vec![Amendment::Timer(1)]), naming("no")] {
        let misuse = alice.step(|device| device.stage_commit(&GROUP, &intent, NOW));
        assert!(matches!(misuse, Err(MlsError::Misuse(_))));
    }
}
