//! What was said last in a group, for people who are added to it: handed over by whoever adds them, where they want that.
//!
//! ```text
//!  adder:     add, with how many ─► wish ─► own Commit comes back ─► rows are chosen ─► part ─► accepted ─► part ─► … told
//!  newcomer:  Welcome ─► from whom, and up to where ────────────────────────────────► rows, marked ─────────► … told
//!  others:    Commit ─► who came in by whom ────────────────────────────────────────► told, and passed over
//! ```
//!
//! It travels in the group: a direct conversation with the newcomer might wait for being accepted, and the members may read it all
//! anyway. What it costs is that they all fetch it, so [`limits`] keep it small. Each part names whom it is for. All devices of a
//! newcomer are in since the same Commit, so all of them see all parts; one that is added later has the past from the others
//! ([`crate::handover`]).
//!
//! Invariants:
//! - Nothing is handed over unless a person said so when adding, and only by the device whose Commit added the account: whoever is
//!   allowed to add decides. Where somebody else was faster, nothing is.
//! - What is handed over are texts, polls and cards as they read now: nothing that disappears, was deleted or hidden, is about
//!   another message, or was only told to this account. A quote of what is not here says nothing of it.
//! - It is the adder's word: nothing proves who wrote it. Each row says by whom it was handed over, for ever, on every device and in
//!   every backup.
//! - A device takes it from the account that sent its Welcome, once for each joining, and only as messages from before that joining, by
//!   others, which are not here. It alters nothing, is not new, is owed no receipt and calls nobody; and the message itself, when
//!   it comes from its author, takes its place.
//! - Where it stands is kept in the transaction that moves it. One part is under way at a time; the next begins where the accepted
//!   one ended, and one that was refused is made again. A part is not kept to be sent again to a restored server.

mod choice;
mod taken;

use std::collections::BTreeMap;

use hushwire_client_store::conversation::{Conversation, ConversationKind};
use hushwire_client_store::outbox::{self, Outgoing};
use hushwire_client_store::wish::WishId;
use hushwire_client_store::{StoreError, View, member};
use hushwire_content::{HistoryBundle, Kind, limits};
use hushwire_mls::{EpochChange, GroupView};
use hushwire_types::{AccountId, ConversationId, rng};
use serde::{Deserialize, Serialize};

use crate::facts::fact;
use crate::remake::Remake;
use crate::step::Step;
use crate::stop::Stop;
use crate::{Event, GroupChange, Notice, Outcome, Refusal, text};

/// What this device hands over, or will.
const HANDING: &str = "history for newcomers";

#[derive(Default, Serialize, Deserialize)]
struct Handing {
    /// For accounts that are not in yet.
    wanted: Vec<Wanted>,
    bundles: Vec<Bundle>,
}

/// What a person wants to hand to an account, once their wish to add it came true.
#[derive(Serialize, Deserialize)]
struct Wanted {
    wish: i64,
    #[serde(with = "text")]
    conversation: ConversationId,
    account: Named,
    last: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Named(#[serde(with = "text")] AccountId);

/// What is handed to accounts that are in.
#[derive(Serialize, Deserialize)]
struct Bundle {
    bundle: [u8; 16],
    #[serde(with = "text")]
    conversation: ConversationId,
    accounts: Vec<Named>,
    /// Rows of the timeline, in their order.
    rows: Vec<i64>,
    /// Where the next part begins …
    place: Place,
    /// … once the one that was made last is accepted.
    next: Place,
    /// Whether the person here has been told.
    told: bool,
}

/// Where a part begins: behind so many rows, and behind `offset` bytes of the one that follows.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Place {
    number: u32,
    row: usize,
    offset: usize,
}

/// Whether something is yet to be handed to newcomers of a group.
///
/// # Errors
/// The database cannot be read.
pub fn is_handing_history(view: &View<'_>, conversation: &ConversationId) -> Result<bool, StoreError> {
    let handing = fact::<Handing>(view, HANDING)?.unwrap_or_default();
    Ok(handing.bundles.iter().any(|bundle| bundle.conversation == *conversation))
}

impl Step<'_, '_> {
    /// Adds an account to a group and hands it the last messages.
    pub(crate) fn add_with_history(
        &mut self,
        conversation: &ConversationId,
        account: AccountId,
        last: u32,
    ) -> Result<Outcome, Stop> {
        if usize::try_from(last).map_or(true, |last| last > limits::BUNDLE_MESSAGES) {
            return Ok(Outcome::Refused(Refusal::TooMuchHistory(limits::BUNDLE_MESSAGES)));
        }
        let outcome = self.change_group(conversation, &GroupChange::Add { account })?;
        if let (Outcome::Wished { wish, conversation }, true) = (&outcome, last > 0) {
            let mut handing = self.handing()?;
            let account = Named(account);
            handing.wanted.push(Wanted { wish: *wish, conversation: *conversation, account, last });
            self.keep(HANDING, &handing)?;
        }
        Ok(outcome)
    }

    /// A wish ended: who is not in by a Commit of this device is handed nothing.
    pub(crate) fn wish_ended(&self, wish: WishId) -> Result<(), Stop> {
        let mut handing = self.handing()?;
        let wanted = handing.wanted.len();
        handing.wanted.retain(|wanted| wanted.wish != wish.0);
        if handing.wanted.len() == wanted { Ok(()) } else { self.keep(HANDING, &handing) }
    }

    /// A Commit was applied, and the rows still say who was in the group before it.
    pub(crate) fn newcomers_came(
        &mut self,
        conversation: &Conversation,
        change: &EpochChange,
    ) -> Result<(), Stop> {
        let before = member::of(self.tx, &conversation.id)?;
        if conversation.kind != ConversationKind::Group || before.is_empty() {
            return Ok(());
        }
        let by = change.committer;
        let mut came: Vec<AccountId> = change.added.iter().map(|leaf| leaf.account).collect();
        came.sort_unstable();
        came.dedup();
        came.retain(|account| *account != by.account && before.iter().all(|(known, _)| known != account));
        if came.is_empty() {
            Ok(())
        } else if by.device == self.me.device {
            self.begin_to_hand(&conversation.id, &came)
        } else {
            self.may_be_handed(&conversation.id, &came, by.account)
        }
    }

    /// Chooses what is handed to accounts that a Commit of this device has added.
    fn begin_to_hand(&mut self, id: &ConversationId, came: &[AccountId]) -> Result<(), Stop> {
        let mut handing = self.handing()?;
        let mut lengths: BTreeMap<u32, Vec<Named>> = BTreeMap::new();
        handing.wanted.retain(|wanted| {
            let is_in = wanted.conversation == *id && came.contains(&wanted.account.0);
            if is_in {
                lengths.entry(wanted.last).or_default().push(wanted.account);
            }
            !is_in
        });
        if lengths.is_empty() {
            return Ok(());
        }
        for (last, accounts) in lengths {
            let rows = self.chosen(id, last)?;
            if rows.is_empty() {
                continue;
            }
            handing.bundles.extend(accounts.chunks(limits::BUNDLE_ACCOUNTS).map(|accounts| Bundle {
                bundle: rng::bytes(self.entropy),
                conversation: *id,
                accounts: accounts.to_vec(),
                rows: rows.clone(),
                place: Place::default(),
                next: Place::default(),
                told: false,
            }));
        }
        self.session.attend(*id);
        self.keep(HANDING, &handing)
    }

    /// Hands the next part over, unless one is under way.
    pub(crate) fn compose_bundle(
        &mut self,
        conversation: &Conversation,
        view: &GroupView,
        left: u64,
    ) -> Result<(), Stop> {
        let id = conversation.id;
        if conversation.kind != ConversationKind::Group || left == 0 {
            return Ok(());
        }
        let mut handing = self.handing()?;
        let mine = |bundle: &&mut Bundle| bundle.conversation == id;
        let Some(bundle) = handing.bundles.iter_mut().find(mine) else { return Ok(()) };
        if outbox::of_conversation(self.tx, &id)?.iter().any(|row| bundle_of(row).is_some()) {
            return Ok(());
        }
        if !self.has_room_for(&id)? {
            return Ok(());
        }
        bundle.accounts.retain(|Named(account)| view.members.iter().any(|leaf| leaf.account == *account));
        let part = self.next_part(bundle)?;
        // Everybody whom it is for is out again, or all of it has been deleted since.
        if part.accounts.is_empty() || (part.records.is_empty() && part.number == 0) {
            return self.end_bundle(handing, &part.bundle);
        }
        let tell = !std::mem::replace(&mut bundle.told, true);
        self.keep(HANDING, &handing)?;
        if tell {
            self.tell_handed(&id, self.me.account, &part.accounts, part.messages)?;
        }
        self.say(conversation, view, Kind::HistoryBundle(part))
    }

    /// The server has taken a part, or will never take it.
    pub(crate) fn part_answered(&mut self, row: &Outgoing, answer: PartAnswer) -> Result<(), Stop> {
        let Some(part) = bundle_of(row) else { return Ok(()) };
        let mut handing = self.handing()?;
        let Some(bundle) = handing.bundles.iter_mut().find(|bundle| bundle.bundle == part) else {
            return Ok(());
        };
        bundle.place = bundle.next;
        if answer == PartAnswer::Refused || bundle.place.row >= bundle.rows.len() {
            return self.end_bundle(handing, &part);
        }
        self.keep(HANDING, &handing)
    }

    fn end_bundle(&mut self, mut handing: Handing, ended: &[u8; 16]) -> Result<(), Stop> {
        for bundle in handing.bundles.extract_if(.., |bundle| bundle.bundle == *ended) {
            self.session.attend(bundle.conversation);
            self.event(&Event::Conversation, Some(bundle.conversation), None)?;
        }
        self.keep(HANDING, &handing)
    }

    /// Groups with something to be handed over are looked at after a login.
    pub(crate) fn attend_bundles(&mut self) -> Result<(), Stop> {
        for bundle in self.handing()?.bundles {
            self.session.attend(bundle.conversation);
        }
        Ok(())
    }

    /// One line for each account, in the timeline of whoever saw it.
    fn tell_handed(
        &mut self,
        id: &ConversationId,
        by: AccountId,
        to: &[AccountId],
        messages: u32,
    ) -> Result<(), Stop> {
        to.iter().try_for_each(|account| {
            self.notice(id, &Notice::HistoryHanded { account: *account, by, messages })
        })
    }

    fn handing(&self) -> Result<Handing, Stop> {
        Ok(fact(self.tx, HANDING)?.unwrap_or_default())
    }
}

/// What the server says to a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PartAnswer {
    Accepted,
    Refused,
}

/// The bundle that a request of the outbox carries a part of.
fn bundle_of(row: &Outgoing) -> Option<[u8; 16]> {
    Remake::decode(&row.note).and_then(|note| note.bundle)
}

/// The part as it travels.
impl Step<'_, '_> {
    fn next_part(&self, bundle: &mut Bundle) -> Result<HistoryBundle, Stop> {
        let (parcel, next) = self.parcel(&bundle.rows, bundle.place)?;
        bundle.next = next;
        Ok(HistoryBundle {
            bundle: bundle.bundle,
            accounts: bundle.accounts.iter().map(|Named(account)| *account).collect(),
            messages: u32::try_from(bundle.rows.len()).unwrap_or(u32::MAX),
            number: bundle.place.number,
            ends: next.row >= bundle.rows.len(),
            records: parcel.records,
            continues: parcel.continues,
        })
    }
}
