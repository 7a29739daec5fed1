//! KeyPackages (RFC 9420, section 10): by which others add this device to their groups.

use std::time::Duration;

use hushwire_group_policy::leaf_credential;
use hushwire_identity::LeafCredential;
use hushwire_types::Timestamp;
use mls_rs::MlsMessageDescription;
use mls_rs::extension::recommended::LastResortKeyPackageExt;
use mls_rs::time::MlsTime;
use mls_rs_core::extension::{ExtensionList, MlsExtension};

use crate::adapter;
use crate::device::Device;
use crate::error::{MlsError, Refusal, StateError};

/// How long a KeyPackage may be used: longer than a device may stay silent before it counts as stale (45 days).
pub const KEY_PACKAGE_LIFETIME: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// How far the clocks of devices and server may lag behind this device's without taking its new leaf for one of the
/// future.
const CLOCK_SKEW: Duration = Duration::from_secs(60 * 60);

/// The lifetime of a leaf made `now` as mls-rs wants it: the time that it begins, and its length.
pub(crate) fn lifetime_from(now: Timestamp) -> MlsTime {
    adapter::time(now.before(CLOCK_SKEW))
}

/// The length of the lifetime that [`lifetime_from`] begins.
pub(crate) const LEAF_LIFETIME: Duration = KEY_PACKAGE_LIFETIME.saturating_add(CLOCK_SKEW);

/// What a KeyPackage is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPackageKind {
    /// One of the pool: the server gives it away once, and joining with it deletes its private keys.
    Pooled,
    /// The one that is given away when the pool is empty. Joining keeps its private keys; the caller replaces it.
    LastResort,
}

/// A KeyPackage to publish. Its private keys are staged as a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPackage {
    /// The `MLSMessage` that holds it.
    pub bytes: Vec<u8>,
    /// Its reference (RFC 9420, section 5.2), by which a Welcome names it and [`RowKey::KeyPackage`] its row.
    ///
    /// [`RowKey::KeyPackage`]: crate::RowKey::KeyPackage
    pub reference: Vec<u8>,
    /// Which kind it is.
    pub kind: KeyPackageKind,
    /// When it expires.
    pub expires: Timestamp,
}

impl Device {
    /// Makes a KeyPackage with this device's credential, usable from an hour before `now` for
    /// [`KEY_PACKAGE_LIFETIME`].
    ///
    /// # Errors
    /// [`MlsError::State`].
    pub fn key_package(&mut self, kind: KeyPackageKind, now: Timestamp) -> Result<KeyPackage, MlsError> {
        let mut extensions = ExtensionList::new();
        if kind == KeyPackageKind::LastResort {
            extensions.set_from(LastResortKeyPackageExt).map_err(StateError::library)?;
        }
        let message = self
            .client
            .generate_key_package_message(extensions, ExtensionList::new(), Some(lifetime_from(now)))
            .map_err(StateError::library)?;
        let package = message.as_key_package().ok_or(StateError::BadRow)?;
        let reference =
            package.to_reference(&adapter::provider(&self.suite)?).map_err(StateError::library)?;
        let expires = package.expiration().map_err(StateError::library)?.seconds_since_epoch();
        Ok(KeyPackage {
            bytes: message.to_bytes().map_err(StateError::library)?,
            reference: reference.to_vec(),
            kind,
            expires: Timestamp::from_ms(expires.saturating_mul(1000)),
        })
    }
}

/// What a KeyPackage of somebody says of itself. Nothing of it is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnverifiedKeyPackage {
    /// Whose it claims to be.
    pub credential: LeafCredential,
    /// Whether it is one of last resort.
    pub kind: KeyPackageKind,
}

/// Reads what a KeyPackage says of itself, so that missing device lists can be fetched first.
///
/// # Errors
/// [`MlsError::Refused`] where the bytes are no KeyPackage of ours.
pub fn peek_key_package(bytes: &[u8]) -> Result<UnverifiedKeyPackage, MlsError> {
    let message = adapter::parse(bytes)?;
    let package = message.as_key_package().ok_or(MlsError::Refused(Refusal::KeyPackage))?;
    let credential =
        leaf_credential(package.signing_identity()).map_err(|refusal| MlsError::Refused(refusal.into()))?;
    let last_resort = package.extensions.has_extension(LastResortKeyPackageExt::extension_type());
    let kind = if last_resort { KeyPackageKind::LastResort } else { KeyPackageKind::Pooled };
    Ok(UnverifiedKeyPackage { credential, kind })
}

/// The references of the KeyPackages that a Welcome is for, in its order: the caller loads the rows it has of them.
///
/// # Errors
/// [`MlsError::Refused`] where the bytes are no Welcome.
pub fn welcome_references(welcome: &[u8]) -> Result<Vec<Vec<u8>>, MlsError> {
    match adapter::parse(welcome)?.description() {
        MlsMessageDescription::Welcome { key_package_refs, .. } => {
            Ok(key_package_refs.into_iter().map(|reference| reference.to_vec()).collect())
        }
        _ => Err(MlsError::Refused(Refusal::Malformed)),
    }
}
