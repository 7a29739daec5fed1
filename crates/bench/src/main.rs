//! `hushwire-bench`, which `cargo xtask bench` builds and runs.

#![allow(clippy::print_stdout, reason = "a program whose purpose is to print")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use hdrhistogram::Histogram;
use hushwire_bench::classic::{self, Outcome, Talk};
use hushwire_bench::group::{Both, Shape as GroupShape};
use hushwire_bench::hushd::{Cores, Hushd, own_cpu_seconds};
use hushwire_bench::line::Line;
use hushwire_bench::load::{self, Plan, Shape};
use hushwire_bench::people::{Chat, Maker, Person};
use hushwire_bench::table::{Figure, Target};
use hushwire_bench::{engine, group, machine, profile};
use hushwire_types::SendSeq;

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
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let folder = match &options.folder {
        Some(folder) => tempfile::tempdir_in(folder)?,
        None => tempfile::tempdir()?,
    };
    let print = |figure: &Figure| {
        if options.json {
            println!("{}", figure.json());
        } else {
            println!("{}", figure.line());
        }
    };
    if options.only_group {
        large_group(options, folder.path())?.iter().for_each(print);
        return Ok(());
    }
    let hushd = options.hushd.as_deref().filter(|_| !options.only_profile);
    if let (Some(hushd), true) = (hushd, options.classic) {
        originals(options, hushd, folder.path(), &runtime)?.iter().for_each(print);
        return Ok(());
    }
    if let Some(hushd) = hushd {
        measure_server(options, hushd, folder.path(), &runtime, &print)?;
        for figure in engines(options, folder.path())? {
            print(&figure);
        }
        large_group(options, folder.path())?.iter().for_each(print);
    }
    for figure in profiles(options, folder.path(), &runtime)? {
        print(&figure);
    }
    Ok(())
}

/// hushd, beside what the machine can do.
fn measure_server(
    options: &Options,
    hushd: &Path,
    folder: &Path,
    runtime: &tokio::runtime::Runtime,
    print: &dyn Fn(&Figure),
) -> Result<()> {
    let People { pairs, group, idle } = prepare(options, hushd, folder)?;
    let time = Duration::from_secs(options.seconds);
    let syncs = machine::sync_times(folder, time / 4)?;
    let rows = machine::sqlite_rows_per_second(folder, time / 4)?;
    let echoes = runtime.block_on(machine::tls_echoes_per_second(time / 2))?;
    for (what, at) in [("a sync of the disk, p50", 50.0), ("a sync of the disk, p99", 99.0)] {
        print(&Figure::new(what, milliseconds(&syncs, at), "ms"));
    }
    print(&Figure::new("rows of 1 KiB into bare SQLite, 1,000 a transaction", rows, "/s"));
    print(&Figure::new("echoes of 1 KiB over bare TLS, both ends on one core", echoes, "/s"));

    for figure in resting(hushd, folder, runtime, &idle)? {
        print(&figure);
    }
    for figure in online(hushd, folder, runtime, &pairs, time, rows, echoes)? {
        print(&figure);
    }
    for figure in fan_out(hushd, folder, runtime, &group, time)? {
        print(&figure);
    }
    for figure in originals(options, hushd, folder, runtime)? {
        print(&figure);
    }
    Ok(())
}

/// One message to many: stored once, delivered to each, acknowledged by each.
fn fan_out(
    hushd: &Path,
    folder: &Path,
    runtime: &tokio::runtime::Runtime,
    group: &Chat,
    time: Duration,
) -> Result<Vec<Figure>> {
    let hushd = Hushd::start(hushd, folder, Cores::First)?;
    let warm_up = time / 5;
    let (server, own) = (hushd.cpu_seconds()?, own_cpu_seconds()?);
    let closed = Shape::Closed { in_flight: 20 };
    let groups = std::slice::from_ref(group);
    let run = load::run(hushd.address(), groups, Plan::new(SendSeq(2), closed, warm_up, time));
    let run = runtime.block_on(run).context("into a group")?;
    let (server, own) = (hushd.cpu_seconds()? - server, own_cpu_seconds()? - own);
    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    let delivered = run.delivered as f64;
    let span = (warm_up + time).as_secs_f64();
    let what = format!("deliveries of 1 KiB in a group of {}, durable", group.receivers.len() + 1);
    Ok(vec![
        Figure::new(what, delivered / run.elapsed.as_secs_f64(), "/s").wanting(Target::AtLeast(60_000.0)),
        Figure::new("  hushd's share of its core", 100.0 * server / span, "%"),
        Figure::new("  the generator's share of a core", 100.0 * own / span, "%"),
    ])
}

/// Everybody that the measurements need.
struct People {
    pairs: Vec<Chat>,
    group: Chat,
    idle: Vec<Person>,
}

/// Makes them, in the database of a server that has run once.
fn prepare(options: &Options, hushd: &Path, folder: &Path) -> Result<People> {
    drop(Hushd::start(hushd, folder, Cores::All)?);
    let mut maker = Maker::open(&folder.join(hushwire_server::run::DATABASE_NAME))?;
    let pairs = (0..options.pairs).map(|_| maker.pair()).collect::<Result<Vec<_>>>()?;
    let idle = (0..options.idle).map(|_| maker.person()).collect::<Result<Vec<_>>>()?;
    Ok(People { pairs, group: maker.group(options.members)?, idle })
}

/// What a server holds that does nothing, and what each connection adds.
fn resting(
    hushd: &Path,
    folder: &Path,
    runtime: &tokio::runtime::Runtime,
    idle: &[Person],
) -> Result<Vec<Figure>> {
    let hushd = Hushd::start(hushd, folder, Cores::All)?;
    runtime.block_on(async { tokio::time::sleep(Duration::from_secs(1)).await });
    let at_rest = hushd.resident_bytes()?;
    let lines = runtime.block_on(async {
        let mut lines = Vec::new();
        for person in idle {
            lines.push(Line::open(hushd.address(), person).await?);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok::<_, anyhow::Error>(lines)
    })?;
    let connected = hushd.resident_bytes()?;
    drop(lines);
    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    let (at_rest, grown) = (at_rest as f64, connected.saturating_sub(at_rest) as f64);
    let connections = u32::try_from(idle.len().max(1)).map(f64::from)?;
    Ok(vec![
        Figure::new("hushd at rest, resident", at_rest / 1e6, "MB").wanting(Target::AtMost(25.0)),
        Figure::new(
            format!("each of {} idle TLS connections", idle.len()),
            grown / connections / 1024.0,
            "KiB",
        )
        .wanting(Target::AtMost(24.0)),
    ])
}

/// Messages as fast as they go, and the delivery of messages at a rate.
fn online(
    hushd: &Path,
    folder: &Path,
    runtime: &tokio::runtime::Runtime,
    pairs: &[Chat],
    time: Duration,
    rows: f64,
    echoes: f64,
) -> Result<Vec<Figure>> {
    let hushd = Hushd::start(hushd, folder, Cores::First)?;
    let warm_up = time / 5;
    let (server, own) = (hushd.cpu_seconds()?, own_cpu_seconds()?);
    let closed = Shape::Closed { in_flight: 20 };
    let full = load::run(hushd.address(), pairs, Plan::new(SendSeq(2), closed, warm_up, time));
    let full = runtime.block_on(full).context("at full speed")?;
    let (server, own) = (hushd.cpu_seconds()? - server, own_cpu_seconds()? - own);
    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    let (accepted, sent) = (full.accepted as f64, full.sent as f64);
    let span = (warm_up + time).as_secs_f64();
    let mut figures = vec![
        Figure::new(
            format!("messages of 1 KiB, {} pairs, 20 in flight, durable", pairs.len()),
            accepted / full.elapsed.as_secs_f64(),
            "/s",
        )
        .wanting(Target::AtLeast(30_000.0))
        .beside("bare SQLite", rows),
        Figure::new("  hushd's processor time for 1,000 of them", server / sent * 1e6, "ms")
            .beside("an echo over bare TLS", 1e6 / echoes),
        Figure::new("  hushd's share of its core", 100.0 * server / span, "%"),
        Figure::new("  the generator's share of a core", 100.0 * own / span, "%"),
    ];

    // Numbers go on where the first run ended: no sender wrote more than all of them together.
    let open = Shape::Open { per_second: 2_000 };
    let next = SendSeq(2 + full.sent);
    let paced = load::run(hushd.address(), pairs, Plan::new(next, open, warm_up, time));
    let paced = runtime.block_on(paced).context("at 2,000 messages a second")?;
    let wanted = [(50.0, Some(2.0)), (90.0, None), (99.0, Some(10.0)), (99.9, None)];
    for (at, most) in wanted {
        let figure =
            Figure::new(format!("delivery at 2,000/s, p{at}"), milliseconds(&paced.latency, at), "ms");
        figures.push(match most {
            Some(most) => figure.wanting(Target::AtMost(most)),
            None => figure,
        });
    }
    Ok(figures)
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

fn milliseconds(times: &Histogram<u64>, at: f64) -> f64 {
    let micros = u32::try_from(times.value_at_percentile(at)).unwrap_or(u32::MAX);
    f64::from(micros) / 1000.0
}
