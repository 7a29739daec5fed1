//! hushd at its edge: real processes, real files, ports that the system picks.
#![cfg(test)]

mod faults;
mod load;
mod operate;
mod serve;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

/// A hushd that runs, and is killed when the value is dropped.
struct Running {
    process: Child,
    output: BufReader<ChildStdout>,
}

impl Running {
    fn start(words: &[&str], data: &Path) -> Self {
        let mut command = hushd(words, data);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, output }
    }

    /// The next line of its output.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Asks it to stop, and says how it ended.
    fn stop(mut self) -> std::process::ExitStatus {
        let told = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status().unwrap();
        assert!(told.success());
        self.process.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn hushd(words: &[&str], data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hushd"));
    command.args(words).arg("--data-dir").arg(data).env_remove("HUSHD_CONFIG");
    command
}

fn run(words: &[&str], data: &Path) -> Output {
    hushd(words, data).output().unwrap()
}

/// What a command that works prints.
fn said(words: &[&str], data: &Path) -> String {
    let output = run(words, data);
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What a command that fails complains about.
fn complained(words: &[&str], data: &Path) -> String {
    let output = run(words, data);
    assert!(!output.status.success(), "{words:?} should fail");
    String::from_utf8(output.stderr).unwrap()
}

/// The answer to a GET in clear text: status line, headers and body.
fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
