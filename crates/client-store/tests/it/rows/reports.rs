use hushwire_client_store::report::{self, NewReport, Report, ReportState};
use hushwire_types::ReportId;

use crate::support::{Profile, account, at};

fn report(n: u8) -> NewReport {
    NewReport {
        id: ReportId::new([n; 16]),
        account: account(n),
        reason: 2,
        messages: 3,
        made_at: at(u64::from(n)),
        request: vec![n; 40],
    }
}

fn state(profile: &mut Profile, n: u8) -> ReportState {
    profile.read(|view| report::find(view, &ReportId::new([n; 16]))).unwrap().state
}

#[test]
fn reports_wait_in_their_order_until_each_is_settled_and_then_lose_their_words() {
    let mut profile = Profile::new();
    for n in [3, 1, 2] {
        profile.write(|tx| report::insert(tx, &report(n)));
    }
    let mut profile = profile.reopen();
    let ids = |profile: &mut Profile| -> Vec<u8> {
        profile.read(report::waiting).iter().map(|id| id.as_bytes()[0]).collect()
    };
    assert_eq!(ids(&mut profile), [3, 1, 2]);
    let one = ReportId::new([1; 16]);
    assert_eq!(profile.read(|view| report::request(view, &one)), Some(vec![1; 40]));
    profile.write(|tx| report::settle(tx, &one, at(9), None));
    profile.write(|tx| report::settle(tx, &ReportId::new([2; 16]), at(10), Some("no")));
    assert_eq!(profile.read(|view| report::request(view, &one)), None);
    assert_eq!(ids(&mut profile), [3]);
    assert_eq!(state(&mut profile, 1), ReportState::Arrived { at: at(9) });
    assert_eq!(state(&mut profile, 2), ReportState::Refused { at: at(10), reason: "no".into() });
    let all = profile.read(report::all);
    let first = Report {
        id: ReportId::new([3; 16]),
        account: account(3),
        reason: 2,
        messages: 3,
        made_at: at(3),
        state: ReportState::Waiting,
    };
    assert_eq!((all.len(), &all[0]), (3, &first));
}

#[test]
fn only_what_is_settled_is_forgotten_and_an_id_is_taken_once() {
    let mut profile = Profile::new();
    for n in [1, 2, 3] {
        profile.write(|tx| report::insert(tx, &report(n)));
    }
    let again = profile.database.step(|tx| report::insert(tx, &report(1)));
    assert!(matches!(again, Err(hushwire_client_store::StoreError::Conflict(_))), "{again:?}");
    profile.write(|tx| report::settle(tx, &ReportId::new([1; 16]), at(5), None));
    profile.write(|tx| report::settle(tx, &ReportId::new([2; 16]), at(6), None));
    profile.write(|tx| report::prune(tx, at(6)));
    let left: Vec<u8> = profile.read(report::all).iter().map(|report| report.id.as_bytes()[0]).collect();
    assert_eq!(left, [2, 3]);
    profile.write(|tx| report::prune(tx, at(1_000)));
    assert_eq!(state(&mut profile, 3), ReportState::Waiting);
}
