//! What each device was last seen to say in a conversation: its counter and the hash of its content (rule R4). A gap
//! or another hash shows that the server dropped or changed something.

use hushwire_types::{AccountId, ConversationId, DeviceId};
use rusqlite::{Row, params};

use crate::column::{fixed_at, int, uint_at};
use crate::{StoreError, Tx, View};

/// The last content of one device in one conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Witness {
    /// The conversation.
    pub conversation: ConversationId,
    /// The account of the device; one's own too.
    pub account: AccountId,
    /// The device.
    pub device: DeviceId,
    /// Its counter.
    pub counter: u64,
    /// Hash of its content of that counter.
    pub hash: [u8; 32],
}

/// What is known of this device in this conversation.
///
/// # Errors
/// The database cannot be read.
pub fn find(
    view: &View<'_>,
    conversation: &ConversationId,
    account: &AccountId,
    device: &DeviceId,
) -> Result<Option<Witness>, StoreError> {
    view.one(
        "SELECT * FROM witness WHERE conversation = ?1 AND account = ?2 AND device = ?3",
        params![conversation.as_ref(), account.as_ref(), device.as_ref()],
        read,
    )
}

/// Writes what is known now.
///
/// # Errors
/// The database cannot be written.
pub fn put(tx: &Tx<'_>, witness: &Witness) -> Result<(), StoreError> {
    tx.run(
        "INSERT INTO witness (conversation, account, device, counter, hash) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (conversation, account, device) DO UPDATE SET counter = excluded.counter, hash = excluded.hash",
        params![
            witness.conversation.as_ref(),
            witness.account.as_ref(),
            witness.device.as_ref(),
            int(witness.counter),
            witness.hash,
        ],
    )?;
    Ok(())
}

/// Forgets what is known of one device, so that the next thing it says begins anew: it entered the group again.
///
/// # Errors
/// The database cannot be written.
pub fn forget(
    tx: &Tx<'_>,
    conversation: &ConversationId,
    account: &AccountId,
    device: &DeviceId,
) -> Result<(), StoreError> {
    tx.run(
        "DELETE FROM witness WHERE conversation = ?1 AND account = ?2 AND device = ?3",
        params![conversation.as_ref(), account.as_ref(), device.as_ref()],
    )?;
    Ok(())
}

/// Forgets what is known of all devices but this one: what they said was missed for a known reason.
///
/// # Errors
/// The database cannot be written.
pub fn forget_others(tx: &Tx<'_>, conversation: &ConversationId, own: &DeviceId) -> Result<(), StoreError> {
    tx.run(
        "DELETE FROM witness WHERE conversation = ?1 AND device <> ?2",
        params![conversation.as_ref(), own.as_ref()],
    )?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Witness> {
    Ok(Witness {
        conversation: fixed_at(row, "conversation")?,
        account: fixed_at(row, "account")?,
        device: fixed_at(row, "device")?,
        counter: uint_at(row, "counter")?,
        hash: fixed_at::<[u8; 32]>(row, "hash")?,
    })
}
