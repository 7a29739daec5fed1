//! The short form of the fault battery (`cargo xtask faults`): whatever happens, nothing that was acknowledged is lost or there twice.

use std::path::Path;
use std::time::Duration;

use hushwire_bench::faults::{Battery, Fault, Scale};
use hushwire_bench::hushd::Cores;

fn hold(faults: &[Fault]) {
    let folder = tempfile::tempdir().unwrap();
    let scale =
        Scale { pairs: 4, every: Duration::from_millis(5), time: Duration::from_millis(1_500), times: 8 };
    let hushd = Path::new(env!("CARGO_BIN_EXE_hushd"));
    let battery = Battery::new(hushd, folder.path(), Cores::All, scale).unwrap();
    for fault in faults {
        // Where this machine cannot do it, the battery says so, and what is left holds.
        let Ok(verdict) = battery.run(*fault).unwrap() else { continue };
        assert_eq!(verdict.seen.violations, Vec::<String>::new(), "{fault:?}");
        assert!(verdict.seen.acknowledged > 0, "{fault:?}: nobody got anything through");
    }
}

#[test]
fn the_promise_holds_when_the_process_or_the_power_goes() {
    hold(&[Fault::Kills, Fault::Power]);
}

#[test]
fn the_promise_holds_when_the_disk_is_full_fails_or_stalls() {
    hold(&[Fault::Full, Fault::Tmpfs, Fault::IoErrors, Fault::Stalls]);
}

#[test]
fn the_promise_holds_when_the_clock_jumps_by_a_year() {
    hold(&[Fault::Clock]);
}

#[test]
fn the_promise_holds_on_a_bad_line() {
    hold(&[Fault::Cuts, Fault::Slow, Fault::Mangled]);
}
