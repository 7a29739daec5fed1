//! `hushwire-bench`, which `cargo xtask bench` builds and runs.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use hdrhistogram::Histogram;
use hushwire_bench::classic::{self, Outcome, Talk};
use hushwire_bench::group::{self, Both, Shape as GroupShape};
use hushwire_bench::hushd::{Cores, Hushd};
use hushwire_bench::load::MESSAGE_BYTES;
use hushwire_bench::program::{Output, end, workplace};
use hushwire_bench::scenario::{Ground, Pace, Scale, Scenario};
use hushwire_bench::sizes::Sizes;
use hushwire_bench::table::{Figure, Target, milliseconds};
use hushwire_bench::{engine, profile};

/// Measures hushd and the engine, beside what the machine can do.
#[derive(Parser)]
struct Options {
    /// The hushd to measure.
    #[arg(long, required_unless_present_any = ["only_profile", "only_group"])]
    hushd: Option<PathBuf>,
    /// Measure the large profile alone.
    #[arg(long)]
    only_profile: bool,
    /// Measure the large group alone.
    #[arg(long, conflicts_with = "only_profile")]
    only_group: bool,
    /// Where the databases are; the disk under it is what is measured.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Seconds for each measurement.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Pairs that write to each other.
    #[arg(long, default_value_t = 50)]
    pairs: usize,
    /// Members of the group that one of them writes into.
    #[arg(long, default_value_t = 100)]
    members: usize,
    /// Messages that wait for a device that was away.
    #[arg(long, default_value_t = 10_000)]
    missed: u32,
    /// Idle connections.
    #[arg(long, default_value_t = 1_000)]
    idle: usize,
    /// Messages of the engine.
    #[arg(long, default_value_t = 1_000)]
    messages: u32,
    /// Wire version 1 alone, beside a Python loop that does what the original does.
    #[arg(long)]
    classic: bool,
    /// The Python of that loop. With the package `cryptography` it signs keys as the original does.
    #[arg(long, default_value = "python3")]
    python: PathBuf,
    /// Messages of the large profile.
    #[arg(long, default_value_t = 1_000_000)]
    profile: u32,
    /// Devices of the large group.
    #[arg(long, default_value_t = 1_000)]
    devices: usize,
    /// Members of each kind that are measured in it.
    #[arg(long, default_value_t = 10)]
    rounds: usize,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    end(run(&Options::parse()).map(|()| true))
}

fn run(options: &Options) -> Result<()> {
    let (folder, output) = (workplace(options.folder.as_deref())?, Output::of(options.json));
    if options.only_group {
        output.print(&large_group(options, folder.path())?);
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let hushd = options.hushd.as_deref().filter(|_| !options.only_profile);
    if let (Some(hushd), true) = (hushd, options.classic) {
        output.print(&originals(options, hushd, folder.path(), &runtime)?);
        return Ok(());
    }
    if let Some(hushd) = hushd {
        measure_server(options, hushd, folder.path(), output)?;
        output.print(&originals(options, hushd, folder.path(), &runtime)?);
        output.print(&engines(options, folder.path())?);
        output.print(&large_group(options, folder.path())?);
    }
    output.print(&profiles(options, folder.path(), &runtime)?);
    Ok(())
}

/// hushd, beside what the machine can do: three scenarios of the load generator with messages that are all alike.
fn measure_server(options: &Options, hushd: &Path, folder: &Path, output: Output) -> Result<()> {
    const SCENARIOS: [Scenario; 3] = [Scenario::Idle, Scenario::Online, Scenario::FanOut];
    let scale = Scale {
        time: Duration::from_secs(options.seconds),
        sizes: Sizes::Fixed(MESSAGE_BYTES),
        pairs: options.pairs,
        members: options.members,
        idle: options.idle,
        paced: Pace::PerSecond(2_000),
        returning: 0,
        claimants: 0,
        registrations: 0,
    };
    let ground = Ground::survey(hushd, folder, Cores::of_server(), scale)?;
    output.print(&ground.limits());
    let cast = ground.cast(&SCENARIOS)?;
    for scenario in SCENARIOS {
        output.print(&ground.run(scenario, &cast).with_context(|| format!("scenario {scenario:?}"))?);
    }
    Ok(())
}

fn engines(options: &Options, disk: &Path) -> Result<Vec<Figure>> {
    // In memory where there is such a place, so that the disk is not in it.
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory)? } else { tempfile::tempdir()? };
    let times = engine::measure(folder.path(), options.messages)?;
    let figure = |what: &str, times: &Histogram<u64>| {
        Figure::new(what, milliseconds(times, 50.0), "ms").wanting(Target::AtMost(1.0))
    };
    let missed = options.missed;
    let caught_up = engine::catch_up(&disk.join("away"), missed)?;
    let what = format!("a device that was away catches up {missed} messages, on the disk");
    Ok(vec![
        figure("the engine encrypts and stores a message, p50", &times.encrypt),
        figure("the engine decrypts and stores a message, p50", &times.decrypt),
        Figure::new(what, caught_up.as_secs_f64(), "s").wanting(Target::AtMost(5.0)),
    ])
}

/// Wire version 1 through hushd, beside a Python loop that does for each message what the original does.
fn originals(
    options: &Options,
    hushd: &Path,
    folder: &Path,
    runtime: &tokio::runtime::Runtime,
) -> Result<Vec<Figure>> {
    let time = Duration::from_secs(options.seconds);
    let python = options.python.as_path();
    if !classic::has_module(python, "sqlite3") {
        eprintln!("left out: wire version 1 beside the original (no {})", python.display());
        return Ok(Vec::new());
    }
    let folder = tempfile::tempdir_in(folder)?;
    let hushd = Hushd::start_classic(hushd, &folder.path().join("hushd"), Cores::First)?;
    let original = classic::Original::start(python, folder.path(), Cores::First)?;
    let ours = hushd.classic().context("hushd does not serve wire version 1")?;
    let mut first = 0;
    let mut run = |what| -> Result<(Outcome, Outcome)> {
        first += 2 * classic::PAIRS;
        let ours = runtime.block_on(classic::run(ours, hushd.process(), what, first, time))?;
        let theirs = classic::run(original.address(), original.process(), what, first, time);
        Ok((ours, runtime.block_on(theirs).context("the Python loop")?))
    };
    let mut figures = Vec::new();
    let mut add =
        |name: &str, unit_of: fn(&Outcome) -> f64, (ours, theirs): (Outcome, Outcome), least: Option<f64>| {
            let (ours, theirs) = (unit_of(&ours), unit_of(&theirs));
            figures.push(Figure::new(format!("classic: {name}"), ours, "/s").beside("a Python loop", theirs));
            let times = Figure::new("  as often as the loop", ours / theirs, "times");
            figures.push(least.map_or(times.clone(), |least| times.wanting(Target::AtLeast(least))));
        };
    if classic::has_module(python, "cryptography") {
        let outcomes = run(Talk::Flow)?;
        add("keys and message, online, a second of CPU", Outcome::per_cpu_second, outcomes, Some(4.0));
    } else {
        eprintln!("left out: keys and message (no cryptography for {})", python.display());
    }
    add("message alone, online, a second of CPU", Outcome::per_cpu_second, run(Talk::Online)?, None);
    add("message to somebody offline, durable", Outcome::per_second, run(Talk::Offline)?, Some(20.0));
    Ok(figures)
}

/// A large group, beside bare mls-rs in the same run.
fn large_group(options: &Options, folder: &Path) -> Result<Vec<Figure>> {
    let (devices, rounds) = (options.devices, options.rounds);
    let folder = tempfile::tempdir_in(folder)?;
    let shape = GroupShape { devices, rounds, messages: 150, batches: 10, batch: 1_000 };
    let times = group::measure(folder.path(), &shape)?;
    let mut figures = vec![
        Figure::new(format!("a group of {devices} devices: to let it grow"), times.grown.as_secs_f64(), "s"),
        Figure::new("  learning who all the others are, p50", milliseconds(&times.met, 50.0), "ms"),
    ];
    figures.extend(beside_mls_rs("a message sent, durable in the outbox", &times.sent, Some(6.0)));
    figures.extend(beside_mls_rs(
        "1,000 messages received and stored as one batch",
        &times.received,
        Some(500.0),
    ));
    figures.extend(beside_mls_rs("a Commit with a fresh leaf made", &times.committed, Some(60.0)));
    figures.extend(beside_mls_rs("a Commit of another processed", &times.processed, Some(25.0)));
    figures.extend(beside_mls_rs("joining by a Welcome", &times.joined, Some(150.0)));
    figures.extend(beside_mls_rs("an own Commit applied when it comes back", &times.applied, None));
    Ok(figures)
}

/// What an operation took in the group, at most `most` milliseconds where something is wanted of it.
fn beside_mls_rs(what: &str, both: &Both, most: Option<f64>) -> Vec<Figure> {
    let at = |times: &Histogram<u64>, at: f64| milliseconds(times, at);
    let (ours, bare) = (at(&both.ours, 50.0), at(&both.bare, 50.0));
    let figure = Figure::new(format!("  {what}, p50"), ours, "ms").beside("bare mls-rs, durable", bare);
    let ratio = Figure::new("    as long as bare mls-rs, durable, p50", ours / bare, "times");
    let tail = Figure::new("    the same, p90", at(&both.ours, 90.0), "ms")
        .beside("bare mls-rs, durable", at(&both.bare, 90.0));
    let memory = Figure::new("    bare mls-rs in memory, p50", at(&both.bare_in_memory, 50.0), "ms");
    match most {
        Some(most) => {
            vec![figure.wanting(Target::AtMost(most)), ratio.wanting(Target::AtMost(1.3)), tail, memory]
        }
        None => vec![figure, ratio, tail, memory],
    }
}

/// A profile of years, in the folder of the databases.
fn profiles(options: &Options, folder: &Path, runtime: &tokio::runtime::Runtime) -> Result<Vec<Figure>> {
    let measured = profile::measure(folder, options.profile, 20, runtime)?;
    let of = options.profile;
    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    let size = measured.bytes as f64 / 1e6;
    let mut figures = vec![
        Figure::new(format!("a profile of {of} messages"), size, "MB"),
        Figure::new("  writing a message into it, many at once", measured.written.as_secs_f64() * 1e6, "µs"),
        Figure::new(
            "  opening it and showing its conversations, p50",
            milliseconds(&measured.opened, 50.0),
            "ms",
        )
        .wanting(Target::AtMost(150.0)),
        Figure::new("  the same, the slowest of 20", milliseconds(&measured.opened, 100.0), "ms"),
    ];
    for search in &measured.searches {
        let what = format!("  searching {}, p50", search.what);
        figures
            .push(Figure::new(what, milliseconds(&search.times, 50.0), "ms").wanting(Target::AtMost(50.0)));
    }
    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    let size = measured.backup.bytes as f64 / 1e6;
    figures.extend([
        Figure::new("  its backup", size, "MB"),
        Figure::new("  writing the backup", measured.backup.written.as_secs_f64(), "s"),
        Figure::new("  reading the backup to its end", measured.backup.verified.as_secs_f64(), "s"),
    ]);
    Ok(figures)
}
