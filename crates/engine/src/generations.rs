//! Entries of a generation that this device knows nothing of, while the group that it is in works.
//!
//! Whoever makes the next generation ([`crate::renew`]) sends a Welcome, which stands before anything that is said in it. So either that Welcome
//! was left out or does not open, or there is no such generation.
//!
//! Invariants:
//! - The server is asked which generation there is, and what is of a later one than that holds up nothing behind it.
//! - The group that works is left only for one that the server has.

use hushwire_client_store::conversation::{Conversation, ConversationState};
use hushwire_client_store::parked::{self, ParkReason};
use hushwire_types::Generation;
use hushwire_wire as wire;
use hushwire_wire::Place;

use crate::step::Step;
use crate::stop::Stop;

impl Step<'_, '_> {
    /// Whether an entry waits for a generation later than that of the group which this device is in. Its Welcome should have come before,
    /// and does not open: the server is asked which generation there is.
    pub(crate) fn doubt_generation(&mut self, place: &Place) -> Result<bool, Stop> {
        let known = self.conversation(&place.conversation_id)?;
        let is_doubtful = known.is_some_and(|known| is_ahead(&known, place));
        if is_doubtful {
            self.fetch_group(&place.conversation_id);
        }
        Ok(is_doubtful)
    }

    /// The server was asked for a conversation in whose group this device is, and `there` is the latest generation that it has, if it
    /// says so: entries of a later one are of none. Whether some wait for the one that it has.
    pub(crate) fn settle_generations(
        &mut self,
        known: &Conversation,
        there: Option<Generation>,
    ) -> Result<bool, Stop> {
        let mut waited_for = false;
        let all = parked::of_conversation(self.tx, &known.id)?;
        // What only a newer version understands is kept for that.
        for parked in all.into_iter().filter(|parked| parked.entry.reason != ParkReason::UnknownKind) {
            let Ok(entry) = wire::Entry::from_bytes(parked.entry.bytes.clone().into()) else { continue };
            let Some(place) = entry.place.filter(|place| is_ahead(known, place)) else { continue };
            if there.is_some_and(|there| place.generation <= there) {
                waited_for = true;
            } else {
                self.unreadable(&place, &entry)?;
                parked::delete(self.tx, parked.id)?;
            }
        }
        Ok(waited_for)
    }
}

/// Whether an entry is of a later generation than the group which this device is in.
const fn is_ahead(known: &Conversation, place: &Place) -> bool {
    matches!(known.state, ConversationState::Active) && place.generation.0 > known.generation.0
}
