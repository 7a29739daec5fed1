//! Who this profile is: the one row that everything else hangs on.
//!
//! Invariants:
//! - There is at most one row. It is written before the first request of a registration, so that a registration that
//!   was cut short goes on with the same keys.
//! - The recovery key and the notes of the registration are there only until the person has seen the one and the
//!   server has confirmed the other; then they are erased.

use std::fmt;

use hushwire_types::{AccountId, DeviceId, Secret, SecretBytes, Timestamp};
use rusqlite::{Row, params};

use crate::column::{Coded, coded, coded_at, fixed_at, opt_fixed_at, time, time_at};
use crate::{StoreError, Tx, View};

/// This profile's account and device.
#[derive(Clone, PartialEq, Eq)]
pub struct Profile {
    /// The account.
    pub account: AccountId,
    /// This device of it.
    pub device: DeviceId,
    /// The name that this device has in the account's list.
    pub device_name: String,
    /// The handle that was registered, in canonical form.
    pub handle: String,
    /// Seed of the Ed25519 key that signs list entries and logins.
    pub list_key: Secret<32>,
    /// Seed of the Ed25519 key of this device's leaves.
    pub mls_key: Secret<32>,
    /// The account's genesis, encoded.
    pub genesis: Vec<u8>,
    /// `host:port` of the server.
    pub server: String,
    /// The server's pinned Ed25519 key.
    pub server_key: [u8; 32],
    /// How far the registration is.
    pub state: ProfileState,
    /// Seed of the recovery key, until [`forget_recovery_key`].
    pub recovery_key: Option<Secret<32>>,
    /// What the engine needs to go on with the registration (invite code, session), until [`set_registered`].
    pub registration: Option<SecretBytes>,
    /// When the keys were made.
    pub created_at: Timestamp,
}

impl fmt::Debug for Profile {
    /// Shows no key and no handle, which may be a phone number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile")
            .field("account", &self.account)
            .field("device", &self.device)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// How far a registration is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProfileState {
    /// The keys are made, the server has not confirmed yet.
    Registering,
    /// The server knows the account and this device.
    Registered,
}
coded!(ProfileState { Registering = 0, Registered = 1 });

/// The profile, if one was begun.
///
/// # Errors
/// The database cannot be read.
pub fn find(view: &View<'_>) -> Result<Option<Profile>, StoreError> {
    view.one("SELECT * FROM profile", [], read)
}

/// Writes the one row.
///
/// # Errors
/// [`StoreError::Conflict`] where there is one.
pub fn insert(tx: &Tx<'_>, profile: &Profile) -> Result<(), StoreError> {
    tx.run(
        "INSERT INTO profile (id, account, device, device_name, handle, list_key, mls_key, genesis, server,
             server_key, state, recovery_key, registration, created_at)
         VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        params![
            profile.account.as_ref(),
            profile.device.as_ref(),
            profile.device_name,
            profile.handle,
            profile.list_key.expose(),
            profile.mls_key.expose(),
            profile.genesis,
            profile.server,
            profile.server_key,
            profile.state.code(),
            profile.recovery_key.as_ref().map(Secret::expose),
            profile.registration.as_ref().map(SecretBytes::expose),
            time(profile.created_at),
        ],
    )?;
    Ok(())
}

/// Replaces the notes of an unfinished registration.
///
/// # Errors
/// [`StoreError::Absent`] where no profile was begun.
pub fn set_registration(tx: &Tx<'_>, notes: &SecretBytes) -> Result<(), StoreError> {
    tx.change("profile", "UPDATE profile SET registration = ?1", params![notes.expose()])
}

/// The server has confirmed: erases the notes of the registration.
///
/// # Errors
/// [`StoreError::Absent`] where no profile was begun.
pub fn set_registered(tx: &Tx<'_>) -> Result<(), StoreError> {
    let changed = tx.erase(
        "UPDATE profile SET state = ?1, registration = NULL",
        params![ProfileState::Registered.code()],
    )?;
    if changed == 0 { Err(StoreError::Absent("profile")) } else { Ok(()) }
}

/// The person has seen the recovery key: erases it.
///
/// # Errors
/// The database cannot be written.
pub fn forget_recovery_key(tx: &Tx<'_>) -> Result<(), StoreError> {
    tx.erase("UPDATE profile SET recovery_key = NULL WHERE recovery_key IS NOT NULL", [])?;
    Ok(())
}

/// The same server under another address.
///
/// # Errors
/// [`StoreError::Absent`] where no profile was begun.
pub fn set_server(tx: &Tx<'_>, address: &str) -> Result<(), StoreError> {
    tx.change("profile", "UPDATE profile SET server = ?1", params![address])
}

/// An unfinished registration goes on under another handle, or at another address of the server.
///
/// # Errors
/// [`StoreError::Absent`] where no profile is registering.
pub fn set_wish(tx: &Tx<'_>, handle: &str, server: &str) -> Result<(), StoreError> {
    tx.change(
        "profile",
        "UPDATE profile SET handle = ?1, server = ?2 WHERE state = ?3",
        params![handle, server, ProfileState::Registering.code()],
    )
}

/// A registration that the server refused for good: erases the keys, so that another can begin.
///
/// # Errors
/// [`StoreError::Absent`] where no profile is registering.
pub fn abandon(tx: &Tx<'_>) -> Result<(), StoreError> {
    let changed =
        tx.erase("DELETE FROM profile WHERE state = ?1", params![ProfileState::Registering.code()])?;
    if changed == 0 { Err(StoreError::Absent("profile")) } else { Ok(()) }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Profile> {
    Ok(Profile {
        account: fixed_at(row, "account")?,
        device: fixed_at(row, "device")?,
        device_name: row.get("device_name")?,
        handle: row.get("handle")?,
        list_key: fixed_at(row, "list_key")?,
        mls_key: fixed_at(row, "mls_key")?,
        genesis: row.get("genesis")?,
        server: row.get("server")?,
        server_key: fixed_at::<[u8; 32]>(row, "server_key")?,
        state: coded_at(row, "state")?,
        recovery_key: opt_fixed_at(row, "recovery_key")?,
        registration: row.get::<_, Option<Vec<u8>>>("registration")?.map(SecretBytes::new),
        created_at: time_at(row, "created_at")?,
    })
}
