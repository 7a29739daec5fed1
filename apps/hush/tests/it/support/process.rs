//! A process with its lines, ended by its id when it is let go.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};

use serde_json::Value;

use super::DEADLINE;

/// A process that runs, and what it has said so far.
pub(crate) struct Running {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    said: Receiver<Said>,
    stdout: Vec<String>,
    stderr: Vec<String>,
    /// Streams that are still open.
    open: usize,
}

enum Said {
    Out(String),
    Err(String),
    Closed,
}

/// A process that has ended.
#[derive(Debug)]
#[allow(dead_code, reason = "the command is for the eyes of whoever reads a failure")]
pub(crate) struct Finished {
    command: String,
    /// Its exit code; none after a signal.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<String>,
    pub(crate) stderr: Vec<String>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let name = format!("{command:?}");
        let mut child = command.spawn().unwrap();
        let (say, said) = channel();
        listen(child.stdout.take().unwrap(), say.clone(), Said::Out);
        listen(child.stderr.take().unwrap(), say, Said::Err);
        let input = child.stdin.take();
        Self { name, child, input, said, stdout: Vec::new(), stderr: Vec::new(), open: 2 }
    }

    /// Writes to its standard input; a process that has gone does not read it.
    pub(crate) fn write(&mut self, text: &str) {
        if let Some(input) = &mut self.input {
            let _ = input.write_all(text.as_bytes()).and_then(|()| input.flush());
        }
    }

    /// Reads until a line on standard output fits, and returns it.
    pub(crate) fn line(&mut self, fits: impl Fn(&str) -> bool) -> String {
        self.line_of(Stream::Out, fits)
    }

    /// The same on standard error.
    pub(crate) fn talk(&mut self, fits: impl Fn(&str) -> bool) -> String {
        self.line_of(Stream::Err, fits)
    }

    /// Reads until a line on standard output begins like this; none where the process ends before.
    pub(crate) fn line_or_end(&mut self, beginning: &str) -> Option<String> {
        loop {
            if let Some(line) = self.stdout.iter().find(|line| line.starts_with(beginning)) {
                return Some(line.clone());
            }
            if !self.more() {
                return None;
            }
        }
    }

    fn line_of(&mut self, stream: Stream, fits: impl Fn(&str) -> bool) -> String {
        loop {
            let lines = match stream {
                Stream::Out => &self.stdout,
                Stream::Err => &self.stderr,
            };
            if let Some(line) = lines.iter().find(|line| fits(line)) {
                return line.clone();
            }
            assert!(self.more(), "the line never came: {}", self.all());
        }
    }

    /// Waits for one more line; false when there will be none.
    fn more(&mut self) -> bool {
        let before = self.stdout.len() + self.stderr.len();
        while self.open > 0 && self.stdout.len() + self.stderr.len() == before {
            match self.said.recv_timeout(DEADLINE) {
                Ok(said) => self.hear(said),
                Err(RecvTimeoutError::Timeout) => panic!("nothing more was said: {}", self.all()),
                Err(RecvTimeoutError::Disconnected) => self.open = 0,
            }
        }
        self.stdout.len() + self.stderr.len() > before
    }

    fn hear(&mut self, said: Said) {
        match said {
            Said::Out(line) => self.stdout.push(line),
            Said::Err(line) => self.stderr.push(line),
            Said::Closed => self.open -= 1,
        }
    }

    /// Whether it has closed its output by now.
    pub(crate) fn has_ended(&mut self) -> bool {
        while let Ok(said) = self.said.try_recv() {
            self.hear(said);
        }
        self.open == 0
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL, and what it had said.
    pub(crate) fn kill(&mut self) -> Finished {
        let _ = self.child.kill();
        self.collect()
    }

    /// Waits for its end.
    pub(crate) fn finish(&mut self) -> Finished {
        self.collect()
    }

    fn collect(&mut self) -> Finished {
        self.input = None;
        while self.more() {}
        let code = self.child.wait().unwrap().code();
        Finished {
            command: self.name.clone(),
            code,
            stdout: std::mem::take(&mut self.stdout),
            stderr: std::mem::take(&mut self.stderr),
        }
    }

    fn all(&self) -> String {
        format!("{}\nstdout: {:#?}\nstderr: {:#?}", self.name, self.stdout, self.stderr)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Clone, Copy)]
enum Stream {
    Out,
    Err,
}

fn listen(from: impl Read + Send + 'static, say: Sender<Said>, as_what: fn(String) -> Said) {
    std::thread::spawn(move || {
        for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
            let _ = say.send(as_what(String::from_utf8_lossy(&line).into_owned()));
        }
        let _ = say.send(Said::Closed);
    });
}

impl Finished {
    /// Holds the exit code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Holds that standard error is one sentence with these words in it, and no more.
    #[track_caller]
    pub(crate) fn sentence(self, words: &[&str]) -> Self {
        let said: Vec<&String> = self.stderr.iter().filter(|line| line.starts_with("hush: ")).collect();
        assert_eq!(said.len(), 1, "one sentence: {self:#?}");
        for word in words {
            assert!(said[0].contains(word), "{word:?} is not in {said:?}: {self:#?}");
        }
        for ugly in ["panicked", "Error {", "Some(", "rusqlite", "backtrace"] {
            assert!(!said[0].contains(ugly), "{said:?}");
        }
        self
    }

    /// Standard output as one JSON value a line.
    #[track_caller]
    pub(crate) fn json(&self) -> Vec<Value> {
        let value =
            |line: &String| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.stdout.iter().map(value).collect()
    }

    /// Holds that standard output has these words in it.
    #[track_caller]
    pub(crate) fn shows(&self, words: &str) {
        assert!(self.text().contains(words), "{words:?} is not shown: {self:#?}");
    }

    /// Standard output as text.
    pub(crate) fn text(&self) -> String {
        self.stdout.join("\n")
    }
}
