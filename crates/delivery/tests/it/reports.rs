//! Reports: who may make them, how often, and what of them is told to whom.

use std::sync::atomic::Ordering;
use std::time::Duration;

use hushwire_delivery::AdminError;
use hushwire_server_store::account::Suspension;
use hushwire_server_store::report::{ReportNumber, ReportReason as Stored};
use hushwire_types::{AccountId, ContentId, ReportId};
use hushwire_wire::{ErrorCode, LoginFailure, Report, ReportReason, ReportedMessage, Response};

use crate::world::{Device, World};

const DAY: Duration = Duration::from_secs(86_400);

fn report(number: u8, of: AccountId) -> Report {
    let message = |byte, text: &str| ReportedMessage {
        content_id: ContentId::new([byte; 16]),
        sent_at: crate::world::T0,
        text: text.into(),
    };
    Report {
        report_id: ReportId::new([number; 16]),
        account_id: of,
        reason: ReportReason::Abuse,
        note: "since yesterday".into(),
        messages: vec![message(1, "you\nfool"), message(2, "again")],
    }
}

fn pair() -> (World, Device, Device) {
    let mut world = World::new();
    let (alice, bob) = (world.join("alice"), world.join("bob"));
    (world, alice, bob)
}

fn stored(answer: &Response) -> bool {
    matches!(answer, Response::ReportStored(_))
}

fn kept(world: &World) -> usize {
    world.direct.service().reports(None, 100).unwrap().len()
}

#[test]
fn the_operator_reads_what_the_one_who_is_logged_in_reports() {
    let (mut world, alice, bob) = pair();
    assert!(stored(&world.ask(bob.line, report(1, alice.account))));
    let service = world.direct.service();
    let [line] = service.reports(None, 100).unwrap()[..] else { panic!("one report") };
    assert_eq!((line.reporter, line.reported), (bob.account, alice.account));
    assert_eq!((line.at, line.reason, line.messages), (world.now, Stored::Abuse, 2));
    let found = service.find_report(line.number).unwrap();
    let texts: Vec<&str> = found.complaint.messages.iter().map(|message| message.text.as_str()).collect();
    assert_eq!((found.complaint.note.as_str(), texts), ("since yesterday", vec!["you\nfool", "again"]));
    assert_eq!(service.handles_of(line.reporter).unwrap(), ["@bob"]);
    assert!(world.pushes(alice.line).is_empty(), "who is reported hears nothing");
    assert!(world.entries(alice.line).is_empty());
}

#[test]
fn a_report_that_is_sent_again_is_stored_once_and_a_deleted_one_does_not_come_again() {
    let (mut world, alice, bob) = pair();
    assert!(stored(&world.ask(bob.line, report(1, alice.account))));
    assert!(stored(&world.ask(bob.line, report(1, alice.account))));
    assert_eq!(kept(&world), 1);
    let service = world.direct.service();
    let number = service.reports(None, 1).unwrap()[0].number;
    service.delete_report(number, world.now).unwrap();
    assert!(matches!(service.delete_report(number, world.now), Err(AdminError::UnknownReport)));
    assert!(matches!(service.find_report(ReportNumber(77)), Err(AdminError::UnknownReport)));
    assert!(stored(&world.ask(bob.line, report(1, alice.account))));
    assert_eq!(kept(&world), 0);
}

#[test]
fn nobody_reports_without_a_login_or_themselves_or_nobody() {
    let (mut world, alice, bob) = pair();
    let stranger = world.connect();
    assert_eq!(world.refused(stranger, report(1, alice.account)).code, ErrorCode::NotLoggedIn);
    assert_eq!(world.refused(bob.line, report(1, bob.account)).code, ErrorCode::Malformed);
    let nobody = AccountId::new([9; 32]);
    assert_eq!(world.refused(bob.line, report(1, nobody)).code, ErrorCode::UnknownAccount);
    let service = world.direct.service();
    service.delete_user(alice.account, world.now).unwrap();
    assert_eq!(world.refused(bob.line, report(1, alice.account)).code, ErrorCode::UnknownAccount);
    assert_eq!(kept(&world), 0);
}

#[test]
fn a_suspended_account_can_be_reported_and_reports_nobody() {
    let (mut world, alice, bob) = pair();
    let service = world.direct.service();
    let outbound = service.set_suspended(alice.account, Suspension::Suspended, world.now).unwrap();
    world.direct.route(outbound, world.now);
    assert!(stored(&world.ask(bob.line, report(1, alice.account))));
    let line = world.connect();
    assert_eq!(world.try_login(&alice.keys, line).unwrap_err().failure, LoginFailure::Suspended);
}

#[test]
fn reports_of_one_account_are_slowed_down() {
    let (mut world, alice, bob) = pair();
    for number in 0..10 {
        assert!(stored(&world.ask(bob.line, report(number, alice.account))), "{number}");
    }
    let error = world.refused(bob.line, report(10, alice.account));
    assert_eq!(error.code, ErrorCode::RateLimited);
    assert_eq!(error.retry_after, Some(Duration::from_secs(600)));
    assert!(stored(&world.ask(alice.line, report(11, bob.account))), "others are not");
    world.pass(Duration::from_secs(600));
    assert!(stored(&world.ask(bob.line, report(10, alice.account))));
}

#[test]
fn where_there_is_no_room_a_report_waits() {
    let (mut world, alice, bob) = pair();
    for number in 0..50 {
        assert!(stored(&world.ask(bob.line, report(number, alice.account))), "{number}");
        world.pass(Duration::from_secs(600));
    }
    let error = world.refused(bob.line, report(50, alice.account));
    assert_eq!((error.code, error.retry_after), (ErrorCode::RateLimited, Some(Duration::from_secs(3600))));
    let service = world.direct.service();
    let oldest = service.reports(None, 1).unwrap()[0].number;
    service.delete_report(oldest, world.now).unwrap();
    world.pass(Duration::from_secs(600));
    assert!(stored(&world.ask(bob.line, report(50, alice.account))));
}

#[test]
fn reports_go_with_the_sweep_after_ninety_days() {
    let (mut world, alice, bob) = pair();
    assert!(stored(&world.ask(bob.line, report(1, alice.account))));
    let sweep = |world: &mut World| {
        for job in world.direct.service().tick(world.now) {
            world.direct.service().run(job, world.now);
        }
    };
    world.pass(90 * DAY);
    sweep(&mut world);
    assert_eq!(kept(&world), 1);
    world.pass(DAY);
    sweep(&mut world);
    assert_eq!(kept(&world), 0);
}

#[test]
fn a_reason_stays_what_it_is_and_that_of_a_newer_client_is_another_one() {
    let (mut world, alice, bob) = pair();
    let reasons = [ReportReason::Spam, ReportReason::Abuse, ReportReason::Other, ReportReason::Unknown(9)];
    for (number, reason) in (1..).zip(reasons) {
        assert!(stored(&world.ask(bob.line, Report { reason, ..report(number, alice.account) })));
    }
    let reports = world.direct.service().reports(None, 9).unwrap();
    let reasons: Vec<Stored> = reports.iter().map(|report| report.reason).collect();
    assert_eq!(reasons, [Stored::Spam, Stored::Abuse, Stored::Other, Stored::Other]);
}

#[test]
fn a_store_that_fails_has_stored_nothing() {
    let (mut world, alice, bob) = pair();
    world.flaky.broken.store(true, Ordering::Relaxed);
    assert_eq!(world.refused(bob.line, report(1, alice.account)).code, ErrorCode::Unavailable);
    world.flaky.broken.store(false, Ordering::Relaxed);
    assert_eq!(kept(&world), 0);
    assert!(stored(&world.ask(bob.line, report(1, alice.account))));
    assert_eq!(kept(&world), 1);
}
