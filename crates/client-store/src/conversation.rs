//! Conversations: what a person sees as one, over all generations of the group under it.
//!
//! Invariants:
//! - `generation` and `known_epoch` never go back within what this profile knows; `known_epoch` outlives the group's
//!   MLS rows, so that a rejoiner can refuse an older epoch (rule R7).
//! - A conversation has at most one group at a time.

use hushwire_types::{AccountId, ConversationId, Epoch, Generation, GroupId, Timestamp};
use rusqlite::types::Type;
use rusqlite::{Row, params};

use crate::column::{Coded, coded, coded_at, fixed_at, int, invalid, opt_fixed_at, time, time_at, uint_at};
use crate::mls_row::MlsKind;
use crate::{StoreError, Tx, View};

/// One conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// Who it is with.
    pub kind: ConversationKind,
    /// Which generation is current; 0 before the first.
    pub generation: Generation,
    /// The group of that generation, once there is one.
    pub group: Option<GroupId>,
    /// What can be done with it.
    pub state: ConversationState,
    /// How often in a row the way back from [`ConversationState::Rejoining`] or `Opening` was tried in vain.
    pub attempts: u32,
    /// The highest epoch of this generation that this profile has seen or been told of.
    pub known_epoch: Epoch,
    /// When this device last put a fresh leaf into the group.
    pub refreshed_at: Timestamp,
    /// When something last happened that a person sees.
    pub last_activity: Timestamp,
}

/// Who a conversation is with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConversationKind {
    /// Two accounts, this profile's and another.
    Direct {
        /// The other one.
        peer: AccountId,
    },
    /// Any number of accounts; [`member`](crate::member) says which.
    Group,
}

impl ConversationKind {
    /// The other account of a direct conversation.
    #[must_use]
    pub const fn peer(self) -> Option<AccountId> {
        match self {
            Self::Direct { peer } => Some(peer),
            Self::Group => None,
        }
    }
}

/// What can be done with a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConversationState {
    /// Its group is being made; messages wait.
    Opening,
    /// Messages go out.
    Active,
    /// The group's state is lost or broken and is being had again; messages wait.
    Rejoining,
    /// Two groups claim to be the next generation, or no way back is left: shown to the person, messages wait.
    Broken,
    /// Nothing more is sent or received.
    Closed,
}
coded!(ConversationState { Opening = 0, Active = 1, Rejoining = 2, Broken = 3, Closed = 4 });

const DIRECT: i64 = 0;
const GROUP: i64 = 1;

/// Writes a new conversation.
///
/// # Errors
/// [`StoreError::Conflict`] where there is one of this id.
pub fn insert(tx: &Tx<'_>, conversation: &Conversation) -> Result<(), StoreError> {
    let (kind, peer) = match &conversation.kind {
        ConversationKind::Direct { peer } => (DIRECT, Some(peer.as_ref())),
        ConversationKind::Group => (GROUP, None),
    };
    tx.run(
        "INSERT INTO conversation (id, kind, peer, generation, group_id, state, attempts, known_epoch, refreshed_at,
             last_activity)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            conversation.id.as_ref(),
            kind,
            peer,
            int(conversation.generation.0),
            conversation.group.as_ref().map(AsRef::as_ref),
            conversation.state.code(),
            conversation.attempts,
            int(conversation.known_epoch.0),
            time(conversation.refreshed_at),
            time(conversation.last_activity),
        ],
    )?;
    Ok(())
}

/// Writes all that can change (everything but id and kind).
///
/// # Errors
/// [`StoreError::Absent`] where there is no such conversation.
pub fn update(tx: &Tx<'_>, conversation: &Conversation) -> Result<(), StoreError> {
    tx.change(
        "conversation",
        "UPDATE conversation SET generation = ?2, group_id = ?3, state = ?4, attempts = ?5, known_epoch = ?6,
             refreshed_at = ?7, last_activity = ?8
         WHERE id = ?1",
        params![
            conversation.id.as_ref(),
            int(conversation.generation.0),
            conversation.group.as_ref().map(AsRef::as_ref),
            conversation.state.code(),
            conversation.attempts,
            int(conversation.known_epoch.0),
            time(conversation.refreshed_at),
            time(conversation.last_activity),
        ],
    )
}

/// Something happened at `at` that a person sees.
///
/// # Errors
/// [`StoreError::Absent`] where there is no such conversation.
pub fn touch(tx: &Tx<'_>, id: &ConversationId, at: Timestamp) -> Result<(), StoreError> {
    tx.change(
        "conversation",
        "UPDATE conversation SET last_activity = max(last_activity, ?2) WHERE id = ?1",
        params![id.as_ref(), time(at)],
    )
}

/// Raises the highest epoch that is known of.
///
/// # Errors
/// [`StoreError::Absent`] where there is no such conversation.
pub fn raise_known_epoch(tx: &Tx<'_>, id: &ConversationId, epoch: Epoch) -> Result<(), StoreError> {
    tx.change(
        "conversation",
        "UPDATE conversation SET known_epoch = max(known_epoch, ?2) WHERE id = ?1",
        params![id.as_ref(), int(epoch.0)],
    )
}

/// The conversation.
///
/// # Errors
/// The database cannot be read.
pub fn find(view: &View<'_>, id: &ConversationId) -> Result<Option<Conversation>, StoreError> {
    view.one("SELECT * FROM conversation WHERE id = ?1", params![id.as_ref()], read)
}

/// The conversation whose current group this is.
///
/// # Errors
/// The database cannot be read.
pub fn by_group(view: &View<'_>, group: &GroupId) -> Result<Option<Conversation>, StoreError> {
    view.one("SELECT * FROM conversation WHERE group_id = ?1", params![group.as_ref()], read)
}

/// The direct conversation with this account.
///
/// # Errors
/// The database cannot be read.
pub fn direct_with(view: &View<'_>, peer: &AccountId) -> Result<Option<Conversation>, StoreError> {
    view.one("SELECT * FROM conversation WHERE peer = ?1 AND kind = 0", params![peer.as_ref()], read)
}

/// All conversations, the most recently active first.
///
/// # Errors
/// The database cannot be read.
pub fn all(view: &View<'_>) -> Result<Vec<Conversation>, StoreError> {
    view.many("SELECT * FROM conversation ORDER BY last_activity DESC, id", [], read)
}

/// Conversations that are not at rest: every one that is not active, and the active ones whose group is gone from the profile.
///
/// # Errors
/// The database cannot be read.
pub fn unsettled(view: &View<'_>) -> Result<Vec<ConversationId>, StoreError> {
    view.many(
        "SELECT id FROM conversation WHERE state <> ?1 OR (group_id IS NOT NULL AND NOT EXISTS
             (SELECT 1 FROM mls_row WHERE mls_row.kind = ?2 AND mls_row.group_id = conversation.group_id))
         ORDER BY last_activity DESC, id",
        params![ConversationState::Active.code(), MlsKind::Group.code()],
        |row| fixed_at(row, "id"),
    )
}

fn read(row: &Row<'_>) -> rusqlite::Result<Conversation> {
    let kind = match (row.get::<_, i64>("kind")?, opt_fixed_at(row, "peer")?) {
        (DIRECT, Some(peer)) => ConversationKind::Direct { peer },
        (GROUP, None) => ConversationKind::Group,
        _ => return Err(invalid("kind", Type::Integer)),
    };
    Ok(Conversation {
        id: fixed_at(row, "id")?,
        kind,
        generation: Generation(uint_at(row, "generation")?),
        group: opt_fixed_at(row, "group_id")?,
        state: coded_at(row, "state")?,
        attempts: row.get("attempts")?,
        known_epoch: Epoch(uint_at(row, "known_epoch")?),
        refreshed_at: time_at(row, "refreshed_at")?,
        last_activity: time_at(row, "last_activity")?,
    })
}
