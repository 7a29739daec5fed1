use std::time::Duration;

use hushwire_delivery::limits::{Limit, Limits, Quota};
use hushwire_delivery::settings::{Settings, Way, Ways};
use hushwire_delivery::{Effect, NewInvite, OtpAddress, Undeliverable};
use hushwire_server_store::Bounds;
use hushwire_server_store::registration::InviteUses;
use hushwire_types::SessionId;
use hushwire_wire::{
    ErrorCode, Otp, Register, Registration, RegistrationFailed, RegistrationFailure, RegistrationMethod,
    Request, Response, Sensitive,
};

use crate::world::{Keys, Line, World};

const DAY: Duration = Duration::from_secs(86_400);

pub(crate) fn every_way() -> World {
    let ways = Ways { invite: Way::Open, phone: Way::Open, email: Way::Open, open: Way::Open };
    World::with(Settings { ways, ..Settings::default() }, Bounds::default())
}

fn phone() -> RegistrationMethod {
    RegistrationMethod::Phone("+1 555 123-4567".into())
}

pub(crate) fn failure(response: Response) -> RegistrationFailed {
    match response {
        Response::RegistrationFailed(failed) => failed,
        other => panic!("not refused: {other:?}"),
    }
}

/// Begins by phone: the session and its code.
fn begin(world: &mut World, line: Line, keys: &Keys, username: &str) -> (Registration, String) {
    let username = (!username.is_empty()).then(|| Sensitive::new(username));
    let request = Register { method: phone(), username, account_id: keys.account() };
    assert!(
        matches!(world.ask(line, request), Response::Unknown { .. }),
        "answered before the code was sent"
    );
    let (registration, code) = world.deliver_otp(line);
    (registration.unwrap(), code)
}

fn otp(registration: &Registration, code: &str) -> Otp {
    Otp { session_id: registration.session_id, code: code.into() }
}

fn wrong(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

#[test]
fn an_invite_makes_an_account() {
    let mut world = World::new();
    let alice = world.join("alice");
    let bob = world.join("bob");
    assert_ne!(alice.account, bob.account);
}

#[test]
fn an_unknown_a_spent_a_revoked_and_an_expired_invite_get_the_same_answer() {
    let mut world = World::new();
    let line = world.connect();
    let once = NewInvite { label: None, uses: InviteUses::Limited(1), expires_at: None };
    let spent = world.direct.service().create_invite(once.clone(), world.now).unwrap().to_string();
    let keys = Keys::new(&*world.entropy);
    let registration =
        world.register(line, &keys, RegistrationMethod::Invite(spent.clone().into()), "ann").unwrap();
    let request = world.keys_request(&keys, &registration, &["@ann"]);
    assert!(matches!(world.ask(line, request), Response::KeysSet(_)));

    let revoked = world.direct.service().create_invite(once.clone(), world.now).unwrap().to_string();
    world.direct.service().revoke_invite(&revoked, world.now).unwrap();
    let soon = NewInvite { expires_at: Some(world.now.after(DAY)), ..once };
    let expired = world.direct.service().create_invite(soon, world.now).unwrap().to_string();
    world.pass(DAY);

    let line = world.connect();
    let answers: Vec<RegistrationFailed> = [spent, revoked, expired, "AAAA-AAAA".into(), "no code".into()]
        .into_iter()
        .map(|code| {
            let keys = Keys::new(&*world.entropy);
            world.register(line, &keys, RegistrationMethod::Invite(code.into()), "zoe").unwrap_err()
        })
        .collect();
    assert_eq!(answers[0].failure, RegistrationFailure::InviteInvalid);
    assert!(answers.iter().all(|answer| *answer == answers[0]));
}

#[test]
fn guessing_invites_is_slowed_down() {
    let mut world = World::new();
    let line = world.connect();
    let keys = Keys::new(&*world.entropy);
    let guess = Register {
        method: RegistrationMethod::Invite("AAAA-AAAA".into()),
        username: Some("ann".into()),
        account_id: keys.account(),
    };
    let guesses = (0..50).take_while(|_| {
        world.now = world.now.after(Duration::from_secs(10));
        matches!(world.ask(line, guess.clone()), Response::RegistrationFailed(_))
    });
    assert!(guesses.count() < 30);
}

#[test]
fn a_way_that_is_closed_is_refused() {
    let mut world = World::new();
    let line = world.connect();
    let keys = Keys::new(&*world.entropy);
    for method in [phone(), RegistrationMethod::Email("a@example.org".into()), RegistrationMethod::Open] {
        let failed = world.register(line, &keys, method, "ann").unwrap_err();
        assert_eq!(failed.failure, RegistrationFailure::MethodNotAllowed);
    }
}

#[test]
fn taken_and_malformed_and_look_alike_names_are_refused() {
    let mut world = every_way();
    world.join("paula");
    let line = world.connect();
    let mut attempt = |name: &str| {
        let keys = Keys::new(&*world.entropy);
        world.register(line, &keys, RegistrationMethod::Open, name).map(drop).map_err(|failed| failed.failure)
    };
    assert_eq!(attempt("PAULA"), Err(RegistrationFailure::HandleTaken));
    assert_eq!(attempt("pau1a"), Err(RegistrationFailure::HandleTaken));
    assert_eq!(attempt("p"), Err(RegistrationFailure::HandleInvalid));
    assert_eq!(attempt(""), Err(RegistrationFailure::HandleInvalid));
    assert_eq!(attempt("paul"), Ok(()));
}

#[test]
fn a_phone_number_is_proved_by_its_code() {
    let mut world = every_way();
    let (line, keys) = (world.connect(), Keys::new(&*world.entropy));
    let (registration, code) = begin(&mut world, line, &keys, "ann");
    assert!(registration.otp_required);

    let early = world.keys_request(&keys, &registration, &["+15551234567", "@ann"]);
    assert_eq!(failure(world.ask(line, early)).failure, RegistrationFailure::SessionInvalid);
    let failed = failure(world.ask(line, otp(&registration, &wrong(&code))));
    assert_eq!((failed.failure, failed.tries_left), (RegistrationFailure::OtpWrong, 4));
    assert!(matches!(world.ask(line, otp(&registration, &code)), Response::OtpOk(_)));
    let request = world.keys_request(&keys, &registration, &["@ann", "+15551234567"]);
    assert!(matches!(world.ask(line, request), Response::KeysSet(_)));
}

#[test]
fn a_code_is_in_the_effect_alone() {
    let mut world = every_way();
    let (line, keys) = (world.connect(), Keys::new(&*world.entropy));
    let request = Register { method: phone(), username: None, account_id: keys.account() };
    world.ask(line, request);
    let effects = world.direct.take_effects();
    let shown = format!("{effects:?}");
    let Some(Effect::DeliverOtp(otp)) = effects.into_iter().next() else { panic!("no code was sent") };
    let code = String::from_utf8(otp.code.expose().to_vec()).unwrap();
    assert_eq!(otp.to, OtpAddress::Phone("+15551234567".into()));
    assert!(!shown.contains(&code) && !shown.contains("5551234567"), "{shown}");
    assert!(shown.contains("DeliverOtp { to: Phone(..)"), "{shown}");
    let frames = format!("{:?}", world.pushes(line));
    assert!(!frames.contains(&code));
}

#[test]
fn a_code_that_cannot_be_sent_is_said_so() {
    let mut world = every_way();
    let (line, keys) = (world.connect(), Keys::new(&*world.entropy));
    world.ask(line, Register { method: phone(), username: None, account_id: keys.account() });
    let Some(Effect::DeliverOtp(otp)) = world.direct.take_effects().pop() else { panic!("no code was sent") };
    let answer = world.direct.service().otp_delivered(otp.ticket, Err(Undeliverable));
    world.direct.route([answer], world.now);
    let failed = failure(world.pushes(line).pop().unwrap());
    assert_eq!(failed.failure, RegistrationFailure::OtpUndeliverable);
}

#[test]
fn a_code_ends_after_its_time_and_after_five_tries() {
    let mut world = every_way();
    let (line, keys) = (world.connect(), Keys::new(&*world.entropy));
    let (registration, code) = begin(&mut world, line, &keys, "ann");
    world.pass(Duration::from_secs(60));
    let failed = failure(world.ask(line, otp(&registration, &code)));
    assert_eq!(failed.failure, RegistrationFailure::OtpExpired);

    let (registration, code) = begin(&mut world, line, &keys, "ann");
    for left in (0..5).rev() {
        let failed = failure(world.ask(line, otp(&registration, &wrong(&code))));
        assert_eq!((failed.failure, failed.tries_left), (RegistrationFailure::OtpWrong, left));
    }
    let failed = failure(world.ask(line, otp(&registration, &code)));
    assert_eq!(failed.failure, RegistrationFailure::OtpExpired);
}

#[test]
fn ten_wrong_codes_a_day_lock_a_number_over_all_sessions() {
    let mut world = every_way();
    for _ in 0..2 {
        let (line, keys) = (world.connect(), Keys::new(&*world.entropy));
        let (registration, code) = begin(&mut world, line, &keys, "");
        for _ in 0..5 {
            failure(world.ask(line, otp(&registration, &wrong(&code))));
        }
        world.pass(Duration::from_secs(3600));
    }
    let (line, keys) = (world.connect(), Keys::new(&*world.entropy));
    let again = Register { method: phone(), username: None, account_id: keys.account() };
    let error = world.refused(line, again);
    assert_eq!(error.code, ErrorCode::RateLimited);
    assert_eq!(error.retry_after, Some(DAY - Duration::from_secs(2 * 3600)));
    assert!(world.direct.take_effects().is_empty(), "a code was sent");
}

#[test]
fn codes_for_one_number_are_slowed_down() {
    let mut world = every_way();
    let line = world.connect();
    let keys = Keys::new(&*world.entropy);
    let request = Request::from(Register { method: phone(), username: None, account_id: keys.account() });
    let answers =
        (0..20).take_while(|_| matches!(world.ask(line, request.clone()), Response::Unknown { .. }));
    assert_eq!(answers.count(), 4);
}

/// Registers the phone number for a new account, as far as the code.
pub(crate) fn prove(world: &mut World) -> (Line, Keys, Registration, Response) {
    let keys = Keys::new(&*world.entropy);
    let (line, registration, answer) = prove_again(world, &keys);
    (line, keys, registration, answer)
}

/// The same for an account whose keys were made before.
pub(crate) fn prove_again(world: &mut World, keys: &Keys) -> (Line, Registration, Response) {
    let line = world.connect();
    let (registration, code) = begin(world, line, keys, "");
    let answer = world.ask(line, otp(&registration, &code));
    (line, registration, answer)
}

#[test]
fn only_who_proves_a_number_learns_that_it_has_an_account() {
    let mut world = every_way();
    let (line, owner, registration, _) = prove(&mut world);
    let request = world.keys_request(&owner, &registration, &["+15551234567"]);
    world.ask(line, request);
    let (line, stranger) = (world.connect(), Keys::new(&*world.entropy));
    let (registration, code) = begin(&mut world, line, &stranger, "");
    assert!(registration.otp_required);
    let failed = failure(world.ask(line, otp(&registration, &wrong(&code))));
    assert_eq!(failed.failure, RegistrationFailure::OtpWrong);
}

#[test]
fn keys_that_are_not_the_sessions_are_refused() {
    let mut world = every_way();
    let (line, keys, other) = (world.connect(), Keys::new(&*world.entropy), Keys::new(&*world.entropy));
    let registration = world.register(line, &keys, RegistrationMethod::Open, "ann").unwrap();
    let foreign = world.keys_request(&other, &registration, &["@ann"]);
    let other_name = world.keys_request(&keys, &registration, &["@eve"]);
    let good = world.keys_request(&keys, &registration, &["@ann"]);
    let swapped_entry =
        hushwire_wire::SendPublicKeys { list_entry: foreign.list_entry.clone(), ..good.clone() };
    let foreign_package =
        hushwire_wire::SendPublicKeys { key_packages: foreign.key_packages.clone(), ..good.clone() };
    let no_last_resort = hushwire_wire::SendPublicKeys {
        last_resort_key_package: good.key_packages[0].clone(),
        ..good.clone()
    };
    let no_genesis = hushwire_wire::SendPublicKeys { genesis: vec![1; 99].into(), ..good.clone() };
    for bad in [foreign, other_name, swapped_entry, foreign_package, no_last_resort, no_genesis] {
        assert_eq!(failure(world.ask(line, bad)).failure, RegistrationFailure::KeysInvalid);
    }
    let no_session = hushwire_wire::SendPublicKeys { session_id: SessionId::new([1; 16]), ..good.clone() };
    assert_eq!(failure(world.ask(line, no_session)).failure, RegistrationFailure::SessionInvalid);
    assert!(matches!(world.ask(line, good), Response::KeysSet(_)));
}

#[test]
fn the_same_keys_again_get_the_same_answer() {
    let mut world = every_way();
    let (line, keys) = (world.connect(), Keys::new(&*world.entropy));
    let registration = world.register(line, &keys, RegistrationMethod::Open, "ann").unwrap();
    let request = world.keys_request(&keys, &registration, &["@ann"]);
    let first = world.ask(line, request.clone());
    world.restart();
    let line = world.connect();
    assert_eq!(world.ask(line, request), first);
}

#[test]
fn whoever_has_guessed_too_often_is_not_let_in_by_the_right_invite_either() {
    let rarely = Quota::new(3, Duration::from_secs(60));
    let limits = Limits::none().with(Limit::Guess, rarely);
    let mut world = World::with(Settings { limits, ..Settings::default() }, Bounds::default());
    let (line, keys) = (world.connect(), Keys::new(&*world.entropy));
    let right = world.invite();
    let with = |world: &mut World, code: Sensitive| {
        let method = RegistrationMethod::Invite(code);
        world.ask(line, Register { method, username: Some("ann".into()), account_id: keys.account() })
    };
    assert!(
        matches!(with(&mut world, right.clone()), Response::Registration(_)),
        "the right one costs nothing"
    );
    for _ in 0..3 {
        assert_eq!(failure(with(&mut world, "AAAA-AAAA".into())).failure, RegistrationFailure::InviteInvalid);
    }
    let Response::Error(error) = with(&mut world, right.clone()) else { panic!("a guess was answered") };
    assert_eq!((error.code, error.retry_after), (ErrorCode::RateLimited, Some(Duration::from_secs(60))));
    world.pass(Duration::from_secs(60));
    assert!(matches!(with(&mut world, right), Response::Registration(_)));
}

#[test]
fn an_address_is_proved_by_its_code_which_is_good_for_ten_minutes() {
    let mut world = every_way();
    let (line, keys) = (world.connect(), Keys::new(&*world.entropy));
    let email = || RegistrationMethod::Email("Ann@example.org".into());
    let begun = |world: &mut World| {
        world.ask(line, Register { method: email(), username: None, account_id: keys.account() });
        let (registration, code) = world.deliver_otp(line);
        (registration.unwrap(), code)
    };
    let (registration, code) = begun(&mut world);
    world.pass(Duration::from_secs(600));
    let failed = failure(world.ask(line, otp(&registration, &code)));
    assert_eq!(failed.failure, RegistrationFailure::OtpExpired);
    let (registration, code) = begun(&mut world);
    world.pass(Duration::from_secs(599));
    assert!(matches!(world.ask(line, otp(&registration, &code)), Response::OtpOk(_)));
    let request = world.keys_request(&keys, &registration, &["ann@example.org"]);
    assert!(matches!(world.ask(line, request), Response::KeysSet(_)));
}

#[test]
fn a_number_is_no_address_and_neither_is_a_name() {
    let mut world = every_way();
    let (line, keys) = (world.connect(), Keys::new(&*world.entropy));
    for method in [
        RegistrationMethod::Email("+15551234567".into()),
        RegistrationMethod::Phone("ann@example.org".into()),
        RegistrationMethod::Email("@ann".into()),
        RegistrationMethod::Phone("@ann".into()),
    ] {
        let failed = world.register(line, &keys, method, "ann").unwrap_err();
        assert_eq!(failed.failure, RegistrationFailure::HandleInvalid);
    }
}

#[test]
fn a_registration_ends_with_its_time() {
    let mut world = every_way();
    let (line, keys, other) = (world.connect(), Keys::new(&*world.entropy), Keys::new(&*world.entropy));
    let mut begun = |name: &str| world.register(line, &keys, RegistrationMethod::Open, name).unwrap();
    let (one, two) = (begun("ann"), begun("anna"));
    let late = world.keys_request(&keys, &one, &["@ann"]);
    let foreign = world.keys_request(&other, &one, &["@ann"]);
    let right = world.keys_request(&keys, &two, &["@anna"]);
    world.now = one.expires_at;
    for request in [late, foreign] {
        assert_eq!(failure(world.ask(line, request)).failure, RegistrationFailure::SessionInvalid);
    }
    world.now = two.expires_at.before(Duration::from_millis(1));
    assert!(matches!(world.ask(line, right), Response::KeysSet(_)));
}
