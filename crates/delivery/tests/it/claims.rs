//! The registration lock: claims to a number that has an account, and what its owner and its friends hear of them.

use std::time::Duration;

use hushwire_types::{AccountId, Seq, Timestamp};
use hushwire_wire::{
    AnswerHandleClaim, EntryKind, ErrorCode, HandleClaim, HandleClaimAnswer, HandleClaimAnswered,
    HandleClaimState, LookUp, Otp, RegistrationFailure, Response,
};

use crate::registration::{every_way, failure, prove, prove_again};
use crate::world::{Keys, Line, World, entries};

const DAY: Duration = Duration::from_secs(86_400);
const NUMBER: &str = "+15551234567";

/// Somebody registers the number and stays away.
fn owner(world: &mut World) -> Keys {
    let (line, keys, registration, answer) = prove(world);
    assert!(matches!(answer, Response::OtpOk(_)));
    finish(world, line, &keys, &registration);
    keys
}

fn finish(world: &mut World, line: Line, keys: &Keys, registration: &hushwire_wire::Registration) {
    let request = world.keys_request(keys, registration, &[NUMBER]);
    assert!(matches!(world.ask(line, request), Response::KeysSet(_)));
}

fn locked_until(answer: Response) -> Timestamp {
    let failed = failure(answer);
    assert_eq!(failed.failure, RegistrationFailure::HandleLocked);
    failed.locked_until.unwrap()
}

/// Logs in; the connection and what is told of claims.
fn come(world: &mut World, keys: &Keys) -> (Line, Vec<HandleClaim>) {
    let line = world.connect();
    let request = world.login_request(keys, line, None);
    let (answer, pushes) = world.ask_all(line, request);
    assert!(matches!(answer, Response::LoggedIn(_)), "{answer:?}");
    (line, claims(pushes))
}

fn claims(pushes: Vec<Response>) -> Vec<HandleClaim> {
    let claim = |kind| match kind {
        EntryKind::HandleClaim(claim) => Some(claim),
        _ => None,
    };
    entries(pushes).into_iter().filter_map(|entry| claim(entry.kind)).collect()
}

fn decide(
    world: &mut World,
    line: Line,
    account_id: AccountId,
    answer: HandleClaimAnswer,
) -> (Response, Vec<HandleClaim>) {
    let request = AnswerHandleClaim { handle: NUMBER.into(), account_id, answer };
    let (response, pushes) = world.ask_all(line, request);
    (response, claims(pushes))
}

#[test]
fn a_number_passes_after_a_week_in_which_no_device_of_its_owner_was_there() {
    let mut world = every_way();
    let owner = owner(&mut world);
    world.pass(DAY);
    let asked_at = world.now;
    let (line, keys, registration, answer) = prove(&mut world);
    let until = locked_until(answer);
    assert_eq!(until, asked_at.after(7 * DAY));
    let request = world.keys_request(&keys, &registration, &[NUMBER]);
    assert_eq!(failure(world.ask(line, request)).failure, RegistrationFailure::HandleLocked);

    world.pass(7 * DAY);
    let (line, registration, answer) = prove_again(&mut world, &keys);
    assert!(matches!(answer, Response::OtpOk(_)));
    finish(&mut world, line, &keys, &registration);

    let (line, told) = come(&mut world, &owner);
    let states: Vec<HandleClaimState> = told.iter().map(|claim| claim.state).collect();
    assert_eq!(states, [HandleClaimState::Claimed, HandleClaimState::Passed]);
    let Response::AccountKeys(found) = world.ask(line, LookUp { handle: NUMBER.into() }) else {
        panic!("not found")
    };
    assert_eq!(found.account_id, keys.account());
}

#[test]
fn a_login_of_the_owner_after_the_notice_keeps_the_number() {
    let mut world = every_way();
    let owner = owner(&mut world);
    let (_, keys, _, answer) = prove(&mut world);
    let until = locked_until(answer);
    world.pass(3 * DAY);
    let (_, told) = come(&mut world, &owner);
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].account_id, told[0].locked_until), (keys.account(), until));
    assert_eq!((told[0].handle.expose(), told[0].state), (NUMBER, HandleClaimState::Claimed));
    // Whoever claims it cannot tell.
    world.pass(3 * DAY);
    let (.., answer) = prove_again(&mut world, &keys);
    assert_eq!(locked_until(answer), until);
    world.pass(DAY);
    let (.., answer) = prove_again(&mut world, &keys);
    assert_eq!(locked_until(answer), world.now.after(7 * DAY), "a new claim");
    world.pass(7 * DAY);
    let (line, registration, answer) = prove_again(&mut world, &keys);
    assert!(matches!(answer, Response::OtpOk(_)));
    finish(&mut world, line, &keys, &registration);
}

#[test]
fn a_device_that_is_connected_all_the_time_hears_at_once_and_keeps_the_number() {
    let mut world = every_way();
    let owner = owner(&mut world);
    let line = world.connect();
    let logged_in = world.try_login(&owner, line).unwrap();
    world.pushes(line);
    let (_, keys, _, answer) = prove(&mut world);
    let until = locked_until(answer);
    let pushed = entries(world.pushes(line));
    assert!(matches!(&pushed[..], [entry] if matches!(entry.kind, EntryKind::HandleClaim(_))), "{pushed:?}");
    let acknowledge = hushwire_wire::MessageReceived {
        incarnation: logged_in.cursor.incarnation,
        through_seq: Seq(pushed[0].seq.0),
    };
    assert!(matches!(world.ask(line, acknowledge), Response::Acknowledged(_)));
    world.pass(7 * DAY);
    let (.., answer) = prove_again(&mut world, &keys);
    assert_eq!(locked_until(answer), until.after(7 * DAY));
}

#[test]
fn repeated_claims_are_told_once() {
    let mut world = every_way();
    let owner = owner(&mut world);
    let keys = Keys::new(&*world.entropy);
    let mut until = Vec::new();
    for _ in 0..4 {
        let (.., answer) = prove_again(&mut world, &keys);
        until.push(locked_until(answer));
        world.pass(DAY);
    }
    until.dedup();
    assert_eq!(until.len(), 1);
    assert_eq!(come(&mut world, &owner).1.len(), 1);
}

#[test]
fn consent_lets_the_number_pass_to_that_account_at_once_and_a_refusal_does_not() {
    let mut world = every_way();
    let owner = owner(&mut world);
    let (_, keys, _, answer) = prove(&mut world);
    let until = locked_until(answer);
    let (line, _) = come(&mut world, &owner);
    let (answered, told) = decide(&mut world, line, keys.account(), HandleClaimAnswer::Refuse);
    assert_eq!(answered, HandleClaimAnswered.into());
    assert_eq!(told[0].state, HandleClaimState::Refused, "its other devices hear of it");
    let (.., answer) = prove_again(&mut world, &keys);
    assert_eq!(locked_until(answer), until);

    let (answered, told) = decide(&mut world, line, keys.account(), HandleClaimAnswer::Allow);
    assert_eq!(answered, HandleClaimAnswered.into());
    assert_eq!(told[0].state, HandleClaimState::Allowed);
    world.pass(DAY);
    // Somebody else with the code gains nothing.
    let (.., answer) = prove(&mut world);
    locked_until(answer);
    let (new, registration, answer) = prove_again(&mut world, &keys);
    assert!(matches!(answer, Response::OtpOk(_)));
    finish(&mut world, new, &keys, &registration);
    let told = claims(world.pushes(line));
    assert_eq!(told.last().unwrap().state, HandleClaimState::Passed);
    let (answered, _) = decide(&mut world, line, keys.account(), HandleClaimAnswer::Refuse);
    assert!(matches!(answered, Response::Error(error) if error.code == ErrorCode::UnknownAccount));
}

#[test]
fn only_devices_of_the_owner_decide() {
    let mut world = every_way();
    let owner = owner(&mut world);
    let (line, keys, ..) = prove(&mut world);
    let allow = |account_id| AnswerHandleClaim {
        handle: NUMBER.into(),
        account_id,
        answer: HandleClaimAnswer::Allow,
    };
    assert_eq!(world.refused(line, allow(keys.account())).code, ErrorCode::NotLoggedIn);
    let stranger = world.join("stranger");
    assert_eq!(world.refused(stranger.line, allow(keys.account())).code, ErrorCode::UnknownAccount);
    let (line, _) = come(&mut world, &owner);
    assert_eq!(world.refused(line, allow(stranger.account)).code, ErrorCode::UnknownAccount);
    let neither = AnswerHandleClaim {
        handle: NUMBER.into(),
        account_id: keys.account(),
        answer: HandleClaimAnswer::Unknown(9),
    };
    assert_eq!(world.refused(line, neither).code, ErrorCode::Malformed);
    let (.., answer) = prove_again(&mut world, &keys);
    locked_until(answer);
}

#[test]
fn a_wrong_code_claims_nothing() {
    let mut world = every_way();
    let owner = owner(&mut world);
    let stranger = Keys::new(&*world.entropy);
    let line = world.connect();
    let method = hushwire_wire::RegistrationMethod::Phone(NUMBER.into());
    world.ask(line, hushwire_wire::Register { method, username: None, account_id: stranger.account() });
    let (registration, code) = world.deliver_otp(line);
    let wrong = format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000);
    let session_id = registration.unwrap().session_id;
    let failed = failure(world.ask(line, Otp { session_id, code: wrong.into() }));
    assert_eq!(failed.failure, RegistrationFailure::OtpWrong);
    assert!(come(&mut world, &owner).1.is_empty());
}
