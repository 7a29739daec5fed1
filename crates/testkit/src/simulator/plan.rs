//! What a seed decides before anything happens: how many there are, and how bad the world is.

use std::time::Duration;

use crate::entropy::SeededEntropy;

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
}

/// What devices people have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Devices {
    /// One each.
    One,
    /// The first two have two each.
    Two,
}

impl Plan {
    /// The plan of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let dice = SeededEntropy::new(seed, 0);
        // One world in eight is calm, so that a fault of the straight way is seen as such.
        let bad = u64::from(!seed.is_multiple_of(8));
        let people = if dice.happens(700) { 2 } else { 3 };
        Self {
            seed,
            people,
            devices: if dice.happens(250) { Devices::Two } else { Devices::One },
            texts: index(dice.between(3, 18)),
            touches: index(dice.below(12)),
            span: Duration::from_secs(dice.between(5, 120)),
            breaks: bad * dice.below(120),
            kills: bad * dice.below(100),
            server_kills: bad * dice.below(40),
            jumps: index(bad * dice.below(3)),
            lies: 0,
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
            devices: Devices::One,
            ..Self::of(seed)
        }
    }
}

/// A small number of dice as an index.
pub(crate) fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or_default()
}
