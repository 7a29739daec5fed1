//! `hush` at a terminal of its own, which `script` of util-linux gives it: it has prompts, echo and control keys.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use super::DEADLINE;

/// What Ctrl-C types.
pub(crate) const CTRL_C: &str = "\u{3}";
/// What Ctrl-D types.
pub(crate) const CTRL_D: &str = "\u{4}";

/// A program at a terminal, and all that its screen has shown.
pub(crate) struct Terminal {
    child: Child,
    keyboard: ChildStdin,
    screen: Receiver<Vec<u8>>,
    shown: String,
    /// What was not looked at yet.
    unseen: String,
}

impl Terminal {
    pub(crate) fn start(command: &Command) -> Self {
        let mut words = String::from("exec");
        for word in std::iter::once(command.get_program()).chain(command.get_args()) {
            let _ = write!(words, " '{}'", word.to_str().unwrap().replace('\'', "'\\''"));
        }
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--flush", "--command", &words, "/dev/null"]);
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => script.env(name, value),
                None => script.env_remove(name),
            };
        }
        script.env("SHELL", "/bin/sh").env("TERM", "xterm-256color");
        let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = child.stdout.take().unwrap();
        let (show, screen) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length) = output.read(&mut bytes)
                && length > 0
                && show.send(bytes[..length].to_vec()).is_ok()
            {}
        });
        let keyboard = child.stdin.take().unwrap();
        Self { child, keyboard, screen, shown: String::new(), unseen: String::new() }
    }

    /// Types; what is typed ahead of a prompt may be thrown away by it.
    pub(crate) fn keys(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).and_then(|()| self.keyboard.flush()).unwrap();
    }

    /// Waits until the screen shows `words`, after what was waited for before.
    #[track_caller]
    pub(crate) fn shows(&mut self, words: &str) {
        loop {
            if let Some((_, after)) = self.unseen.split_once(words) {
                self.unseen = after.to_owned();
                return;
            }
            assert!(self.look(), "{words:?} is not shown in {:?}, the end of {:?}", self.unseen, self.shown);
        }
    }

    /// Waits for more; false where there will be none.
    fn look(&mut self) -> bool {
        let Ok(bytes) = self.screen.recv_timeout(DEADLINE) else { return false };
        let text = String::from_utf8_lossy(&bytes);
        self.shown.push_str(&text);
        self.unseen.push_str(&text);
        true
    }

    /// Waits for the end: the exit code, and all that was shown.
    pub(crate) fn finish(mut self) -> (Option<i32>, String) {
        while self.look() {}
        let code = self.child.wait().unwrap().code();
        (code, std::mem::take(&mut self.shown))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
