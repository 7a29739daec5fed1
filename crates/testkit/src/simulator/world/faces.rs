//! What people say of themselves now and then: another name, another picture, or none any more.
//!
//! The dice are of their own, so that a seed says, does and loses the same as without.

use hushwire_content::Picture;
use hushwire_engine::{Command, CommandId, Input, Outcome, Setting};

use super::{Happening, World};
use crate::entropy::SeededEntropy;
use crate::simulator::failure::{Failure, OrFail};
use crate::simulator::plan::index;

/// Numbers of commands from here on say something of oneself.
const FIRST: u64 = 6_000_000;

/// A picture that is not like another one; nobody here looks at it.
pub(crate) fn picture(number: usize) -> Result<Picture, Failure> {
    let number = (number as u64).to_be_bytes();
    let bytes = [&[0xff, 0xd8, 0xff], number.as_slice(), &[0xff, 0xd9]].concat();
    Picture::new(bytes).or_fail("a picture")
}

impl World {
    /// Puts what the plan says of names and pictures into the queue.
    pub(super) fn foresee_faces(&mut self, span: u64) {
        let dice = SeededEntropy::new(self.plan.seed, 8);
        for number in 0..self.plan.faces {
            let client = index(dice.below(self.clients.len() as u64));
            let after = dice.below(span);
            self.later(after, Happening::Present { client, number });
        }
    }

    /// A device of somebody's sets what they say of themselves, if it runs.
    pub(super) fn present(&mut self, client: usize, number: usize) -> Result<(), Failure> {
        if !self.client(client)?.is_running() {
            return Ok(());
        }
        let setting = match number % 5 {
            0 | 3 => Setting::Profile { name: format!("name {number}"), about: String::new() },
            4 => Setting::Picture { picture: None },
            _ => Setting::Picture { picture: Some(picture(number)?) },
        };
        self.note(|| format!("device {client} presents itself: {number}"));
        let id = CommandId(FIRST.saturating_add(number as u64));
        self.client(client)?.inbox.push(Input::Command { id, command: Command::Set(setting) });
        self.work_soon(client);
        Ok(())
    }

    /// The outcome of such a command; whether it was one.
    pub(super) fn presented(&mut self, id: CommandId, outcome: &Outcome) -> Result<bool, Failure> {
        if id.0 < FIRST || id.0 >= FIRST.saturating_add(self.plan.faces as u64) {
            return Ok(false);
        }
        match outcome {
            Outcome::Done => {
                self.counts.presented = self.counts.presented.saturating_add(1);
                Ok(true)
            }
            other => Err(Failure::new(format!("saying something of oneself ended with {other:?}"))),
        }
    }
}
