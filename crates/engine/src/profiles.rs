//! What accounts say of themselves: a name, a few words, a picture.
//!
//! ```text
//!  own:    setting ─► register, shared with own devices ─► Profile { version } ─► to whom this account talks with directly
//!  others: Profile ─► register of that account ─► its row; own devices, those that are added later too (`shared`)
//!                          └─► names the picture by its hash: a device that lacks it asks another one (`missing`)
//! ```
//!
//! Invariants:
//! - A profile is told once to each account that this person talks with and has accepted, and again when it changes or a device there enters
//!   the conversation anew, as it may have lost it. It is taken only from the other side of a direct conversation, or from an own device
//!   or a backup that had it so.
//! - Of what an account said of itself the greatest version counts, in whatever order it comes and by whichever way. Whoever is killed on
//!   the way has all of it or nothing: register, row and picture are of one transaction.
//! - A row that waits to tell a profile does not hold it: what is told is what this account says of itself when the row is encrypted, and
//!   no former picture stays in a timeline.

use data_encoding::HEXLOWER;
use hushwire_client_store::about::Aspect;
use hushwire_client_store::account::{self, Says};
use hushwire_client_store::conversation::{Conversation, ConversationKind};
use hushwire_client_store::register::{self, Register};
use hushwire_client_store::{picture, setting as facts};
use hushwire_content::{Kind, Picture, Profile, limits};
use hushwire_types::{AccountId, ConversationId, Subject, Timestamp};

use crate::setting::{self, code, words};
use crate::shared::no_later_than_any_clock;
use crate::step::Step;
use crate::stop::Stop;

/// Who knows what was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// This device alone, as far as it knows: the others are told.
    Here,
    /// The other devices of this account, too.
    Everywhere,
}

/// Who says it.
impl Step<'_, '_> {
    /// Tells the other side of a direct conversation what this account says of itself, where they were not told yet.
    pub(crate) fn owe_profile(&mut self, conversation: &Conversation) -> Result<(), Stop> {
        let ConversationKind::Direct { peer } = conversation.kind else { return Ok(()) };
        // Both, as another device may tell of the one that was set first after the other.
        let set_at: Vec<u8> =
            self.own_profile_set()?.iter().flat_map(|at| at.as_ms().to_be_bytes()).collect();
        let told = told(&conversation.id);
        if set_at.is_empty()
            || peer == self.me.account
            || facts::find(self.tx, &told)?.is_some_and(|told| told == set_at)
            || !self.is_accepted(conversation)?
        {
            return Ok(());
        }
        facts::put(self.tx, &told, &set_at)?;
        self.say_about(conversation, Kind::Profile(Profile::default()), Aspect::Profile, None).map(drop)
    }

    /// A device of an account entered a conversation anew: what it was told before may be lost with what it lost.
    pub(crate) fn tell_again(&mut self, id: &ConversationId, account: AccountId) -> Result<(), Stop> {
        if account != self.me.account {
            return Ok(facts::delete(self.tx, &told(id))?);
        }
        if *id == self.direct_id(account) { Ok(register::untell_all(self.tx)?) } else { Ok(()) }
    }

    /// What this account says of itself at this moment.
    pub(crate) fn own_profile(&self) -> Result<Profile, Stop> {
        let (name, about) = setting::own_profile(self.tx)?.unwrap_or_default();
        // The sum grows with either, though another device may know of another one first.
        let version = self.own_profile_set()?.iter().fold(0, |sum: u64, at| sum.saturating_add(at.as_ms()));
        Ok(Profile { name, about, picture: setting::own_picture(self.tx)?, version })
    }

    /// When the words and the picture were set, those of them that were.
    fn own_profile_set(&self) -> Result<Vec<Timestamp>, Stop> {
        let mut set = Vec::new();
        for code in [code::PROFILE, code::PICTURE] {
            set.extend(register::set_at(self.tx, &Subject::Everything, code)?);
        }
        Ok(set)
    }
}

/// Who hears it.
impl Step<'_, '_> {
    /// The other side of a direct conversation says something of itself.
    pub(crate) fn take_profile(
        &mut self,
        conversation: &Conversation,
        by: AccountId,
        profile: &Profile,
        accepted_at: Timestamp,
    ) -> Result<(), Stop> {
        if conversation.kind.peer() != Some(by) || by == self.me.account {
            return Ok(());
        }
        // A version of hush that says no version of its profiles changed it before it told it.
        let version = if profile.version == 0 { accepted_at.as_ms() } else { profile.version };
        self.says_of_itself(&by, &Profile { version, ..profile.clone() }, Known::Here)
    }

    /// Keeps what an account said of itself, unless something later is known.
    pub(crate) fn says_of_itself(
        &mut self,
        account: &AccountId,
        profile: &Profile,
        known: Known,
    ) -> Result<(), Stop> {
        let Profile { name, about, picture: shown, version } = profile.clone();
        let said = Register {
            subject: Subject::Account(*account),
            code: code::SAYS,
            value: words(&(name, about, shown.as_ref().map(|shown| HEXLOWER.encode(&shown.hash())))),
            at: no_later_than_any_clock(Timestamp::from_ms(version)),
        };
        let counts = match known {
            Known::Here => register::restore(self.tx, &said)?,
            Known::Everywhere => register::merge(self.tx, &said)?,
        };
        if counts {
            self.apply(&said)?;
        }
        let Some(shown) = shown else { return Ok(()) };
        let says = account::find(self.tx, account)?.map(|account| account.says);
        if says.is_some_and(|says| says.picture == Some(shown.hash())) {
            self.keep_picture(Some(&shown))?;
        }
        Ok(())
    }

    /// The row of an account says what its register says.
    pub(crate) fn apply_says(&mut self, account: &AccountId, value: &[u8]) -> Result<(), Stop> {
        let Some(says) = read_says(value) else { return Ok(()) };
        let shown = says.picture;
        if account::set_says(self.tx, account, &says)? {
            self.sweep_pictures()?;
        }
        match shown {
            Some(hash) if !picture::is_kept(self.tx, &hash)? => {
                self.attend_oneself();
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// The name of the fact that says what was told in a conversation.
fn told(id: &ConversationId) -> String {
    format!("profile told {id}")
}

/// None of what a newer version wrote otherwise.
fn read_says(value: &[u8]) -> Option<Says> {
    let (name, about, picture): (String, String, Option<String>) = serde_json::from_slice(value).ok()?;
    let hash = picture.map(|hash| HEXLOWER.decode(hash.as_bytes()).ok()?.try_into().ok());
    Some(Says {
        name: few(&name, limits::NAME_CHARS),
        about: few(&about, limits::ABOUT_CHARS),
        picture: hash.flatten(),
    })
}

fn few(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// What somebody said of themselves, as a record of the past has it.
pub(crate) fn said_before(name: &str, about: &str, jpeg: &[u8], version: u64) -> Profile {
    Profile {
        name: few(name, limits::NAME_CHARS),
        about: few(about, limits::ABOUT_CHARS),
        // What is no picture is none.
        picture: Picture::new(jpeg.to_vec()).ok(),
        version,
    }
}
