//! `hushd` in a folder, which can be killed and started again at the same address.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::binaries::hushd;
use super::process::{Finished, Running};

/// How a server is started.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    /// Without TLS.
    pub(crate) plain: bool,
    /// A configuration file's text.
    pub(crate) config: Option<String>,
    /// Environment variables of the process.
    pub(crate) environment: Vec<(String, String)>,
    /// Whether it serves wire version 1 too, with these flags beside.
    pub(crate) classic: Option<Vec<&'static str>>,
}

/// How far the port for wire version 1 is from the other.
const CLASSIC: u16 = 15;

pub(crate) struct Server {
    folder: PathBuf,
    options: Options,
    port: u16,
    link: String,
    process: Option<Running>,
}

impl Server {
    /// Starts a server at a port that is free.
    pub(crate) fn start(folder: &Path, options: Options) -> Self {
        let mut server =
            Self { folder: folder.to_owned(), options, port: 0, link: String::new(), process: None };
        // Below the range from which the system gives ports to outgoing connections: one of those could take the
        // port of a server that is down for a moment.
        let mut tries = (0..50_u16).map(|n| 12_000 + (std::process::id() as u16 % 1_000) * 20 + n);
        while !server.start_at(tries.next().expect("a free port")) {}
        server
    }

    /// Starts another server, with another identity, at the address of one that is down.
    pub(crate) fn impostor(folder: &Path, of: &Self) -> Self {
        let mut server = Self {
            folder: folder.to_owned(),
            options: of.options.clone(),
            port: 0,
            link: String::new(),
            process: None,
        };
        assert!(server.start_at(of.port), "the address is taken");
        server
    }

    fn start_at(&mut self, port: u16) -> bool {
        let mut command = self.hushd(&["dev"]);
        command.args(["--listen", &format!("127.0.0.1:{port}")]);
        if self.options.plain {
            command.arg("--plain");
        }
        if let Some(flags) = &self.options.classic {
            command.args(["--classic", &format!("127.0.0.1:{}", port + CLASSIC)]).args(flags);
        }
        command.envs(self.options.environment.clone());
        let mut process = Running::start(command);
        let Some(line) = process.line_or_end("Invite (any number of accounts): ") else {
            let finished = process.finish();
            let taken = finished.stderr.iter().any(|line| line.contains("in use"));
            assert!(taken, "the server does not start: {finished:#?}");
            return false;
        };
        self.link = line.rsplit(' ').next().unwrap().to_owned();
        self.port = port;
        self.process = Some(process);
        true
    }

    /// `hushd` for this server's folder.
    fn hushd(&self, words: &[&str]) -> Command {
        let mut command = Command::new(hushd());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("HUSH") {
                command.env_remove(name);
            }
        }
        command.args(words).arg("--data-dir").arg(&self.folder);
        if let Some(config) = &self.options.config {
            let path = self.folder.with_extension("toml");
            std::fs::write(&path, config).unwrap();
            command.arg("--config").arg(path);
        }
        command
    }

    /// Runs an operator's command, for example `["invite"], ["create"]`.
    pub(crate) fn operate(&self, noun: &str, words: &[&str]) -> Finished {
        let mut command = self.hushd(&[noun]);
        command.args(["--listen", &self.address()]).args(words);
        Running::start(command).finish()
    }

    /// The invite for any number of accounts.
    pub(crate) fn invite(&self) -> String {
        self.link.clone()
    }

    /// The link without an invite's code.
    pub(crate) fn bare_link(&self) -> String {
        let (_, fingerprint) = self.link.split_once('#').unwrap();
        format!("hush://{}#{fingerprint}", self.address())
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Where it serves wire version 1.
    pub(crate) fn classic_address(&self) -> String {
        format!("127.0.0.1:{}", self.port + CLASSIC)
    }

    /// Where it keeps its data.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The running process.
    pub(crate) const fn process(&mut self) -> &mut Running {
        self.process.as_mut().expect("the server runs")
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) -> Finished {
        self.process.take().expect("the server runs").kill()
    }

    /// Starts it again after a kill.
    pub(crate) fn restart(&mut self) {
        let port = self.port;
        assert!(self.start_at(port), "the address of the server is taken");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let finished = process.kill();
        if std::thread::panicking() {
            eprintln!("the server said: {finished:#?}");
        }
    }
}
