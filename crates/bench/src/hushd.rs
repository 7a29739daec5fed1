//! A hushd process on a data folder, and what the system says of it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

/// A running hushd. It ends when this is dropped.
pub struct Hushd {
    child: Child,
    address: SocketAddr,
}

/// On which cores a process may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cores {
    /// On all.
    All,
    /// On the first one alone, by util-linux' `taskset`.
    First,
}

impl Hushd {
    /// Starts `program` on `data_dir`, at a port that the system picks, and waits until it listens.
    ///
    /// # Errors
    /// It cannot be started, or ended at once.
    pub fn start(program: &Path, data_dir: &Path, cores: Cores) -> Result<Self> {
        let mut command = match cores {
            Cores::All => Command::new(program),
            Cores::First => {
                let mut command = Command::new("taskset");
                command.args(["-c", "0"]).arg(program);
                command
            }
        };
        command.args(["dev", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data_dir);
        // A pair writes more here than one device may anywhere else.
        command.env("HUSHD_LIMITS__MESSAGES_PER_SECOND", "0");
        command.stdout(Stdio::piped()).stderr(Stdio::null()).stdin(Stdio::null());
        let mut child =
            command.spawn().with_context(|| format!("{} cannot be started", program.display()))?;
        let out = child.stdout.take().context("hushd has no standard output")?;
        let mut lines = BufReader::new(out).lines();
        let address = loop {
            let Some(line) = lines.next().transpose()? else { bail!("hushd ended before it listened") };
            if let Some((_, address)) = line.split_once("://").filter(|_| line.contains("Listening on")) {
                break address.trim().parse()?;
            }
        };
        // Whatever else it says is read, so that it never waits for a reader.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Ok(Self { child, address })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Bytes of memory that it holds (`VmRSS`).
    ///
    /// # Errors
    /// The system does not say, as outside Linux.
    pub fn resident_bytes(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib * 1024)
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

fn cpu_seconds(stat: &str) -> Result<f64> {
    let text = std::fs::read_to_string(stat)?;
    // The program's name is in parentheses and may hold anything.
    let (_, rest) = text.rsplit_once(')').context("an unknown form of stat")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok());
    let (user, system) = ticks(11).zip(ticks(12)).context("an unknown form of stat")?;
    // USER_HZ is 100 on every Linux that hushd runs on.
    Ok((user + system) / 100.0)
}
