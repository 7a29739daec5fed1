//! What a seed decides before anything happens: how many there are, and how bad the world is.

use std::time::Duration;

use super::people;
use crate::entropy::SeededEntropy;

/// Seconds in which people get to know each other and make a group, so that there is time left for what happens in it.
const FOUNDING_S: u64 = 40;

/// The shape of one world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Decides all the rest.
    pub seed: u64,
    /// Accounts.
    pub people: usize,
    /// What devices they have.
    pub devices: Devices,
    /// Texts that are written while things go wrong.
    pub texts: usize,
    /// Times that somebody does something to a message while things go wrong.
    pub touches: usize,
    /// Times that somebody says something else of themselves while things go wrong.
    pub faces: usize,
    /// How long things go wrong.
    pub span: Duration,
    /// Frames of a thousand at which the connection breaks.
    pub breaks: u64,
    /// Steps of a thousand before or after which a device is killed.
    pub kills: u64,
    /// Requests of a thousand before or after which the server is killed.
    pub server_kills: u64,
    /// Jumps of the clock by hours.
    pub jumps: usize,
    /// Frames of a thousand that the server alters, leaves out or makes up while things go wrong.
    pub lies: u64,
    /// The group that some of them make, if they do.
    pub room: Option<Room>,
}

/// What happens in a group while things go wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Texts that are written into it.
    pub texts: usize,
    /// Times that somebody wants to change it.
    pub changes: usize,
    /// What is changed.
    pub matter: Matter,
    /// Times that a device loses its state of the group, so that it must enter anew.
    pub losses: usize,
    /// Whether the server is restored from a backup that lacks an epoch of the group, while whoever made that epoch is away.
    pub restored: bool,
}

/// What people change in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matter {
    /// Who is in it, what they may do, what it is called; and some leave.
    Everything,
    /// What it is called, all at once.
    Names,
}

/// What devices people have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Devices {
    /// One each.
    One,
    /// The first two have two each.
    Two,
    /// One each, of twenty people.
    Crowd,
}

impl Plan {
    /// The plan of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let dice = SeededEntropy::new(seed, 0);
        // One world in eight is calm, so that a fault of the straight way is seen as such.
        let bad = u64::from(!seed.is_multiple_of(8));
        let people: usize = if dice.happens(700) { 2 } else { 3 };
        let room = Room::of(seed, bad);
        let restored = room.as_ref().is_some_and(|room| room.restored);
        let founding = if room.is_some() { FOUNDING_S } else { 0 };
        let calm = |much: usize| if restored { 0 } else { much };
        Self {
            seed,
            people: if room.is_some() { people.saturating_add(1) } else { people },
            devices: if dice.happens(250) && !restored { Devices::Two } else { Devices::One },
            // A conversation of two that is lost and made anew by the other side has another group under the same number.
            texts: calm(index(dice.between(3, 18))),
            touches: calm(index(dice.below(12))),
            faces: calm(faces(seed)),
            span: Duration::from_secs(dice.between(5, 120).saturating_add(founding)),
            breaks: bad * dice.below(120),
            kills: bad * dice.below(100),
            server_kills: bad * dice.below(40),
            jumps: calm(index(bad * dice.below(3))),
            lies: 0,
            room,
        }
    }

    /// The plan of a seed in which twenty devices want to commit at once.
    #[must_use]
    pub fn of_race(seed: u64) -> Self {
        let dice = SeededEntropy::new(seed, 7);
        let room = Room { texts: 20, changes: 40, matter: Matter::Names, losses: 0, restored: false };
        Self {
            people: people::CROWD,
            devices: Devices::Crowd,
            texts: 0,
            touches: 0,
            faces: 0,
            span: Duration::from_secs(120),
            breaks: dice.below(20),
            kills: dice.below(20),
            server_kills: dice.below(4),
            jumps: 0,
            lies: 0,
            room: Some(room),
            seed,
        }
    }

    /// The plan of a seed in which the server lies.
    #[must_use]
    pub fn of_liar(seed: u64) -> Self {
        let dice = SeededEntropy::new(seed, 5);
        let (texts, lies) = (index(dice.between(6, 20)), dice.between(5, 120));
        let (jumps, breaks, kills) = (0, dice.below(20), dice.below(20));
        Self {
            texts,
            lies,
            jumps,
            breaks,
            kills,
            server_kills: 0,
            touches: 0,
            faces: 0,
            devices: Devices::One,
            room: None,
            people: if dice.happens(700) { 2 } else { 3 },
            ..Self::of(seed)
        }
    }
}

impl Room {
    /// One world in five has a group.
    fn of(seed: u64, bad: u64) -> Option<Self> {
        let dice = SeededEntropy::new(seed, 6);
        dice.happens(200).then(|| {
            let (texts, changes) = (index(dice.between(4, 14)), index(dice.between(5, 14)));
            let losses = index(bad * dice.below(4) / 3);
            let restored = dice.happens(300);
            let losses = if restored { 0 } else { losses };
            Self { texts, changes, matter: Matter::Everything, losses, restored }
        })
    }
}

/// In one world of three somebody says something of themselves, with dice that nothing else is thrown with.
fn faces(seed: u64) -> usize {
    let dice = SeededEntropy::new(seed, 9);
    if dice.happens(330) { index(dice.between(1, 7)) } else { 0 }
}

/// A small number of dice as an index.
pub(crate) fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or_default()
}
