//! A running `hush daemon`, and connections to it as a script makes them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{DEADLINE, Running, World};

/// A daemon.
pub(crate) struct Daemon {
    pub(crate) process: Running,
    /// What it said when it was ready.
    pub(crate) status: Value,
}

impl Daemon {
    pub(crate) fn start(world: &World, profile: &str, words: &[&str]) -> Self {
        let mut process = world.start(profile, &[&["daemon", "--json"], words].concat());
        let line = process.line(|line| line.starts_with('{'));
        Self { process, status: serde_json::from_str(&line).unwrap() }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        PathBuf::from(self.status["socket"].as_str().unwrap())
    }

    pub(crate) fn connect(&self) -> Line {
        let stream = UnixStream::connect(self.socket()).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        Line {
            reader: BufReader::new(stream.try_clone().unwrap()),
            writer: stream,
            last: 0,
            events: Vec::new(),
        }
    }

    /// The bearer token, as a script reads it.
    pub(crate) fn token(&self) -> String {
        std::fs::read_to_string(self.status["token_file"].as_str().unwrap()).unwrap()
    }

    pub(crate) fn address(&self) -> String {
        self.status["http"].as_str().unwrap().to_owned()
    }

    /// Sends a request over HTTP with these headers besides the length; the status and the body.
    pub(crate) fn http(&self, head: &str, headers: &[&str], body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        let length = body.len();
        let request = format!(
            "{head} HTTP/1.1\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }
}

/// A connection to the socket.
pub(crate) struct Line {
    reader: BufReader<UnixStream>,
    writer: UnixStream,
    last: u64,
    events: Vec<Value>,
}

impl Line {
    pub(crate) fn write(&mut self, text: &str) {
        self.writer.write_all(text.as_bytes()).unwrap();
    }

    /// The next line as JSON; none at the end.
    pub(crate) fn read(&mut self) -> Option<Value> {
        let mut line = String::new();
        let read = self.reader.read_line(&mut line).unwrap();
        (read > 0).then(|| serde_json::from_str(&line).unwrap())
    }

    /// Calls a method: the whole answer.
    pub(crate) fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.last += 1;
        let id = self.last;
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.write(&format!("{request}\n"));
        loop {
            let answer = self.read().expect("the daemon is there");
            if answer["id"] == id {
                return answer;
            }
            self.events.push(answer["params"]["event"].clone());
        }
    }

    /// Calls a method that works: its result.
    #[track_caller]
    pub(crate) fn call(&mut self, method: &str, params: &Value) -> Value {
        let mut answer = self.ask(method, params);
        assert!(answer["error"].is_null(), "{method}: {answer:#}");
        answer["result"].take()
    }

    /// The next event of this type, waiting for it.
    pub(crate) fn event(&mut self, kind: &str) -> Value {
        loop {
            let event = if self.events.is_empty() {
                self.read().expect("the daemon is there")["params"]["event"].take()
            } else {
                self.events.remove(0)
            };
            if event["type"] == kind {
                return event;
            }
        }
    }
}
