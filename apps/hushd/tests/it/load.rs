//! The load generator runs against this program: not how fast, only that it does, and that nothing is lost.

use std::path::Path;
use std::time::Duration;

use hushwire_bench::hushd::Cores;
use hushwire_bench::scenario::{Ground, Pace, Scale, Scenario};
use hushwire_bench::sizes::Sizes;

#[test]
fn every_scenario_of_the_load_generator_comes_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let scale = Scale {
        time: Duration::from_millis(250),
        sizes: Sizes::People,
        pairs: 2,
        members: 4,
        returning: 101,
        idle: 3,
        claimants: 3,
        registrations: 3,
        paced: Pace::HalfOfFull,
    };
    let hushd = Path::new(env!("CARGO_BIN_EXE_hushd"));
    let ground = Ground::survey(hushd, folder.path(), Cores::All, scale).unwrap();
    let cast = ground.cast(&Scenario::ALL).unwrap();
    for scenario in Scenario::ALL {
        let figures = ground.run(scenario, &cast).unwrap();
        assert!(figures.iter().all(|figure| figure.value.is_finite()), "{scenario:?}: {figures:?}");
        let first = figures.first().unwrap();
        assert!(first.value > 0.0, "{scenario:?}: {first:?}");
    }
}
