//! The fault battery: whatever happens to a server, its machine or its line, the delivery promise holds, and honest people go on.
//!
//! Each fault has a server of its own, with a crew of honest pairs who write to each other all the time ([`crew`]). Then something goes
//! wrong, is healed, and the oracle looks: nothing that was acknowledged is lost, nothing is there twice. What the honest people
//! noticed is measured too.
//!
//! | what goes wrong | how |
//! | --- | --- |
//! | the process ([`Fault::Kills`]) | `SIGKILL` at arbitrary moments |
//! | clients and the process ([`Fault::Clients`]) | `SIGKILL` of real `hush` processes with profiles, and of the server ([`clients`]) |
//! | the power ([`Fault::Power`]) | of what was written since the last sync of each file an arbitrary part is kept ([`shim`]) |
//! | the disk ([`Fault::Full`], [`Fault::IoErrors`], [`Fault::Stalls`]) | no room; syncs that fail and lose; syncs of half a second |
//! | a small disk ([`Fault::Tmpfs`]) | a tmpfs that is filled to its last page ([`tmpfs`]) |
//! | the clock ([`Fault::Clock`]) | jumps of a year, forth and back |
//! | the line ([`Fault::Cuts`], [`Fault::Slow`], [`Fault::Mangled`]) | a proxy ([`proxy`]) |
//! | people ([`flood`]) | slow-loris, half-open connections, ten thousand connections, floods of everything that can be asked |

mod clients;
pub mod crew;
pub mod flood;
pub mod proxy;
pub mod shim;
mod tmpfs;

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use hushwire_types::{OsEntropy, SendSeq, rng};

use self::crew::{Crew, Seen};
use self::flood::{Attack, Flood};
use self::proxy::{Line, Proxy};
use self::shim::{Shim, Wrong};
use self::tmpfs::Tmpfs;
use crate::hushd::{Cores, Hushd, free_port};
use crate::people::{Chat, Maker};
use crate::table::{Figure, Target, milliseconds};

/// Something that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Fault {
    /// Nothing, to compare with.
    Nothing,
    /// The server is killed.
    Kills,
    /// Clients are killed, and the server beside.
    Clients,
    /// The power is lost.
    Power,
    /// The disk is full.
    Full,
    /// A small disk is full, without a library that lies about it.
    Tmpfs,
    /// Syncs fail.
    IoErrors,
    /// Syncs take half a second.
    Stalls,
    /// The clock jumps by a year.
    Clock,
    /// Connections are cut.
    Cuts,
    /// The line is slow.
    Slow,
    /// Pieces come twice or in another order.
    Mangled,
    /// Handshakes of a byte a second.
    SlowLoris,
    /// Connections that say nothing.
    HalfOpen,
    /// Ten thousand connections from one address.
    Connections,
    /// A flood of registrations.
    Registrations,
    /// A flood of one-time codes.
    Otps,
    /// A flood of claims of KeyPackages.
    Claims,
    /// A flood of frames that are too large.
    Oversized,
}

impl Fault {
    /// All.
    pub const ALL: [Self; 19] = [
        Self::Nothing,
        Self::Kills,
        Self::Clients,
        Self::Power,
        Self::Full,
        Self::Tmpfs,
        Self::IoErrors,
        Self::Stalls,
        Self::Clock,
        Self::Cuts,
        Self::Slow,
        Self::Mangled,
        Self::SlowLoris,
        Self::HalfOpen,
        Self::Connections,
        Self::Registrations,
        Self::Otps,
        Self::Claims,
        Self::Oversized,
    ];

    const fn flood(self) -> Option<Flood> {
        match self {
            Self::SlowLoris => Some(Flood::SlowLoris),
            Self::HalfOpen => Some(Flood::HalfOpen),
            Self::Connections => Some(Flood::Connections),
            Self::Registrations => Some(Flood::Registrations),
            Self::Otps => Some(Flood::Otps),
            Self::Claims => Some(Flood::Claims),
            Self::Oversized => Some(Flood::Oversized),
            _ => None,
        }
    }

    const fn needs_shim(self) -> bool {
        matches!(self, Self::Power | Self::Full | Self::IoErrors | Self::Stalls | Self::Clock)
    }
}

/// How much.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Honest pairs.
    pub pairs: usize,
    /// Between two messages of each.
    pub every: Duration,
    /// How long something is wrong, where that has a length.
    pub time: Duration,
    /// How often the server is killed, or loses its power.
    pub times: u32,
}

/// A hushd that is to be tried.
pub struct Battery {
    hushd: PathBuf,
    folder: PathBuf,
    cores: Cores,
    scale: Scale,
    shim: Option<Shim>,
    runtime: tokio::runtime::Runtime,
    /// An address of this machine that is not loopback.
    outside: Option<IpAddr>,
}

/// What came of one fault.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// Which.
    pub fault: Fault,
    /// What the honest people saw.
    pub seen: Seen,
    /// What else is worth knowing.
    pub notes: Vec<Figure>,
}

impl Battery {
    /// Over databases in `folder`.
    ///
    /// # Errors
    /// The fault library cannot be compiled.
    pub fn new(hushd: &Path, folder: &Path, cores: Cores, scale: Scale) -> Result<Self> {
        // The server is started and waited for on the calling thread, while the people go on on this one.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        Ok(Self {
            hushd: hushd.to_owned(),
            folder: folder.to_owned(),
            cores,
            scale,
            shim: Shim::build()?,
            runtime,
            outside: outside(),
        })
    }

    /// Tries one fault; why not, where this machine cannot.
    ///
    /// # Errors
    /// A server cannot be started, or somebody was never answered though all was well again.
    pub fn run(&self, fault: Fault) -> Result<Result<Verdict, &'static str>> {
        if fault.needs_shim() && self.shim.is_none() {
            return Ok(Err("it needs Linux and a C compiler"));
        }
        if fault.flood().is_some() && self.outside.is_none() {
            return Ok(Err("this machine has no address but loopback, for which hushd has no limits"));
        }
        if fault == Fault::Clients && clients::program(&self.hushd).is_none() {
            return Ok(Err("there is no `hush` beside this hushd"));
        }
        let folder = tempfile::tempdir_in(&self.folder)?;
        let disk = (fault == Fault::Tmpfs).then(|| Tmpfs::mount(folder.path()));
        if matches!(disk, Some(None)) {
            return Ok(Err("this process may not mount a tmpfs: only root on Linux may"));
        }
        let mut trial = Trial::begin(self, fault, folder.path())?;
        let (pairs, insider) = trial.people()?;
        let crew = {
            let _inside = self.runtime.enter();
            Crew::start(trial.server()?, &pairs, SendSeq(2), self.scale.every)?
        };
        let notes = match disk.flatten() {
            Some(disk) => trial.fill(&disk)?,
            None => trial.ordeal(&crew, &insider, &pairs)?,
        };
        let mut seen = self.runtime.block_on(crew.finish())?;
        seen.violations.append(&mut trial.violations);
        Ok(Ok(Verdict { fault, seen, notes }))
    }

    fn wait(&self, time: Duration) {
        self.runtime.block_on(async { tokio::time::sleep(time).await });
    }
}

/// One fault on one server.
struct Trial<'a> {
    battery: &'a Battery,
    fault: Fault,
    folder: &'a Path,
    hushd: Option<Hushd>,
    starts: u64,
    /// Where it listens each time, as clients have written it down; 0 where the system picks.
    port: u16,
    /// Promises that were broken to others than the crew.
    violations: Vec<String>,
}

impl<'a> Trial<'a> {
    fn begin(battery: &'a Battery, fault: Fault, folder: &'a Path) -> Result<Self> {
        if let Some(shim) = &battery.shim {
            for wrong in [Wrong::Full, Wrong::IoError, Wrong::Stall, Wrong::Power] {
                shim.set(wrong, false)?;
            }
            shim.set_clock(0)?;
        }
        let mut trial =
            Self { battery, fault, folder, hushd: None, starts: 0, port: 0, violations: Vec::new() };
        trial.start()?;
        trial.hushd = None;
        Ok(trial)
    }

    /// Honest pairs, and one that is not.
    fn people(&mut self) -> Result<(Vec<Chat>, Chat)> {
        let mut maker = Maker::open(&self.folder.join(hushwire_server::run::DATABASE_NAME))?;
        let pairs = (0..self.battery.scale.pairs).map(|_| maker.pair()).collect::<Result<_>>()?;
        let insider = maker.pair()?;
        drop(maker);
        self.start()?;
        Ok((pairs, insider))
    }

    /// Starts the server, again where it has been one.
    fn start(&mut self) -> Result<()> {
        let Battery { hushd, cores, shim, .. } = self.battery;
        let own = |name: &str, value: &str| (OsString::from(name), OsString::from(value));
        let mut environment = vec![
            own("HUSHD_LIMITS__MESSAGES_PER_SECOND", "1000"),
            own("HUSHD_LIMITS__CONNECTIONS", "10000"),
            own("HUSHD_REGISTRATION__METHODS", "open,invite,phone"),
            own("HUSHD_OTP__PHONE__DRIVER", "console"),
        ];
        if self.fault.needs_shim() {
            environment.extend(shim.iter().flat_map(|shim| shim.environment(self.starts + 1)));
        }
        self.starts += 1;
        let hushd = if self.fault.flood().is_some() {
            Hushd::start_outside(hushd, self.folder, *cores, &environment)?
        } else if self.fault == Fault::Clients {
            if self.port == 0 {
                self.port = free_port().context("no free port")?;
            }
            Hushd::start_at(hushd, self.folder, *cores, self.port, &environment)?
        } else {
            Hushd::start_in(hushd, self.folder, *cores, &environment)?
        };
        self.hushd = Some(hushd);
        Ok(())
    }

    /// Where honest people reach it: over loopback.
    fn server(&self) -> Result<SocketAddr> {
        let hushd = self.hushd.as_ref().context("no server")?;
        Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, hushd.address().port())))
    }

    /// Lets it go wrong, and makes it well again.
    fn ordeal(&mut self, crew: &Crew, insider: &Chat, pairs: &[Chat]) -> Result<Vec<Figure>> {
        let Scale { time, times, .. } = self.battery.scale;
        if let Some(flood) = self.fault.flood() {
            return self.flood(flood, insider, pairs);
        }
        match self.fault {
            Fault::Kills | Fault::Power => {
                for _ in 0..times {
                    self.battery.wait(arbitrary(Duration::from_millis(300)));
                    self.end()?;
                    self.start()?;
                    crew.moved(self.server()?);
                }
                Ok(vec![count("times", u64::from(times))])
            }
            Fault::Clients => self.clients(crew),
            Fault::Full => self.wrong(Wrong::Full, time).map(|()| Vec::new()),
            Fault::IoErrors => self.wrong(Wrong::IoError, time).map(|()| Vec::new()),
            Fault::Stalls => self.wrong(Wrong::Stall, time).map(|()| Vec::new()),
            Fault::Clock => self.clock(time).map(|()| Vec::new()),
            Fault::Cuts | Fault::Slow | Fault::Mangled => {
                let line = match self.fault {
                    Fault::Cuts => Line::Cut,
                    Fault::Slow => Line::Slow,
                    _ => Line::Mangled,
                };
                let proxy = self.battery.runtime.block_on(Proxy::start(self.server()?, line))?;
                crew.moved(proxy.address());
                // Whoever is connected already notices nothing of the proxy.
                self.end()?;
                self.start()?;
                let proxy = self.battery.runtime.block_on(Proxy::start(self.server()?, line))?;
                crew.moved(proxy.address());
                self.battery.wait(time);
                crew.moved(self.server()?);
                let mut notes = vec![count("connections through the bad line", proxy.connections())];
                if line == Line::Mangled {
                    notes.push(count("pieces that came twice", proxy.twice()));
                    notes.push(count("pieces that came after the one behind them", proxy.late()));
                }
                Ok(notes)
            }
            _ => {
                self.battery.wait(time);
                Ok(Vec::new())
            }
        }
    }

    /// The process ends: it is killed, or the machine loses its power.
    fn end(&mut self) -> Result<()> {
        let Some(mut hushd) = self.hushd.take() else { return Ok(()) };
        if self.fault != Fault::Power {
            return Ok(());
        }
        let shim = self.shim()?;
        shim.set(Wrong::Power, true)?;
        for _ in 0..2_000 {
            if hushd.has_ended() {
                return shim.set(Wrong::Power, false);
            }
            self.battery.wait(Duration::from_millis(5));
        }
        bail!("the machine does not lose its power")
    }

    /// Twice there is no room, and room again.
    fn fill(&self, disk: &Tmpfs) -> Result<Vec<Figure>> {
        let Scale { time, .. } = self.battery.scale;
        let mut filled = 0;
        for _ in 0..2 {
            self.battery.wait(time / 4);
            filled = disk.fill()?;
            self.battery.wait(time / 2);
            disk.clear()?;
        }
        Ok(vec![count("bytes that there had been room for", filled)])
    }

    fn wrong(&self, wrong: Wrong, time: Duration) -> Result<()> {
        let shim = self.shim()?;
        self.battery.wait(time / 4);
        shim.set(wrong, true)?;
        self.battery.wait(time);
        shim.set(wrong, false)
    }

    fn clock(&self, time: Duration) -> Result<()> {
        const YEAR_S: i64 = 365 * 24 * 60 * 60;
        let shim = self.shim()?;
        for seconds in [YEAR_S, 0, -YEAR_S, 0] {
            self.battery.wait(time / 4);
            shim.set_clock(seconds)?;
        }
        Ok(())
    }

    fn flood(&self, flood: Flood, insider: &Chat, pairs: &[Chat]) -> Result<Vec<Figure>> {
        let outside = self.battery.outside.context("no address")?;
        let server = SocketAddr::from((outside, self.server()?.port()));
        let victim = pairs.first().context("no pairs")?.sender.account;
        let hushd = self.hushd.as_ref().context("no server")?;
        let attack = {
            let _inside = self.battery.runtime.enter();
            Attack::start(server, flood, insider, victim)
        };
        self.battery.wait(self.battery.scale.time);
        let resident = hushd.resident_bytes()?;
        let tally = self.battery.runtime.block_on(attack.stop());
        let counts = [
            ("attackers tried", &tally.tried),
            ("granted", &tally.granted),
            ("refused", &tally.refused),
            ("connections closed in their face", &tally.closed),
        ];
        #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
        let figures = counts
            .map(|(what, count)| Figure::new(format!("  {what}"), count.load(Ordering::Relaxed) as f64, ""));
        #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
        let memory = Figure::new("  hushd's memory meanwhile, resident", resident as f64 / 1e6, "MB");
        Ok(figures.into_iter().chain([memory]).collect())
    }

    fn shim(&self) -> Result<&'a Shim> {
        self.battery.shim.as_ref().context("no fault library")
    }
}

impl Verdict {
    /// As figures. A broken promise is one that misses its target.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    pub fn figures(&self) -> Vec<Figure> {
        let Seen { acknowledged, broken, put_off, latency, violations } = &self.seen;
        let mut figures = vec![
            Figure::new(format!("{:?}: messages acknowledged", self.fault), *acknowledged as f64, ""),
            Figure::new("  promises broken", violations.len() as f64, "").wanting(Target::AtMost(0.0)),
            Figure::new("  delivered after, p50", milliseconds(latency, 50.0), "ms"),
            Figure::new("  delivered after, p99", milliseconds(latency, 99.0), "ms"),
            Figure::new("  connections lost or refused", *broken as f64, ""),
            Figure::new("  told to try again", *put_off as f64, ""),
        ];
        figures.extend(self.notes.iter().cloned());
        figures
    }
}

fn count(what: &str, count: u64) -> Figure {
    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    let count = count as f64;
    Figure::new(format!("  {what}"), count, "")
}

/// An address of this machine in some network; nothing is sent.
fn outside() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // TEST-NET-1 (RFC 5737): only the route is looked up.
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|address| !address.is_loopback())
}

/// Some time below this.
fn arbitrary(below: Duration) -> Duration {
    let [chance] = rng::bytes::<1>(&OsEntropy);
    below * u32::from(chance) / 256
}
