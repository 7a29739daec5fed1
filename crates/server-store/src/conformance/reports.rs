//! Reports: kept, known again, listed, deleted, bounded, and gone after their time.

use std::time::Duration;

use hushwire_types::{AccountId, ContentId, ReportId};

use super::{Actor, Backend, World, run};
use crate::account::{DeleteAccount, SetSuspended, Suspension};
use crate::report::{
    Complaint, DeleteReport, Report, ReportLine, ReportNumber, ReportReason, ReportedMessage, StoreReport,
};
use crate::upkeep::Expire;
use crate::{Bounds, Refusal, Written};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A report of one account by another, with so many messages.
pub fn report(world: &mut World, by: &Actor, of: &Actor, messages: usize) -> StoreReport {
    let message = |world: &mut World| ReportedMessage {
        content: ContentId::new(world.unique()),
        sent_at: world.now,
        text: format!("message {:?}\n\u{1b}[31m", world.unique::<9>()),
    };
    StoreReport {
        id: ReportId::new(world.unique()),
        reporter: by.address.account,
        complaint: Complaint {
            reported: of.address.account,
            reason: ReportReason::Abuse,
            note: "“they” do not stop".into(),
            messages: (0..messages).map(|_| message(world)).collect(),
        },
    }
}

fn numbers(world: &World) -> Vec<u64> {
    world.store().reports(None, 100).unwrap().iter().map(|line| line.number.0).collect()
}

pub fn a_report_is_kept_as_it_was_told<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob) = (world.actor(), world.actor());
        for (reason, messages) in
            [(ReportReason::Spam, 0), (ReportReason::Abuse, 1), (ReportReason::Other, 20)]
        {
            let mut told = report(world, &alice, &bob, messages);
            told.complaint.reason = reason;
            assert_eq!(world.write(told.clone()), Ok(Written::Done));
            let line = *world.store().reports(None, 100).unwrap().last().unwrap();
            let ReportLine { number, at, reporter, reported, .. } = line;
            assert_eq!((reporter, reported), (alice.address.account, bob.address.account));
            assert_eq!((at, line.reason, line.messages as usize), (world.now, reason, messages));
            let kept = Report { number, at, reporter, complaint: told.complaint };
            assert_eq!(world.store().report(number).unwrap(), Some(kept));
            world.pass(DAY);
        }
        assert_eq!(world.store().counts().unwrap().reports, 3);
        assert!(world.waiting(&bob).is_empty(), "who is reported hears nothing");
    });
}

pub fn a_report_again_is_stored_once<B: Backend>() {
    run::<B>(&Bounds { reports: 1, ..Bounds::default() }, |world| {
        let (alice, bob) = (world.actor(), world.actor());
        let first = report(world, &alice, &bob, 2);
        world.write(first.clone()).unwrap();
        let number = ReportNumber(numbers(world)[0]);
        let mut again = first.clone();
        again.complaint.note = "otherwise".into();
        assert_eq!(world.write(again.clone()), Ok(Written::Done), "also where there is no room for another");
        assert_eq!(world.store().report(number).unwrap().unwrap().complaint, first.complaint);
        assert_eq!(numbers(world).len(), 1);
        world.write(DeleteReport { number }).unwrap();
        assert_eq!(world.write(again), Ok(Written::Done));
        assert!(numbers(world).is_empty(), "what was deleted does not come again");
        let outcomes = world.batch(vec![first.clone().into(), first.into()]);
        assert_eq!(outcomes, [Ok(Written::Done), Ok(Written::Done)]);
    });
}

pub fn reports_are_listed_in_pages_and_deleted<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob) = (world.actor(), world.actor());
        for _ in 0..5 {
            let next = report(world, &alice, &bob, 1);
            world.write(next).unwrap();
        }
        let all = numbers(world);
        assert!(all.is_sorted() && all.len() == 5);
        let store = world.store();
        let page = |after| store.reports(Some(ReportNumber(after)), 2).unwrap();
        let shown = |page: Vec<ReportLine>| page.iter().map(|line| line.number.0).collect::<Vec<_>>();
        assert_eq!((shown(page(all[0])), shown(page(all[3]))), (all[1..3].to_vec(), all[4..].to_vec()));
        let last = ReportNumber(all[4]);
        world.write(DeleteReport { number: last }).unwrap();
        assert_eq!(world.write(DeleteReport { number: last }), Err(Refusal::UnknownReport));
        assert_eq!(world.store().report(last).unwrap(), None);
        let next = report(world, &alice, &bob, 0);
        world.write(next).unwrap();
        assert!(numbers(world)[4] > all[4], "no number is given twice");
    });
}

pub fn a_report_of_nobody_is_refused<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob) = (world.actor(), world.actor());
        let mut nobody = report(world, &alice, &bob, 1);
        nobody.complaint.reported = AccountId::new(world.unique());
        assert_eq!(world.write(nobody.clone()), Err(Refusal::UnknownAccount));
        world.write(SetSuspended { account: bob.address.account, to: Suspension::Suspended }).unwrap();
        let suspended = report(world, &alice, &bob, 1);
        assert_eq!(world.write(suspended), Ok(Written::Done));
        world.write(DeleteAccount { account: bob.address.account }).unwrap();
        let deleted = report(world, &alice, &bob, 1);
        assert_eq!(world.write(deleted), Err(Refusal::UnknownAccount));
        assert_eq!(numbers(world).len(), 1, "what was told of it before is still for the operator to decide");
        // What was refused is not taken for a repeat.
        nobody.complaint.reported = alice.address.account;
        assert_eq!(world.write(nobody), Ok(Written::Done));
        assert_eq!(numbers(world).len(), 2);
    });
}

pub fn reports_are_bounded<B: Backend>() {
    run::<B>(&Bounds { reports_of_one: 2, reports: 3, ..Bounds::default() }, |world| {
        let (alice, bob, carol) = (world.actor(), world.actor(), world.actor());
        let tell = |world: &mut World, by: &Actor| {
            let next = report(world, by, &carol, 1);
            world.write(next)
        };
        assert_eq!((tell(world, &alice), tell(world, &alice)), (Ok(Written::Done), Ok(Written::Done)));
        assert_eq!(tell(world, &alice), Err(Refusal::TooManyReports));
        assert_eq!(tell(world, &bob), Ok(Written::Done));
        assert_eq!(tell(world, &bob), Err(Refusal::TooManyReports), "of all together");
        let number = ReportNumber(numbers(world)[0]);
        world.write(DeleteReport { number }).unwrap();
        assert_eq!(tell(world, &alice), Ok(Written::Done));
    });
}

pub fn reports_go_after_their_time<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob) = (world.actor(), world.actor());
        let old = report(world, &alice, &bob, 3);
        world.write(old.clone()).unwrap();
        world.pass(60 * DAY);
        let young = report(world, &alice, &bob, 3);
        world.write(young).unwrap();
        world.pass(30 * DAY);
        world.write(Expire { mailboxes: 9 }).unwrap();
        assert_eq!(numbers(world).len(), 2);
        world.pass(Duration::from_secs(1));
        world.write(Expire { mailboxes: 9 }).unwrap();
        let left = numbers(world);
        assert_eq!(left.len(), 1);
        assert_eq!(world.store().report(ReportNumber(left[0])).unwrap().unwrap().complaint.messages.len(), 3);
        assert_eq!(world.write(old), Ok(Written::Done), "its id is remembered no longer");
        assert_eq!(numbers(world).len(), 2);
    });
}
