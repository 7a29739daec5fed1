//! The benchmarks run: not how fast, only that they do.

#![cfg(test)]
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

use std::time::Duration;

use hushwire_bench::group::Shape;
use hushwire_bench::load::{self, Plan, Shape as Load};
use hushwire_bench::people::Maker;
use hushwire_bench::{engine, group, profile};
use hushwire_server::{Config, Server};
use hushwire_types::SendSeq;

#[test]
fn pairs_write_to_each_other_and_into_a_group_and_everything_arrives() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut maker = Maker::open(&folder.path().join(hushwire_server::run::DATABASE_NAME)).unwrap();
    let pairs = [maker.pair().unwrap(), maker.pair().unwrap()];
    let group = [maker.group(5).unwrap()];
    drop(maker);
    runtime.block_on(async {
        let config =
            Config { listen: "127.0.0.1:0".parse().unwrap(), ..Config::dev(folder.path().to_owned()) };
        let server = Server::start(&config).await.unwrap();
        let address = server.address();
        let (warm_up, time) = (Duration::ZERO, Duration::from_millis(200));
        let closed = Load::Closed { in_flight: 4 };
        let full = load::run(address, &pairs, Plan::new(SendSeq(2), closed, warm_up, time)).await.unwrap();
        assert!(full.sent > 0 && full.accepted <= full.sent);
        assert_eq!(full.received, full.sent);
        let open = Load::Open { per_second: 100 };
        let paced =
            load::run(address, &pairs, Plan::new(SendSeq(2 + full.sent), open, warm_up, time)).await.unwrap();
        assert_eq!(paced.received, paced.sent);
        assert!(!paced.latency.is_empty());
        let fanned = load::run(address, &group, Plan::new(SendSeq(2), closed, warm_up, time)).await.unwrap();
        assert_eq!(fanned.received, 4 * fanned.sent);
        server.stop().await;
    });
}

#[test]
fn a_device_that_was_away_has_everything_when_it_has_caught_up() {
    let folder = tempfile::tempdir().unwrap();
    assert!(engine::catch_up(&folder.path().join("away"), 60).unwrap() > Duration::ZERO);
}

#[test]
fn a_group_does_the_same_with_ours_and_with_bare_mls_rs() {
    let folder = tempfile::tempdir().unwrap();
    let shape = Shape { devices: Shape::LEAST, rounds: 3, messages: 3, batches: 2, batch: 20 };
    let times = group::measure(folder.path(), &shape).unwrap();
    // The first message of each is not counted. Each Commit is followed by all others of both kinds.
    let counts = [
        (&times.joined, 3),
        (&times.sent, 2),
        (&times.received, 2),
        (&times.committed, 3),
        (&times.applied, 3),
        (&times.processed, 15),
    ];
    for (both, count) in counts {
        assert_eq!([both.ours.len(), both.bare.len(), both.bare_in_memory.len()], [count; 3]);
    }
    assert!(group::measure(folder.path(), &Shape { devices: 9, ..shape }).is_err());
}

#[test]
fn engines_encrypt_and_decrypt() {
    let folder = tempfile::tempdir().unwrap();
    let times = engine::measure(folder.path(), 5).unwrap();
    assert!(!times.encrypt.is_empty() && times.encrypt.len() == times.decrypt.len());
}

#[test]
fn a_profile_of_years_is_opened_searched_and_backed_up() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let measured = profile::measure(folder.path(), 2_000, 2, &runtime).unwrap();
    assert_eq!((measured.opened.len(), measured.searches.len()), (2, 10));
    assert!(measured.backup.bytes > 100_000);
}
