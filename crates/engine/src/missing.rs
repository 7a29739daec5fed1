//! Pictures that this device lacks and another one of the account has.
//!
//! ```text
//!  what a contact says, a group's details: hash ─► not here ─► Pictures { wanted } ─┐  conversation with oneself
//!  another device: has some of them, waits for its turn ◄───────────────────────────┴──► Pictures { shown } ─► kept
//! ```
//!
//! A device that was linked hears the names of all contacts, and which picture each has, as settings; the pictures themselves come with the
//! past, or in this way where no past is wanted, or where one was lost. A group is asked for its picture as well (`lacking`).
//!
//! Invariants:
//! - Which pictures are lacking is derived from rows: whoever is killed looks again. What was asked and what is owed are facts, written
//!   with the content that tells them.
//! - Only devices of the account are asked, heard and answered, and only a picture whose hash is lacking is kept: of several devices that
//!   know another one the hash that counts decides (`profiles`, the group's epoch), never the picture that comes.
//! - One answer is enough, as in `lacking`. At most [`limits::PICTURES_WANTED`] are asked for at once, the next ones when these have come, and less
//!   and less often where nobody has them: for a device that is away the server keeps little.

use std::collections::BTreeMap;
use std::time::Duration;

use data_encoding::HEXLOWER;
use hushwire_client_store::conversation::Conversation;
use hushwire_client_store::{picture, setting as facts};
use hushwire_content::{Kind, Picture, PictureHash, Pictures, limits};
use hushwire_mls::{Application, GroupView};
use hushwire_types::Timestamp;
use serde::{Deserialize, Serialize};

use crate::facts::fact;
use crate::lacking::{TURN, Thing};
use crate::step::Step;
use crate::stop::Stop;
use crate::{Event, history_wanted};

/// How long a picture may take to come by itself, from whom it is of.
const EXPECTED: Duration = Duration::from_secs(5);
/// Whoever is not answered asks again after this long, and twice as long each time.
const ASK_AGAIN: Duration = Duration::from_secs(30);
/// But not less often than this.
const AT_LEAST_EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// What was asked.
const ASKED: &str = "pictures asked";
/// What others lack: hashes as text, and from when on it is this device's turn to show it.
const OWED: &str = "pictures owed";

#[derive(Default, Serialize, Deserialize)]
struct Asked {
    /// When, or since when something is lacking.
    at: u64,
    /// Hashes as text; none where nobody was asked yet.
    wanted: Vec<String>,
    /// How often in vain.
    tries: u32,
}

impl Asked {
    /// How long to wait from then on, given what is lacking now.
    fn wait(&self, missing: &[String]) -> Duration {
        let is_open = |hash: &String| missing.contains(hash);
        let others_too = self.wanted.len() < limits::PICTURES_WANTED
            && missing.iter().any(|hash| !self.wanted.contains(hash));
        if self.wanted.is_empty() || others_too {
            EXPECTED
        } else if self.wanted.iter().any(is_open) {
            ASK_AGAIN.saturating_mul(2_u32.saturating_pow(self.tries)).min(AT_LEAST_EVERY)
        } else {
            Duration::ZERO
        }
    }

    /// What is asked for next: not the same ones again and again, where nobody has them.
    fn next(&self, mut missing: Vec<String>) -> Vec<String> {
        if missing.len() > limits::PICTURES_WANTED
            && let Some(last) = self.wanted.last()
        {
            let behind = missing.iter().take_while(|hash| *hash <= last).count();
            let length = missing.len();
            missing.rotate_left(behind % length);
        }
        missing.truncate(limits::PICTURES_WANTED);
        missing
    }
}

impl Step<'_, '_> {
    /// The conversation with oneself is looked at where a picture is lacking or owed.
    pub(crate) fn attend_pictures(&mut self) -> Result<(), Stop> {
        if !picture::missing(self.tx)?.is_empty() || facts::find(self.tx, OWED)?.is_some() {
            self.attend_oneself();
        }
        Ok(())
    }

    /// Asks for what is lacking, and shows what others lack.
    pub(crate) fn compose_pictures(
        &mut self,
        conversation: &Conversation,
        view: &GroupView,
        mut left: u64,
    ) -> Result<(), Stop> {
        if left == 0
            || !self.reaches_own_devices(conversation, view)
            || !self.has_room_for(&conversation.id)?
        {
            return Ok(());
        }
        if self.ask_for_pictures(conversation, view)? {
            left -= 1;
        }
        self.show_pictures(conversation, view, left)
    }

    fn ask_for_pictures(&mut self, conversation: &Conversation, view: &GroupView) -> Result<bool, Stop> {
        let missing = picture::missing(self.tx)?;
        let known = fact::<Asked>(self.tx, ASKED)?;
        // The past brings them along.
        if missing.is_empty() || history_wanted(self.tx)?.is_some() {
            if known.is_some() {
                facts::delete(self.tx, ASKED)?;
            }
            return Ok(false);
        }
        let missing: Vec<String> = missing.iter().map(|hash| HEXLOWER.encode(hash)).collect();
        let Some(known) = known else {
            self.keep(ASKED, &Asked { at: self.now.as_ms(), ..Asked::default() })?;
            self.session.attend_at(conversation.id, self.now.after(EXPECTED));
            return Ok(false);
        };
        let wait = known.wait(&missing);
        let since = Timestamp::from_ms(known.at);
        // A clock that was set back since must not put it off for years.
        if since <= self.now && since.after(wait) > self.now {
            self.session.attend_at(conversation.id, since.after(wait));
            return Ok(false);
        }
        let tries = if wait > EXPECTED { known.tries.saturating_add(1) } else { 0 };
        let asked = Asked { at: self.now.as_ms(), wanted: known.next(missing), tries };
        let wanted = asked.wanted.iter().filter_map(|hash| read(hash)).collect();
        self.say(conversation, view, Kind::Pictures(Pictures { wanted, shown: Vec::new() }))?;
        self.session.attend_at(conversation.id, self.now.after(asked.wait(&asked.wanted)));
        self.keep(ASKED, &asked)?;
        Ok(true)
    }

    fn show_pictures(
        &mut self,
        conversation: &Conversation,
        view: &GroupView,
        mut left: u64,
    ) -> Result<(), Stop> {
        let Some(mut owed) = fact::<BTreeMap<String, u64>>(self.tx, OWED)? else { return Ok(()) };
        let now = self.now.as_ms();
        let due: Vec<String> =
            owed.iter().filter(|(_, turn)| **turn <= now).map(|(hash, _)| hash.clone()).collect();
        for some in due.chunks(limits::PICTURES_SHOWN) {
            if left == 0 || !self.has_room_for(&conversation.id)? {
                break;
            }
            let mut shown = Vec::new();
            for hash in some {
                owed.remove(hash);
                let jpeg = read(hash).map(|hash| picture::find(self.tx, &hash)).transpose()?.flatten();
                shown.extend(jpeg.and_then(|jpeg| Picture::new(jpeg).ok()));
            }
            if !shown.is_empty() {
                self.say(conversation, view, Kind::Pictures(Pictures { wanted: Vec::new(), shown }))?;
                left -= 1;
            }
        }
        if let Some(next) = owed.values().copied().filter(|turn| *turn > now).min() {
            self.session.attend_at(conversation.id, Timestamp::from_ms(next));
        }
        self.keep_owed(&owed)
    }

    fn keep_owed(&self, owed: &BTreeMap<String, u64>) -> Result<(), Stop> {
        if owed.is_empty() { Ok(facts::delete(self.tx, OWED)?) } else { self.keep(OWED, owed) }
    }

    /// Another device of this account lacks pictures, or shows some.
    pub(crate) fn take_pictures(
        &mut self,
        conversation: &Conversation,
        message: &Application,
        told: &Pictures,
    ) -> Result<(), Stop> {
        if !self.is_of_mine(conversation, message) {
            return Ok(());
        }
        let Some(view) = self.view(conversation)? else { return Ok(()) };
        let others = view.members.iter().filter(|member| member.device != message.sender.device);
        let place = others.take_while(|member| member.device != self.me.device).count();
        let turn = self.now.after(TURN * u32::try_from(place).unwrap_or(u32::MAX));
        let mut owed = fact::<BTreeMap<String, u64>>(self.tx, OWED)?.unwrap_or_default();
        for hash in &told.wanted {
            if picture::is_kept(self.tx, hash)? {
                owed.entry(HEXLOWER.encode(hash)).or_insert(turn.as_ms());
            }
        }
        let missing = picture::missing(self.tx)?;
        for shown in &told.shown {
            let hash = shown.hash();
            // Nobody else needs to show it.
            owed.remove(&HEXLOWER.encode(&hash));
            if missing.contains(&hash) {
                self.take_picture(&hash, shown)?;
            }
        }
        self.session.attend(conversation.id);
        self.keep_owed(&owed)
    }

    /// A picture that was lacking has come.
    fn take_picture(&mut self, hash: &PictureHash, shown: &Picture) -> Result<(), Stop> {
        self.keep_picture(Some(shown))?;
        let (accounts, groups) = picture::had_by(self.tx, hash)?;
        for account in accounts {
            self.event(&Event::Contact { account }, None, None)?;
        }
        for id in groups {
            self.lacks(Thing::Picture, &id, false)?;
            self.event(&Event::Conversation, Some(id), None)?;
        }
        match fact::<Asked>(self.tx, ASKED)? {
            // Somebody answers: the rest may be on its way.
            Some(asked) => self.keep(ASKED, &Asked { at: self.now.as_ms(), tries: 0, ..asked }),
            None => Ok(()),
        }
    }
}

fn read(hash: &str) -> Option<PictureHash> {
    HEXLOWER.decode(hash.as_bytes()).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(numbers: std::ops::Range<u8>) -> Vec<String> {
        numbers.map(|number| HEXLOWER.encode(&[number; 32])).collect()
    }

    fn asked(wanted: Vec<String>, tries: u32) -> Asked {
        Asked { at: 0, wanted, tries }
    }

    #[test]
    fn what_nobody_has_is_asked_for_less_and_less_often_and_what_is_new_soon() {
        let missing = hashes(0..3);
        assert_eq!(asked(Vec::new(), 0).wait(&missing), EXPECTED);
        assert_eq!(asked(missing.clone(), 0).wait(&missing), ASK_AGAIN);
        assert_eq!(asked(missing.clone(), 2).wait(&missing), ASK_AGAIN * 4);
        assert_eq!(asked(missing.clone(), 90).wait(&missing), AT_LEAST_EVERY);
        assert_eq!(asked(hashes(0..2), 90).wait(&missing), EXPECTED);
        assert_eq!(asked(hashes(7..23), 0).wait(&missing), Duration::ZERO, "all have come");
    }

    #[test]
    fn of_many_each_is_asked_for_in_its_turn() {
        let missing = hashes(0..40);
        let first = asked(Vec::new(), 0).next(missing.clone());
        assert_eq!(first, hashes(0..16));
        let second = asked(first, 0).next(missing.clone());
        assert_eq!(second, hashes(16..32));
        let third = asked(second, 0).next(missing);
        assert_eq!(third, [hashes(32..40), hashes(0..8)].concat());
    }
}
