use std::sync::atomic::Ordering;
use std::time::Duration;

use hushwire_delivery::Who;
use hushwire_delivery::limits::Limit;

use crate::world::{T0, World};

#[test]
fn what_is_due_is_done_and_not_before() {
    let world = World::new();
    let service = world.direct.service();
    let tick = |seconds| {
        let now = T0.after(Duration::from_secs(seconds));
        let jobs = service.tick(now);
        let due = jobs.len();
        jobs.into_iter().for_each(|job| drop(service.run(job, now)));
        due
    };
    assert_eq!([0, 0, 59, 60, 61].map(tick), [1, 0, 0, 1, 0], "a sweep a minute, and no limit to save");
    let who = Who::Name("somebody");
    service.count_elsewhere(Limit::RegisterHandle, who, T0.after(Duration::from_secs(61))).unwrap();
    assert_eq!([62, 69, 79].map(tick), [0, 1, 0], "a limit that was used is saved once");
}

#[test]
fn other_protocols_are_counted_by_name_and_by_address() {
    let world = World::new();
    let count = |who| world.direct.service().count_elsewhere(Limit::RegisterHandle, who, T0);
    let here = Who::Address(Some("192.0.2.1".parse().unwrap()));
    for who in [Who::Name("one"), here] {
        (0..4).for_each(|_| count(who).unwrap());
        assert_eq!(count(who), Err(Duration::from_secs(600)));
    }
    assert_eq!(count(Who::Name("other")), Ok(()));
    assert!((0..9).all(|_| count(Who::Address(None)).is_ok()));
}

#[test]
fn a_server_is_ready_while_its_store_answers() {
    let world = World::new();
    assert!(world.direct.service().is_ready());
    world.flaky.broken.store(true, Ordering::Relaxed);
    assert!(!world.direct.service().is_ready());
}

#[test]
fn a_sweep_that_leaves_something_is_followed_by_the_next_at_once() {
    let mut world = World::new();
    let (mut alice, mut bob) = (world.join("alice"), world.join("bob"));
    world.converse(&mut alice, &mut bob);
    world.pass(Duration::from_secs(31 * 86_400));
    world.flaky.swept_at_once.store(1, Ordering::Relaxed);
    let service = world.direct.service();
    let sweeps = [(); 3].map(|()| {
        let jobs = service.tick(world.now);
        let due = jobs.len();
        jobs.into_iter().for_each(|job| drop(service.run(job, world.now)));
        due
    });
    assert_eq!(sweeps, [1, 1, 0], "alice's mailbox, then bob's");
}
