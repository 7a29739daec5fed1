//! Arbitrary acts of a lying server, as `fuzz/fuzz_targets/receive.rs` looks for them all the time.
//!
//! `HUSH_RECEIVE_RUNS` says how many, `HUSH_RECEIVE_FROM` which is the first; `HUSH_RECEIVE_INPUT` is a file with the bytes of one.

use hushwire_testkit::entropy::SeededEntropy;
use hushwire_testkit::receiving::{Tally, receive};
use hushwire_types::Entropy;

/// Runs of arbitrary bytes.
const RUNS: u64 = 150;

fn number(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is not a number: {value}")))
}

#[test]
fn r4_whatever_a_server_shows_nothing_is_forged_or_twice_and_what_is_missing_is_told() {
    let (from, count) =
        (number("HUSH_RECEIVE_FROM").unwrap_or(1), number("HUSH_RECEIVE_RUNS").unwrap_or(RUNS));
    let (mut tally, mut failed) = (Tally::default(), Vec::new());
    for seed in from..from + count {
        let entropy = SeededEntropy::new(seed, 1);
        let mut bytes = vec![0; usize::try_from(entropy.between(4, 80)).unwrap()];
        entropy.fill(&mut bytes);
        match receive(&bytes) {
            Ok(of) => tally = tally.plus(&of),
            Err(failure) => {
                println!("seed {seed}: {failure}");
                failed.push((seed, failure.what().to_owned()));
            }
        }
    }
    println!("{tally:?}");
    assert!(failed.is_empty(), "{} runs failed: {failed:#?}", failed.len());
}

/// The bytes that `HUSH_RECEIVE_INPUT` names, or all that waits at once.
#[test]
fn one_input() {
    const CATCH_UP: &[u8] = &[2];
    let file = std::env::var_os("HUSH_RECEIVE_INPUT");
    let bytes = file.map_or_else(|| CATCH_UP.to_vec(), |path| std::fs::read(path).unwrap());
    let tally = receive(&bytes).unwrap_or_else(|failure| panic!("{failure}"));
    println!("{tally:?}");
}

/// Without a lie nothing is missing, in whatever order of honest acts.
#[test]
fn an_honest_server_shows_everything() {
    for bytes in [&[2][..], &[0, 1, 0, 2, 15, 0, 3, 14, 0, 15, 11, 3, 2], &[15, 14, 11, 6, 2]] {
        let tally = receive(bytes).unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!((tally.missing, tally.told_late), (0, 0), "{bytes:?}: {tally:?}");
    }
}
