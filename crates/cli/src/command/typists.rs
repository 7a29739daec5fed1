//! Who is writing, so that each spell of writing is told once.

use std::collections::HashMap;
use std::time::Duration;

use hushwire_client::TYPING_EVERY;
use hushwire_rpc::shape::Writes;
use tokio::time::Instant;

/// How long a word that somebody writes holds without another one.
const HOLDS: Duration = Duration::from_secs(2 * TYPING_EVERY.as_secs());

/// Those who write, by their accounts, and until when that holds.
#[derive(Default)]
pub(crate) struct Typists(HashMap<String, Instant>);

impl Typists {
    /// Whether somebody has just begun to write; false where they only write on, or have stopped.
    pub(crate) fn is_new(&mut self, writes: &Writes, now: Instant) -> bool {
        self.0.retain(|_, until| *until > now);
        if writes.stopped {
            self.has_written(&writes.from.account);
            return false;
        }
        self.0.insert(writes.from.account.clone(), now + HOLDS).is_none()
    }

    /// What somebody wrote has come: they begin anew.
    pub(crate) fn has_written(&mut self, account: &str) {
        self.0.remove(account);
    }
}

#[cfg(test)]
mod tests {
    use hushwire_rpc::shape::Person;

    use super::*;

    #[test]
    fn each_spell_of_writing_is_told_once() {
        let writes = |account: &str, stopped| {
            let from = Person { account: account.to_owned(), name: format!("@{account}"), verified: false };
            Writes { conversation: "c".to_owned(), from, stopped }
        };
        let (mut typists, start) = (Typists::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(typists.is_new(&writes("bob", false), at(0)));
        assert!(!typists.is_new(&writes("bob", false), at(4)));
        assert!(typists.is_new(&writes("carol", false), at(5)), "everybody has a spell of their own");
        assert!(!typists.is_new(&writes("bob", false), at(11)), "they write on");
        assert!(typists.is_new(&writes("bob", false), at(20)), "they had left");
        assert!(!typists.is_new(&writes("bob", true), at(21)));
        assert!(typists.is_new(&writes("bob", false), at(22)), "they had stopped");
        typists.has_written("bob");
        assert!(typists.is_new(&writes("bob", false), at(23)), "they write the next one");
    }
}
