//! The registration lock from the side of devices: claims to one's own handles, and handles of others that moved.

use std::time::Duration;

use hushwire_client_store::account::{self, Trust};
use hushwire_engine::{
    Alert, ClaimAnswer, ClaimState, Command, HandleClaim, Outcome, Refusal, handle_claims, own_handles,
};
use hushwire_types::AccountId;

use crate::world::{Line, World, send};

const DAY: Duration = Duration::from_secs(86_400);
const NUMBER: &str = "+15551234567";

fn decide(claimant: Option<AccountId>, answer: ClaimAnswer) -> Command {
    Command::DecideClaim { handle: NUMBER.parse().unwrap(), claimant, answer }
}

fn claims(world: &mut World, index: usize) -> Vec<HandleClaim> {
    world.client(index).db.as_mut().unwrap().read(handle_claims).unwrap()
}

fn handles(world: &mut World, index: usize) -> Vec<String> {
    world.client(index).db.as_mut().unwrap().read(own_handles).unwrap()
}

/// What a device was told of claims.
fn told(world: &mut World, index: usize) -> Vec<(ClaimState, AccountId)> {
    let claim = |alert| match alert {
        Alert::HandleClaim(claim) => Some((claim.state, claim.claimant)),
        _ => None,
    };
    world.alerts(index).into_iter().filter_map(claim).collect()
}

/// Alice has the number, Carol knows her by it, and Bob claims it.
fn world() -> (World, usize, usize, usize) {
    let mut world = World::new();
    let alice = world.join_by_phone("alice", NUMBER).unwrap();
    let carol = world.join("carol");
    world.send(carol, NUMBER, "hello");
    world.pass(Duration::from_secs(5));
    let bob = world.begin_by_phone("bob", NUMBER).unwrap_err();
    world.settle();
    (world, alice, carol, bob)
}

#[test]
fn a_claim_is_told_loudly_and_kept_for_every_front_end() {
    let (mut world, alice, carol, bob) = world();
    let claimant = world.account(bob);
    assert_eq!(told(&mut world, alice), [(ClaimState::Claimed, claimant)]);
    assert_eq!(told(&mut world, carol), []);
    let claim = claims(&mut world, alice).pop().unwrap();
    assert_eq!((claim.handle.as_str(), claim.claimant), (NUMBER, claimant));
    assert_eq!(claim.locked_until_ms - claim.claimed_at_ms, DAY.as_millis() as u64 * 7);
    assert_eq!(handles(&mut world, alice), [NUMBER]);
    let words = Alert::HandleClaim(claim).to_string();
    assert!(words.contains(&hushwire_engine::account_code(&claimant)), "{words}");
    world.restart(alice);
    assert_eq!(claims(&mut world, alice).len(), 1);
}

#[test]
fn a_laptop_is_told_too_and_decides_for_all_devices() {
    let mut world = World::new();
    let alice = world.join_by_phone("alice", NUMBER).unwrap();
    let laptop = world.link(alice);
    world.pass(Duration::from_secs(5));
    let bob = world.begin_by_phone("bob", NUMBER).unwrap_err();
    world.settle();
    let claimant = world.account(bob);
    for device in [alice, laptop] {
        assert_eq!(told(&mut world, device), [(ClaimState::Claimed, claimant)]);
    }
    assert_eq!(world.outcome(laptop, decide(None, ClaimAnswer::Refuse)), Outcome::Done);
    assert_eq!(claims(&mut world, alice)[0].state, ClaimState::Refused);
    assert_eq!(claims(&mut world, laptop)[0].state, ClaimState::Refused);
    // Whoever decided needs no telling.
    assert_eq!(told(&mut world, alice).len(), 2);
    assert_eq!(told(&mut world, laptop).len(), 1);
}

#[test]
fn consent_gives_the_handle_to_the_waiting_profile_and_friends_hear_at_once() {
    let (mut world, alice, carol, bob) = world();
    let (old, new) = (world.account(alice), world.account(bob));
    assert_eq!(world.outcome(alice, decide(Some(new), ClaimAnswer::Allow)), Outcome::Done);
    world.finish_by_phone(bob, NUMBER).unwrap();
    world.settle();
    assert_eq!(told(&mut world, alice).pop(), Some((ClaimState::Passed, new)));
    assert_eq!(handles(&mut world, alice), Vec::<String>::new());
    assert_eq!(handles(&mut world, bob), [NUMBER]);
    let changed = Alert::AccountChanged { handle: NUMBER.to_owned(), account: old, successor: new };
    assert!(world.alerts(carol).contains(&changed), "without that anything was sent");
    let refused = Outcome::Refused(Refusal::AccountChanged(NUMBER.to_owned()));
    assert_eq!(world.outcome(carol, send(NUMBER, "secret", None)), refused);
    world.pass(Duration::from_secs(5));
    assert_eq!((world.texts(bob).len(), world.texts(alice).len()), (0, 1));
    let nothing = Outcome::Refused(Refusal::NoClaim(NUMBER.to_owned()));
    assert_eq!(world.outcome(alice, decide(None, ClaimAnswer::Refuse)), nothing);
}

#[test]
fn a_friend_who_was_away_hears_of_it_before_anything_is_sent() {
    let (mut world, alice, carol, bob) = world();
    let (old, new) = (world.account(alice), world.account(bob));
    assert_eq!(world.outcome(carol, Command::Verify { account: old }), Outcome::Done);
    world.go_offline(carol);
    assert_eq!(world.outcome(alice, decide(None, ClaimAnswer::Allow)), Outcome::Done);
    world.finish_by_phone(bob, NUMBER).unwrap();
    // Written while nobody could know: it is for the account that the number meant.
    assert!(matches!(world.outcome(carol, send(NUMBER, "before", None)), Outcome::Queued { .. }));
    world.pass(DAY);
    world.go_online(carol);
    world.pass(Duration::from_secs(5));
    assert_eq!(world.texts(bob), []);
    let db = world.client(carol).db.as_mut().unwrap();
    let row = db.read(|view| account::find(view, &old)).unwrap().unwrap();
    assert!(matches!(row.trust, Trust::Changed { successor, .. } if successor == new));
    assert!(matches!(
        world.outcome(carol, send(NUMBER, "after", None)),
        Outcome::Refused(Refusal::AccountChanged(_))
    ));
}

#[test]
fn a_known_handle_is_looked_up_before_it_is_used_and_not_each_time() {
    let mut world = World::with(&["alice", "bob", "mallory"]);
    world.send(0, "@bob", "hello");
    world.pass(Duration::from_secs(5));
    world.swap = Some((world.account(1), world.account(2)));
    // Looked up a moment ago.
    assert!(matches!(world.outcome(0, send("@bob", "again", None)), Outcome::Queued { .. }));
    world.pass(Duration::from_secs(600));
    let refused = Outcome::Refused(Refusal::AccountChanged("@bob".to_owned()));
    assert_eq!(world.outcome(0, send("@bob", "secret", None)), refused);
    world.pass(Duration::from_secs(5));
    assert_eq!((world.texts(1).len(), world.texts(2).len()), (2, 0));
}

#[test]
fn who_stays_with_the_old_account_is_not_asked_again_until_it_is_yet_another_one() {
    let mut world = World::with(&["alice", "bob", "mallory", "mona"]);
    world.send(0, "@bob", "hello");
    world.pass(Duration::from_secs(600));
    let bob = world.account(1);
    world.swap = Some((bob, world.account(2)));
    let refused = Outcome::Refused(Refusal::AccountChanged("@bob".to_owned()));
    assert_eq!(world.outcome(0, send("@bob", "to whom?", None)), refused);
    assert_eq!(world.outcome(0, Command::RefuseChange { account: bob }), Outcome::Done);
    for text in ["one", "two"] {
        world.pass(Duration::from_secs(600));
        assert!(matches!(world.outcome(0, send("@bob", text, None)), Outcome::Queued { .. }));
    }
    world.pass(Duration::from_secs(600));
    assert_eq!((world.texts(1).len(), world.alerts(0).len()), (3, 1));
    world.swap = Some((bob, world.account(3)));
    assert_eq!(world.outcome(0, send("@bob", "and now?", None)), refused);
    assert_eq!((world.texts(2).len(), world.texts(3).len(), world.alerts(0).len()), (0, 0, 2));
}

#[test]
fn a_look_up_that_gets_no_answer_leaves_the_text_to_the_account_that_is_known() {
    let mut world = World::with(&["alice", "bob"]);
    world.send(0, "@bob", "hello");
    world.pass(Duration::from_secs(600));
    world.client(0).line = Line::Deaf;
    let id = world.send(0, "@bob", "waits");
    world.settle();
    assert!(!world.client(0).outcomes.contains_key(&id));
    world.go_offline(0);
    assert!(matches!(world.client(0).outcomes[&id], Outcome::Queued { .. }));
    world.client(0).line = Line::Good;
    world.go_online(0);
    world.pass(Duration::from_secs(5));
    assert_eq!(world.texts(1).len(), 2);
}

#[test]
fn decisions_need_a_claim_and_the_server() {
    let (mut world, alice, carol, bob) = world();
    let nothing = Outcome::Refused(Refusal::NoClaim(NUMBER.to_owned()));
    assert_eq!(world.outcome(carol, decide(None, ClaimAnswer::Allow)), nothing);
    let stranger = Some(world.account(carol));
    assert_eq!(world.outcome(alice, decide(stranger, ClaimAnswer::Allow)), nothing);
    let second = world.begin_by_phone("dave", NUMBER).unwrap_err();
    world.settle();
    let several = Outcome::Refused(Refusal::SeveralClaims(NUMBER.to_owned()));
    assert_eq!(world.outcome(alice, decide(None, ClaimAnswer::Allow)), several);
    let dave = Some(world.account(second));
    assert_eq!(world.outcome(alice, decide(dave, ClaimAnswer::Refuse)), Outcome::Done);
    world.go_offline(alice);
    let offline = Outcome::Refused(Refusal::Unreachable);
    let bob = Some(world.account(bob));
    assert_eq!(world.outcome(alice, decide(bob, ClaimAnswer::Allow)), offline);
    world.go_online(alice);
    world.client(alice).line = Line::Deaf;
    let id = world.command(alice, decide(bob, ClaimAnswer::Allow));
    world.settle();
    world.go_offline(alice);
    assert_eq!(world.client(alice).outcomes[&id], offline);
    // The server has it all the same, and says so to every device.
    world.client(alice).line = Line::Good;
    world.go_online(alice);
    world.settle();
    assert!(claims(&mut world, alice).iter().any(|claim| claim.state == ClaimState::Allowed));
    world.pass(7 * DAY);
    assert_eq!(world.outcome(alice, decide(dave, ClaimAnswer::Refuse)), nothing);
}
