//! A hushd process on a data folder, and what the system says of it.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// A running hushd. It ends when this is dropped.
pub struct Hushd {
    child: Child,
    address: SocketAddr,
    metrics: SocketAddr,
    classic: Option<SocketAddr>,
    invite: Option<String>,
}

/// On which cores a process may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cores {
    /// On all.
    All,
    /// On the first one alone, by util-linux' `taskset`.
    First,
}

impl Cores {
    /// The first one where there are several, so that the load has another; all where there is one.
    #[must_use]
    pub fn of_server() -> Self {
        // Not `available_parallelism`: this process may have been put on one core for the same reason.
        let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        if processors.lines().filter(|line| line.starts_with("processor")).count() > 1 {
            Self::First
        } else {
            Self::All
        }
    }
}

impl Hushd {
    /// Starts `program` on `data_dir`, at a port that the system picks, and waits until it listens.
    ///
    /// # Errors
    /// It cannot be started, or ended at once.
    pub fn start(program: &Path, data_dir: &Path, cores: Cores) -> Result<Self> {
        Self::start_with(program, data_dir, cores, 0, &[], &[])
    }

    /// The same at a port of the caller's, so that clients find it again.
    ///
    /// # Errors
    /// As [`Hushd::start`].
    pub fn start_at(
        program: &Path,
        data_dir: &Path,
        cores: Cores,
        port: u16,
        environment: &[(OsString, OsString)],
    ) -> Result<Self> {
        Self::start_with(program, data_dir, cores, port, &[], environment)
    }

    /// The same with more in its environment.
    ///
    /// # Errors
    /// As [`Hushd::start`].
    pub fn start_in(
        program: &Path,
        data_dir: &Path,
        cores: Cores,
        environment: &[(OsString, OsString)],
    ) -> Result<Self> {
        Self::start_with(program, data_dir, cores, 0, &[], environment)
    }

    /// The same on all addresses of this machine, so that not everybody comes from loopback, whom a server does not tell apart.
    ///
    /// # Errors
    /// As [`Hushd::start`].
    pub fn start_outside(
        program: &Path,
        data_dir: &Path,
        cores: Cores,
        environment: &[(OsString, OsString)],
    ) -> Result<Self> {
        let mut command = on(cores, program);
        command.args(["serve", "--listen", "0.0.0.0:0", "--data-dir"]).arg(data_dir);
        command.env("HUSHD_PUBLIC_ADDRESS", "localhost:7900");
        Self::run(command, environment)
    }

    /// The same, serving wire version 1 as well, with codes for whoever asks.
    ///
    /// # Errors
    /// As [`Hushd::start`].
    pub fn start_classic(program: &Path, data_dir: &Path, cores: Cores) -> Result<Self> {
        Self::start_with(
            program,
            data_dir,
            cores,
            0,
            &["--classic", "127.0.0.1:0", "--insecure-otp-echo"],
            &[],
        )
    }

    /// Whether it has ended, by itself or because the machine lost its power.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    fn start_with(
        program: &Path,
        data_dir: &Path,
        cores: Cores,
        port: u16,
        flags: &[&str],
        environment: &[(OsString, OsString)],
    ) -> Result<Self> {
        let mut command = on(cores, program);
        let listen = format!("127.0.0.1:{port}");
        command.args(["dev", "--listen", &listen, "--data-dir"]).arg(data_dir).args(flags);
        Self::run(command, environment)
    }

    fn run(mut command: Command, environment: &[(OsString, OsString)]) -> Result<Self> {
        // A pair writes more here than one device may anywhere else.
        command.env("HUSHD_LIMITS__MESSAGES_PER_SECOND", "0").env("HUSHD_LIMITS__CONNECTIONS", "16000");
        // hushd says nowhere which port it got for its metrics, so it is given one that is free now.
        let metrics = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        command
            .env("HUSHD_METRICS__LISTEN", metrics.to_string())
            .env("HUSHD_REGISTRATION__METHODS", "open,invite");
        command.envs(environment.iter().cloned());
        command.stdout(Stdio::piped()).stderr(Stdio::null()).stdin(Stdio::null());
        let mut child =
            command.spawn().with_context(|| format!("{:?} cannot be started", command.get_program()))?;
        let out = child.stdout.take().context("hushd has no standard output")?;
        let mut lines = BufReader::new(out).lines();
        let (mut address, mut classic, mut invite) = (None, None, None);
        loop {
            let Some(line) = lines.next().transpose()? else { bail!("hushd ended before it listened") };
            let Some(rest) = line.strip_prefix("Listening on ") else {
                if let Some(link) = line.strip_prefix("Invite (any number of accounts): ") {
                    invite = Some(link.trim().to_owned());
                }
                // The last line of `dev`, and that of `serve`.
                if line.starts_with("Data: ") || line.starts_with("Link: ") {
                    break;
                }
                continue;
            };
            match (rest.split_once("://"), rest.split_once(" for wire version 1")) {
                (Some((_, at)), _) => address = Some(at.trim().parse()?),
                (None, Some((at, _))) => classic = Some(at.parse()?),
                _ => {}
            }
        }
        let address = address.context("hushd does not say where it listens")?;
        // Whatever else it says is read, so that it never waits for a reader.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Ok(Self { child, address, metrics, classic, invite })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it serves its metrics.
    #[must_use]
    pub const fn metrics(&self) -> SocketAddr {
        self.metrics
    }

    /// Where it listens for wire version 1.
    #[must_use]
    pub const fn classic(&self) -> Option<SocketAddr> {
        self.classic
    }

    /// The link of the invite that `hushd dev` shows.
    #[must_use]
    pub fn invite(&self) -> Option<&str> {
        self.invite.as_deref()
    }

    /// Its process.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Bytes of memory that it holds (`VmRSS`).
    ///
    /// # Errors
    /// The system does not say, as outside Linux.
    pub fn resident_bytes(&self) -> Result<u64> {
        resident_bytes(self.child.id())
    }

    /// Seconds of processor time that it used.
    ///
    /// # Errors
    /// As [`Hushd::resident_bytes`].
    pub fn cpu_seconds(&self) -> Result<f64> {
        cpu_seconds(&format!("/proc/{}/stat", self.child.id()))
    }
}

impl Drop for Hushd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Seconds of processor time that this process used.
///
/// # Errors
/// The system does not say.
pub fn own_cpu_seconds() -> Result<f64> {
    cpu_seconds("/proc/self/stat")
}

/// A program on some cores, not started yet.
pub(crate) fn on(cores: Cores, program: &Path) -> Command {
    match cores {
        Cores::All => Command::new(program),
        Cores::First => {
            let mut command = Command::new("taskset");
            command.args(["-c", "0"]).arg(program);
            command
        }
    }
}

/// Bytes of memory that a process holds (`VmRSS`).
pub(crate) fn resident_bytes(process: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib * 1024)
}

pub(crate) fn cpu_seconds(stat: &str) -> Result<f64> {
    let text = std::fs::read_to_string(stat)?;
    // The program's name is in parentheses and may hold anything.
    let (_, rest) = text.rsplit_once(')').context("an unknown form of stat")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok());
    let (user, system) = ticks(11).zip(ticks(12)).context("an unknown form of stat")?;
    // USER_HZ is 100 on every Linux that hushd runs on.
    Ok((user + system) / 100.0)
}

/// A port that nobody has, below those which the system gives to outgoing connections: one of these could take it while the server is
/// down.
pub(crate) fn free_port() -> Option<u16> {
    (20_000..30_000).find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
}

/// Lets this process have as many files open as the system allows it: each connection is one.
///
/// # Errors
/// The system refuses.
pub fn open_many_files() -> Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}
