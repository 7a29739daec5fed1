//! A server, people with profiles, and the processes that they run.

mod binaries;
mod daemon;
mod faults;
mod process;
mod server;
mod terminal;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

pub(crate) use daemon::{Daemon, Line};
pub(crate) use faults::Faults;
pub(crate) use process::{Finished, Running};
pub(crate) use server::{Options, Server};
pub(crate) use terminal::{CTRL_C, CTRL_D, Terminal};

/// How long anything may take before the test gives up: far more than it takes.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

/// A folder, and everything that lives in it.
pub(crate) struct World {
    pub(crate) server: Server,
    folder: TempDir,
}

impl World {
    /// A server as `hushd dev` starts it.
    pub(crate) fn new() -> Self {
        Self::with(Options::default())
    }

    pub(crate) fn with(options: Options) -> Self {
        Self::prepared(options, |_| ())
    }

    /// A server in whose folder something is before it starts.
    pub(crate) fn prepared(options: Options, prepare: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("server");
        prepare(&data);
        let server = Server::start(&data, options);
        Self { server, folder }
    }

    /// Where clients keep their data.
    pub(crate) fn people(&self) -> PathBuf {
        self.folder.path().join("people")
    }

    /// Where this test keeps anything else.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `hush` with these words, not started yet.
    pub(crate) fn command(&self, profile: &str, words: &[&str]) -> Command {
        hush(&self.people(), profile, words)
    }

    /// Runs `hush` to its end.
    pub(crate) fn run(&self, profile: &str, words: &[&str]) -> Finished {
        Running::start(self.command(profile, words)).finish()
    }

    /// Runs `hush` with `input` on its standard input.
    pub(crate) fn run_with(&self, profile: &str, words: &[&str], input: &str) -> Finished {
        let mut running = Running::start(self.command(profile, words));
        running.write(input);
        running.finish()
    }

    /// Starts `hush` and lets it run.
    pub(crate) fn start(&self, profile: &str, words: &[&str]) -> Running {
        Running::start(self.command(profile, words))
    }

    /// Makes an account whose profile and username are `name`.
    pub(crate) fn join(&self, name: &str) {
        let link = self.server.invite();
        self.run(name, &["join", &link, "--name", name, "--lock", "key-file"]).expect(0);
    }

    /// A world in which these people have accounts.
    pub(crate) fn of(names: &[&str]) -> Self {
        let world = Self::new();
        names.iter().for_each(|name| world.join(name));
        world
    }

    /// Everything that the profile has of its conversation with `with`, the oldest first.
    pub(crate) fn history(&self, profile: &str, with: &str) -> Vec<Value> {
        self.run(profile, &["history", with, "--json", "--limit", "10000"]).expect(0).json()
    }

    /// The texts that `profile` received from `from`, as its history shows them.
    pub(crate) fn received(&self, profile: &str, from: &str) -> Vec<String> {
        texts(&self.history(profile, from), "received")
    }
}

/// The texts of the rows that are in `state`.
pub(crate) fn texts(rows: &[Value], state: &str) -> Vec<String> {
    let rows = rows.iter().filter(|row| row["type"] == "text" && row["state"] == state);
    rows.map(|row| row["text"].as_str().unwrap().to_owned()).collect()
}

/// `hush` with nothing of this machine's own settings.
pub(crate) fn hush(people: &Path, profile: &str, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hush"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("HUSH") {
            command.env_remove(name);
        }
    }
    command.env("HOME", people).env("TZ", "UTC").env("HUSH_TIMEOUT", "60");
    command.arg("--data-dir").arg(people).args(["--profile", profile]).args(words);
    command
}

/// What `look` finds, looked for again and again until the deadline.
pub(crate) fn soon<T>(look: impl Fn() -> Option<T>) -> T {
    const PAUSE: Duration = Duration::from_millis(20);
    let rounds = DEADLINE.as_millis() / PAUSE.as_millis();
    for _ in 0..rounds {
        if let Some(found) = look() {
            return found;
        }
        std::thread::park_timeout(PAUSE);
    }
    panic!("it never came");
}
