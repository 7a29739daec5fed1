//! Claims to a handle that has an account (registration lock).

use std::time::Duration;

use hushwire_types::{AccountId, Seq, Timestamp};

use super::accounts::second_device;
use super::registration::with_otp;
use super::{Actor, Backend, World, run};
use crate::account::DeleteAccount;
use crate::claim::{
    AnswerClaim, ClaimAnswer, ClaimEvent, ClaimHandle, ClaimNotice, ClaimStanding, HandleClaimed,
};
use crate::mailbox::{Acknowledge, EntryKind, RecordLogin};
use crate::registration::{StartSession, TryOtp};
use crate::upkeep::Expire;
use crate::{Bounds, Refusal, Written};

const DAY: Duration = Duration::from_secs(86_400);
const NUMBER: &str = "+15551234567";

/// A session of this account that has proved the number.
fn proven(world: &mut World, account: AccountId) -> StartSession {
    let (session, code) = with_otp(world, NUMBER);
    let session = StartSession { account, ..session };
    world.write(session.clone()).unwrap();
    world.write(TryOtp { session: session.session, code }).unwrap();
    session
}

/// Proves the number for an account and makes it.
fn take(world: &mut World, account: AccountId) -> Result<Actor, Refusal> {
    let session = proven(world, account);
    let creation = world.creation(&session);
    world.create(creation)
}

fn owner(world: &mut World) -> Actor {
    let account = somebody(world);
    take(world, account).unwrap()
}

fn somebody(world: &mut World) -> AccountId {
    AccountId::new(world.unique())
}

fn ask(world: &mut World, account: AccountId) -> HandleClaimed {
    let session = proven(world, account);
    match world.write(ClaimHandle { session: session.session }).unwrap() {
        Written::Claim(claimed) => claimed,
        other => panic!("not claimed: {other:?}"),
    }
}

fn locked(world: &mut World, account: AccountId) -> Timestamp {
    match ask(world, account).standing {
        ClaimStanding::Locked { until } => until,
        ClaimStanding::Passes => panic!("it passes"),
    }
}

fn answer(
    world: &mut World,
    owner: &Actor,
    claimant: AccountId,
    answer: ClaimAnswer,
) -> Result<Written, Refusal> {
    world.write(AnswerClaim { account: owner.address.account, handle: NUMBER.into(), claimant, answer })
}

/// What a device was told of claims, and not acknowledged.
fn told(world: &World, actor: &Actor) -> Vec<ClaimNotice> {
    let notice = |kind: &EntryKind| match kind {
        EntryKind::HandleClaim(notice) => Some(notice.clone()),
        _ => None,
    };
    world.waiting(actor).iter().filter_map(|entry| notice(&entry.entry.kind)).collect()
}

pub fn a_claim_passes_after_its_time_and_tells_everybody<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let owner = owner(world);
        let laptop = second_device(world, &owner);
        let (friend, stranger) = (world.actor(), world.actor());
        world.converse(&friend, &[owner, laptop]);
        let heir = somebody(world);
        assert_eq!(take(world, heir).unwrap_err(), Refusal::HandleLocked { until: None });
        for actor in [owner, laptop, friend] {
            world.acknowledge_all(&actor);
        }
        let claimed_at = world.now;
        let claimed = ask(world, heir);
        let until = claimed_at.after(7 * DAY);
        assert_eq!(claimed.standing, ClaimStanding::Locked { until });
        assert_eq!(claimed.publications.len(), 1);
        let notice = ClaimNotice {
            handle: NUMBER.into(),
            claimant: heir,
            claimed_at,
            locked_until: until,
            what: ClaimEvent::Claimed,
        };
        for actor in [owner, laptop] {
            assert_eq!(told(world, &actor), std::slice::from_ref(&notice));
        }
        world.now = Timestamp::from_ms(until.as_ms() - 1);
        assert_eq!(take(world, heir).unwrap_err(), Refusal::HandleLocked { until: Some(until) });
        world.now = until;
        assert_eq!(ask(world, heir).standing, ClaimStanding::Passes);
        let new = take(world, heir).unwrap();
        let store = world.store();
        assert_eq!(store.account_by_handle(NUMBER).unwrap(), Some(heir));
        assert!(store.account(owner.address.account).unwrap().unwrap().handles.is_empty());
        assert_eq!(store.account(heir).unwrap().unwrap().handles.len(), 1);
        let passed = ClaimNotice { what: ClaimEvent::Passed, ..notice.clone() };
        for actor in [owner, laptop] {
            assert_eq!(told(world, &actor), [notice.clone(), passed.clone()]);
        }
        let moved: Vec<EntryKind> =
            world.waiting(&friend).iter().map(|entry| entry.entry.kind.clone()).collect();
        assert_eq!(moved, [EntryKind::HandleMoved { account: owner.address.account }]);
        assert!(world.waiting(&stranger).is_empty() && world.waiting(&new).is_empty());
    });
}

pub fn a_claim_is_told_once<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let owner = owner(world);
        let heir = somebody(world);
        let until = locked(world, heir);
        for _ in 0..5 {
            world.pass(DAY);
            let again = ask(world, heir);
            assert_eq!(again.standing, ClaimStanding::Locked { until });
            assert!(again.publications.is_empty());
        }
        assert_eq!(told(world, &owner).len(), 1);
    });
}

pub fn consent_lets_a_handle_pass_at_once<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let owner = owner(world);
        let (heir, other) = (somebody(world), somebody(world));
        locked(world, heir);
        locked(world, other);
        world.write(RecordLogin { mailbox: owner.mailbox, mark: None }).unwrap();
        let Ok(Written::ClaimAnswered { publications }) = answer(world, &owner, heir, ClaimAnswer::Allow)
        else {
            panic!("not answered")
        };
        assert_eq!(publications[0].to.len(), 1);
        assert_eq!(told(world, &owner).pop().unwrap().what, ClaimEvent::Allowed);
        assert!(matches!(take(world, other), Err(Refusal::HandleLocked { until: Some(_) })));
        // Consent holds until somebody uses it or takes it back, and for a week.
        answer(world, &owner, heir, ClaimAnswer::Refuse).unwrap();
        assert!(matches!(take(world, heir), Err(Refusal::HandleLocked { until: Some(_) })));
        answer(world, &owner, heir, ClaimAnswer::Allow).unwrap();
        assert_eq!(ask(world, heir).standing, ClaimStanding::Passes);
        take(world, heir).unwrap();
        assert_eq!(world.store().account_by_handle(NUMBER).unwrap(), Some(heir));
        assert_eq!(told(world, &owner).pop().unwrap().what, ClaimEvent::Passed);
        assert_eq!(answer(world, &owner, other, ClaimAnswer::Allow), Err(Refusal::UnknownClaim));
    });
}

pub fn a_refused_claim_waits_and_starts_again<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let owner = owner(world);
        let heir = somebody(world);
        let until = locked(world, heir);
        answer(world, &owner, heir, ClaimAnswer::Refuse).unwrap();
        world.pass(3 * DAY);
        assert_eq!(locked(world, heir), until, "a refusal can be told from a wait");
        world.now = until;
        let session = proven(world, heir);
        let creation = world.creation(&session);
        assert_eq!(world.create(creation).unwrap_err(), Refusal::HandleLocked { until: None });
        assert_eq!(locked(world, heir), until.after(7 * DAY));
        let events: Vec<ClaimEvent> = told(world, &owner).into_iter().map(|notice| notice.what).collect();
        assert_eq!(events, [ClaimEvent::Claimed, ClaimEvent::Refused, ClaimEvent::Claimed]);
    });
}

pub fn a_login_of_the_owner_keeps_the_handle<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let owner = owner(world);
        let laptop = second_device(world, &owner);
        let heir = somebody(world);
        let until = locked(world, heir);
        world.pass(6 * DAY);
        world.write(RecordLogin { mailbox: laptop.mailbox, mark: None }).unwrap();
        assert_eq!(locked(world, heir), until, "a login can be told from a wait");
        world.now = until;
        assert_eq!(take(world, heir).unwrap_err(), Refusal::HandleLocked { until: None });
        let until = locked(world, heir);
        assert_eq!(until, world.now.after(7 * DAY));
        world.now = until;
        take(world, heir).unwrap();
    });
}

pub fn a_device_that_read_the_notice_keeps_the_handle<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let owner = owner(world);
        let heir = somebody(world);
        // What it acknowledged before says nothing.
        world.acknowledge_all(&owner);
        let until = locked(world, heir);
        let notice = world.waiting(&owner)[0].seq;
        world.write(Acknowledge { mailbox: owner.mailbox, through: Seq(notice.0 - 1) }).unwrap();
        assert_eq!(locked(world, heir), until);
        world.write(Acknowledge { mailbox: owner.mailbox, through: notice }).unwrap();
        world.now = until;
        assert_eq!(take(world, heir).unwrap_err(), Refusal::HandleLocked { until: None });
        assert_eq!(locked(world, heir), until.after(7 * DAY));
        assert_eq!(told(world, &owner).len(), 1);
    });
}

pub fn claims_of_a_handle_are_bounded_and_apart<B: Backend>() {
    run::<B>(&Bounds { claims: 2, ..Bounds::default() }, |world| {
        let owner = owner(world);
        let (one, other, third) = (somebody(world), somebody(world), somebody(world));
        let first = locked(world, one);
        world.pass(DAY);
        assert_eq!(locked(world, other), first.after(DAY), "each has its own time");
        let session = proven(world, third);
        let until = first.before(7 * DAY).after(30 * DAY);
        let refused = Err(Refusal::TooManyClaims { until });
        assert_eq!(world.write(ClaimHandle { session: session.session }), refused);
        assert_eq!(told(world, &owner).len(), 2);
        world.now = first;
        assert_eq!(take(world, other).unwrap_err(), Refusal::HandleLocked { until: Some(first.after(DAY)) });
        take(world, one).unwrap();
        // The others' claims were to the old owner.
        world.pass(DAY);
        assert_eq!(take(world, other).unwrap_err(), Refusal::HandleLocked { until: None });
    });
}

pub fn only_the_owner_decides<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let owner = owner(world);
        let stranger = world.actor();
        let heir = somebody(world);
        assert_eq!(answer(world, &owner, heir, ClaimAnswer::Allow), Err(Refusal::UnknownClaim));
        locked(world, heir);
        assert_eq!(answer(world, &stranger, heir, ClaimAnswer::Allow), Err(Refusal::UnknownClaim));
        let unclaimed = AnswerClaim {
            account: owner.address.account,
            handle: "+15550000000".into(),
            claimant: heir,
            answer: ClaimAnswer::Allow,
        };
        assert_eq!(world.write(unclaimed), Err(Refusal::UnknownClaim));
        assert!(matches!(take(world, heir), Err(Refusal::HandleLocked { .. })));
    });
}

pub fn a_claim_needs_its_code<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let owner = owner(world);
        let (session, _) = with_otp(world, NUMBER);
        world.write(session.clone()).unwrap();
        assert_eq!(world.write(ClaimHandle { session: session.session }), Err(Refusal::OtpRequired));
        let free = world.open_session();
        world.write(free.clone()).unwrap();
        assert_eq!(world.write(ClaimHandle { session: free.session }), Err(Refusal::SessionInvalid));
        assert!(told(world, &owner).is_empty());
        // Nothing is claimed where nobody has the number.
        world.write(DeleteAccount { account: owner.address.account }).unwrap();
        let heir = somebody(world);
        let session = proven(world, heir);
        assert_eq!(world.write(ClaimHandle { session: session.session }), Err(Refusal::UnknownAccount));
    });
}

pub fn claims_end_with_their_handle_and_their_time<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let owner = owner(world);
        let (heir, next) = (somebody(world), somebody(world));
        locked(world, heir);
        world.pass(30 * DAY);
        world.write(Expire { mailboxes: 9 }).unwrap();
        assert_eq!(take(world, heir).unwrap_err(), Refusal::HandleLocked { until: None });
        let until = locked(world, heir);
        world.write(DeleteAccount { account: owner.address.account }).unwrap();
        let owner = take(world, next).unwrap();
        world.now = until;
        assert_eq!(take(world, heir).unwrap_err(), Refusal::HandleLocked { until: None });
        assert!(told(world, &owner).is_empty());
    });
}
