//! Many seeds, split over tests so that they run on all cores.
//!
//! `HUSH_SIM_SEEDS` says how many (all tests together), `HUSH_SIM_FROM` which is the first, `HUSH_SIM_SEED` is for one;
//! `HUSH_SIM_LIES` and `HUSH_SIM_LIE` are the same for a server that lies.

use hushwire_testkit::simulator::{Counts, Plan, run, run_plan};

/// Tests that share the seeds.
const SHARES: u64 = 8;

/// What every run of all tests does.
const SEEDS: u64 = 2000;

/// Of each rare thing each share of so many seeds has at least so many; most have ten times as many.
const OFTEN: u64 = 1;

fn number(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is not a number: {value}")))
}

/// Every `SHARES`-th seed.
fn share(first: u64) {
    let (from, count) = (number("HUSH_SIM_FROM").unwrap_or(1), number("HUSH_SIM_SEEDS").unwrap_or(SEEDS));
    let (mut failed, mut counts) = (Vec::new(), Counts::default());
    for seed in (from..from + count).filter(|seed| seed % SHARES == first) {
        let run = run(seed);
        if let Ok(run) = &run {
            counts = counts.plus(&run.counts);
        }
        if let Err(failure) = run {
            println!("seed {seed}: {}", failure.what());
            println!(
                "run it again: HUSH_SIM_SEED={seed} cargo nextest run -p hushwire-testkit simulator::one_seed"
            );
            failed.push((seed, failure.what().to_owned()));
        }
    }
    assert!(failed.is_empty(), "{} seeds failed: {failed:#?}", failed.len());
    println!("{counts:?}");
    if count >= SEEDS {
        assert!(counts.least() >= OFTEN, "something came to pass too seldom: {counts:?}");
    }
}

macro_rules! shares {
    ($($name:ident = $share:literal,)*) => {$(
        #[test]
        fn $name() {
            share($share);
        }
    )*};
}

shares! {
    everything_arrives_once_in_seeds_0_of_8 = 0,
    everything_arrives_once_in_seeds_1_of_8 = 1,
    everything_arrives_once_in_seeds_2_of_8 = 2,
    everything_arrives_once_in_seeds_3_of_8 = 3,
    everything_arrives_once_in_seeds_4_of_8 = 4,
    everything_arrives_once_in_seeds_5_of_8 = 5,
    everything_arrives_once_in_seeds_6_of_8 = 6,
    everything_arrives_once_in_seeds_7_of_8 = 7,
}

#[test]
fn one_seed_always_gives_one_trace() {
    for seed in [8, 11, 12] {
        let [first, second] = [(); 2].map(|()| run(seed).unwrap_or_else(|failure| panic!("{failure}")));
        let difference = first.lines.iter().zip(&second.lines).find(|(left, right)| left != right);
        assert_eq!(difference, None, "seed {seed}");
        assert_eq!(first.trace, second.trace, "seed {seed}");
    }
}

/// The seed that `HUSH_SIM_SEED` names, or the first.
#[test]
fn one_seed() {
    let run = run(number("HUSH_SIM_SEED").unwrap_or(1)).unwrap_or_else(|failure| panic!("{failure}"));
    println!("{} texts, {} steps, {} kills, {} breaks", run.texts, run.steps, run.kills, run.breaks);
}

#[test]
fn what_two_devices_say_of_themselves_in_one_instant_is_shown_alike() {
    run(1084).unwrap_or_else(|failure| panic!("{failure}"));
}

/// Seeds in which twenty devices want to commit at once.
const RACES: u64 = 4;

#[test]
fn twenty_devices_commit_at_once_and_no_wish_is_lost() {
    let (from, count) = (number("HUSH_SIM_FROM").unwrap_or(1), number("HUSH_SIM_RACES").unwrap_or(RACES));
    for seed in from..from + count {
        let run = run_plan(&Plan::of_race(seed)).unwrap_or_else(|failure| {
            println!("run it again: HUSH_SIM_FROM={seed} HUSH_SIM_RACES=1 cargo nextest run -p hushwire-testkit twenty");
            panic!("{failure}")
        });
        // Of forty, some are made by a device that dies before they are stored.
        assert!(run.wishes > 20, "seed {seed}: {} wishes are no race", run.wishes);
    }
}

/// Seeds in which the server lies.
const LIES: u64 = 400;

fn lies(first: u64) {
    let (from, count) = (number("HUSH_SIM_FROM").unwrap_or(1), number("HUSH_SIM_LIES").unwrap_or(LIES));
    let mut failed = Vec::new();
    for seed in (from..from + count).filter(|seed| seed % 2 == first) {
        if let Err(failure) = run_plan(&Plan::of_liar(seed)) {
            println!("seed {seed}: {}", failure.what());
            println!(
                "run it again: HUSH_SIM_LIE={seed} cargo nextest run -p hushwire-testkit one_lying_seed"
            );
            failed.push((seed, failure.what().to_owned()));
        }
    }
    assert!(failed.is_empty(), "{} seeds failed: {failed:#?}", failed.len());
}

#[test]
fn r4_a_server_that_lies_shows_nothing_forged_or_twice_and_is_told_of_in_even_seeds() {
    lies(0);
}

#[test]
fn r4_a_server_that_lies_shows_nothing_forged_or_twice_and_is_told_of_in_odd_seeds() {
    lies(1);
}

/// The seed that `HUSH_SIM_LIE` names, or the first.
#[test]
fn one_lying_seed() {
    let seed = number("HUSH_SIM_LIE").unwrap_or(1);
    run_plan(&Plan::of_liar(seed)).unwrap_or_else(|failure| panic!("{failure}"));
}
