//! Clients that die: real `hush` processes that write, receive and are killed at arbitrary moments, as their server is, while the honest
//! pairs of the [`crew`](super::crew) keep that server busy.
//!
//! Each pair has two profiles. One sends numbers, each again under the same key until `hush` said that it was sent or is queued; the other
//! follows. What must hold in the end, by what `hush history` shows:
//!
//! - **Nothing that was reported is lost**: the receiver has each number that `hush send` reported.
//! - **Nothing is shown twice**, and all is in the order in which it was sent.
//! - **Nothing comes from nowhere**: the receiver has no number that was never sent.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Crew, Trial, arbitrary, count};
use crate::table::Figure;

/// Pairs of profiles.
const PAIRS: usize = 3;
/// Kills of clients for one of the server.
const FOR_EACH_SERVER: u32 = 10;
/// Processes are left alone for less than this before they are killed.
const LIFE: Duration = Duration::from_millis(600);
/// How long everything may take to arrive once nobody is killed any more.
const HEALING: Duration = Duration::from_secs(120);
/// Lines of a history at most; far more than a pair writes.
const MOST: &str = "10000";
/// What a client exits with when its message waits for the server.
const QUEUED: i32 = 4;

/// What all pairs share.
struct Ordeal {
    hush: PathBuf,
    people: PathBuf,
    /// How many clients are killed in all.
    times: u32,
    killed: AtomicU32,
    reported: AtomicU64,
    is_over: AtomicBool,
}

/// The program beside hushd, if it was built.
pub(super) fn program(hushd: &Path) -> Option<PathBuf> {
    Some(hushd.with_file_name("hush")).filter(|hush| hush.exists())
}

impl Trial<'_> {
    /// Lets clients and server die, and looks what came of it. Broken promises are kept in `violations`.
    pub(super) fn clients(&mut self, crew: &Crew) -> Result<Vec<Figure>> {
        let ordeal = Ordeal {
            hush: program(&self.battery.hushd).context("no hush")?,
            people: self.folder.join("people"),
            times: self.battery.scale.times,
            killed: AtomicU32::new(0),
            reported: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        };
        let invite = self.hushd.as_ref().and_then(|hushd| hushd.invite()).context("no invite")?.to_owned();
        for pair in 0..PAIRS {
            for name in [sender(pair), receiver(pair)] {
                ordeal.run(&name, &["join", &invite, "--name", &name, "--lock", "key-file"])?;
            }
        }
        let (servers, violations) = std::thread::scope(|scope| {
            let ordeal = &ordeal;
            let pairs: Vec<_> = (0..PAIRS).map(|pair| scope.spawn(move || ordeal.pair(pair))).collect();
            let servers = self.kill_servers(ordeal, crew, || pairs.iter().all(|pair| pair.is_finished()));
            ordeal.is_over.store(true, Ordering::Relaxed);
            let mut violations = Vec::new();
            for pair in pairs {
                violations.extend(pair.join().map_err(|_| anyhow::anyhow!("a pair panicked"))??);
            }
            Ok::<_, anyhow::Error>((servers?, violations))
        })?;
        self.violations.extend(violations);
        Ok(vec![
            count("clients killed", ordeal.killed.load(Ordering::Relaxed).into()),
            count("servers killed meanwhile", servers),
            count("messages that hush reported", ordeal.reported.load(Ordering::Relaxed)),
        ])
    }

    /// The server dies after every so many clients, until they are done.
    fn kill_servers(&mut self, ordeal: &Ordeal, crew: &Crew, done: impl Fn() -> bool) -> Result<u64> {
        let mut servers: u32 = 0;
        while !done() {
            self.battery.wait(Duration::from_millis(20));
            let due = ordeal.killed.load(Ordering::Relaxed) / FOR_EACH_SERVER;
            if due > servers {
                self.battery.wait(arbitrary(LIFE));
                self.end()?;
                self.start()?;
                crew.moved(self.server()?);
                servers += 1;
            }
        }
        Ok(servers.into())
    }
}

impl Ordeal {
    /// One pair writes and dies until enough clients were killed; then everything arrives. What was broken.
    fn pair(&self, pair: usize) -> Result<Vec<String>> {
        let (from, to) = (sender(pair), receiver(pair));
        let mut reported = BTreeSet::new();
        let mut number: u64 = 1;
        let mut follow = self.start(&to, FOLLOW)?;
        while self.killed.load(Ordering::Relaxed) < self.times && !self.is_over.load(Ordering::Relaxed) {
            // Some give up soon and leave the message to the next process.
            let patience = if number.is_multiple_of(3) { "1" } else { "30" };
            let sent = self.start(&from, &send(&to, number, patience))?;
            let outcome = if number.is_multiple_of(2) { self.kill(sent)? } else { sent.wait()? };
            if outcome.is_some_and(|code| code == 0 || code == QUEUED) {
                reported.insert(number);
                number += 1;
            }
            if number.is_multiple_of(4) {
                self.kill(follow)?;
                follow = self.start(&to, FOLLOW)?;
            }
        }
        self.kill(follow)?;
        // The last one, which nobody kills, comes after all others.
        self.run(&from, &send(&to, number, "60"))?;
        reported.insert(number);
        self.reported.fetch_add(reported.len() as u64, Ordering::Relaxed);
        let shown = self.arrived(&from, &to, number)?;
        Ok(broken(pair, &reported, &shown, number))
    }

    /// What the receiver shows, once the last number is there.
    fn arrived(&self, from: &str, to: &str, last: u64) -> Result<Vec<u64>> {
        let begin = Instant::now();
        loop {
            self.run(to, &["receive", "--json"])?;
            let shown = self.history(to, from)?;
            if shown.contains(&last) || begin.elapsed() > HEALING {
                return Ok(shown);
            }
            self.run(from, &["receive", "--json"])?;
        }
    }

    /// The numbers in a conversation, as a profile shows them.
    fn history(&self, of: &str, with: &str) -> Result<Vec<u64>> {
        let with = format!("@{with}");
        let lines = self.run(of, &["history", &with, "--json", "--limit", MOST])?;
        let mut numbers = Vec::new();
        for line in lines.lines() {
            let row: Value = serde_json::from_str(line).context("a line of history")?;
            if row.get("type").is_some_and(|kind| kind == "text") {
                let text = row.get("text").and_then(Value::as_str).context("a text")?;
                numbers.push(text.parse().context("a number")?);
            }
        }
        Ok(numbers)
    }

    /// Kills a process after an arbitrary time; its exit code where it had ended before.
    fn kill(&self, mut process: Process) -> Result<Option<i32>> {
        std::thread::park_timeout(arbitrary(LIFE));
        if let Some(status) = process.0.try_wait()? {
            return Ok(status.code());
        }
        process.0.kill()?;
        let code = process.0.wait()?.code();
        // It may have ended between the look and the kill.
        if code.is_none() {
            self.killed.fetch_add(1, Ordering::Relaxed);
        }
        Ok(code)
    }

    fn start<S: AsRef<str>>(&self, profile: &str, words: &[S]) -> Result<Process> {
        let mut command = self.command(profile, words);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Process(command.spawn().context("hush cannot be started")?))
    }

    /// Runs to the end; what it said.
    fn run<S: AsRef<str>>(&self, profile: &str, words: &[S]) -> Result<String> {
        let mut command = self.command(profile, words);
        let output = command.stdin(Stdio::null()).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{command:?} ended with {}: {said}", output.status);
        Ok(String::from_utf8(output.stdout)?)
    }

    fn command<S: AsRef<str>>(&self, profile: &str, words: &[S]) -> Command {
        let mut command = Command::new(&self.hush);
        let own = |name: &OsString| name.to_string_lossy().starts_with("HUSH");
        for (name, _) in std::env::vars_os().filter(|(name, _)| own(name)) {
            command.env_remove(name);
        }
        command.env("HOME", &self.people).env("HUSH_TIMEOUT", "60");
        command.arg("--data-dir").arg(&self.people).args(["--profile", profile]);
        command.args(words.iter().map(AsRef::as_ref));
        command
    }
}

/// A `hush` that runs. It ends when this is dropped.
struct Process(Child);

impl Process {
    fn wait(mut self) -> Result<Option<i32>> {
        Ok(self.0.wait()?.code())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const FOLLOW: &[&str] = &["receive", "--follow", "--json"];

fn sender(pair: usize) -> String {
    format!("sender{pair}")
}

fn receiver(pair: usize) -> String {
    format!("receiver{pair}")
}

/// The words that send a number.
fn send(to: &str, number: u64, patience: &str) -> Vec<String> {
    let (to, text, key) = (format!("@{to}"), number.to_string(), format!("key {number}"));
    let words = ["--timeout", patience, "send", &to, &text, "--key", &key, "--json"];
    words.map(str::to_owned).into()
}

/// What does not hold, of what was reported and what is shown.
fn broken(pair: usize, reported: &BTreeSet<u64>, shown: &[u64], last: u64) -> Vec<String> {
    let mut broken = Vec::new();
    for number in reported.iter().filter(|number| !shown.contains(number)) {
        broken.push(format!("clients {pair}: message {number} was reported and did not arrive"));
    }
    for pair_of in shown.windows(2) {
        if let [before, after] = pair_of
            && before >= after
        {
            broken.push(format!("clients {pair}: message {after} is shown after {before}"));
        }
    }
    let unknown = shown.iter().filter(|number| **number == 0 || **number > last);
    broken.extend(unknown.map(|number| format!("clients {pair}: message {number} was never sent")));
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_doubled_reordered_or_made_up_is_said() {
        let reported = BTreeSet::from([1, 2, 3]);
        assert_eq!(broken(0, &reported, &[1, 2, 3], 3), Vec::<String>::new());
        assert_eq!(broken(0, &reported, &[1, 3], 3).len(), 1);
        assert_eq!(broken(0, &reported, &[1, 2, 2, 3], 3).len(), 1);
        assert_eq!(broken(0, &reported, &[2, 1, 3], 3).len(), 1);
        assert_eq!(broken(0, &reported, &[1, 2, 3, 4], 3).len(), 1);
    }
}
