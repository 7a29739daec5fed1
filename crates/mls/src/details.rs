//! A group's details (name, description, avatar): ciphertext in its charter, whose key members alone have (rule R5).
//!
//! Whoever changes the details takes the key from the exporter (RFC 9420, section 8.5) of the epoch in which the Commit is
//! made, so that every member of that epoch has it without being told, and whoever was removed before does not. Who is
//! added gets the key in the Welcome's encrypted GroupInfo; who comes back by an external Commit keeps the key it had,
//! or is told it in a message. The key stays the same until the details change again.
//!
//! Invariants:
//! - The key is in no published GroupInfo, and never in clear outside the group's own row.
//! - Details that cannot be read never stop a group: they are shown as unknown until the key comes.

use hushwire_group_policy::GroupExtension;
use hushwire_suite::Suite;
use hushwire_types::{GroupId, Secret, SecretBytes};
use mls_rs::extension::ExtensionType;
use mls_rs::{CipherSuiteProvider, Extension, ExtensionList};
use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};

use crate::adapter::{self, Group};
use crate::device::Device;
use crate::error::{MlsError, StateError};

/// The extension of a Welcome's GroupInfo that holds the key, from the range for private use.
const KEY_EXTENSION: ExtensionType = ExtensionType::new(0xF049);
const LABEL: &[u8] = b"hushwire group details v1";
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;
/// What encryption adds: nonce and tag.
const OVERHEAD_BYTES: usize = NONCE_BYTES + 16;

/// Bytes of a group's details before encryption.
pub const MAX_DETAILS_BYTES: usize = hushwire_group_policy::charter::DETAILS_BYTES - OVERHEAD_BYTES;

/// The key of a group's details, where it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct DetailsKey(pub(crate) Option<Secret<KEY_BYTES>>);

impl MlsSize for DetailsKey {
    fn mls_encoded_len(&self) -> usize {
        1 + self.0.as_ref().map_or(0, |_| KEY_BYTES)
    }
}

impl MlsEncode for DetailsKey {
    fn mls_encode(&self, writer: &mut Vec<u8>) -> Result<(), mls_rs_codec::Error> {
        writer.push(u8::from(self.0.is_some()));
        if let Some(key) = &self.0 {
            writer.extend_from_slice(key.expose());
        }
        Ok(())
    }
}

impl MlsDecode for DetailsKey {
    fn mls_decode(reader: &mut &[u8]) -> Result<Self, mls_rs_codec::Error> {
        match u8::mls_decode(reader)? {
            0 => Ok(Self(None)),
            _ => Ok(Self(Some(Secret::new(<[u8; KEY_BYTES]>::mls_decode(reader)?)))),
        }
    }
}

impl DetailsKey {
    /// The key of details that are set by a Commit made in the group's present epoch.
    pub(crate) fn of_epoch(group: &Group) -> Result<Self, StateError> {
        let exported = group.export_secret(LABEL, &[], KEY_BYTES).map_err(StateError::library)?;
        let key = Secret::try_from(exported.as_bytes()).map_err(|_| StateError::Bug("a short secret"))?;
        Ok(Self(Some(key)))
    }

    /// What a Welcome's GroupInfo says.
    pub(crate) fn of_welcome(extensions: &ExtensionList) -> Self {
        let data = extensions.get(KEY_EXTENSION).map(|extension| extension.extension_data);
        Self(data.and_then(|data| Secret::try_from(data.as_slice()).ok()))
    }

    /// For a Welcome's GroupInfo.
    pub(crate) fn to_welcome(&self) -> ExtensionList {
        let extension = self.0.as_ref().map(|key| Extension::new(KEY_EXTENSION, key.expose().to_vec()));
        ExtensionList::from(Vec::from_iter(extension))
    }

    /// Encrypts details for a group.
    pub(crate) fn seal(
        &self,
        suite: &Suite,
        of: &GroupExtension,
        details: &SecretBytes,
    ) -> Result<Vec<u8>, MlsError> {
        if details.expose().len() > MAX_DETAILS_BYTES {
            return Err(MlsError::Misuse("details over the limit"));
        }
        let key = self.0.as_ref().ok_or(StateError::Bug("details without a key"))?;
        let provider = adapter::provider(suite)?;
        let nonce = provider.random_bytes_vec(NONCE_BYTES).map_err(StateError::library)?;
        let sealed = provider
            .aead_seal(key.expose(), details.expose(), Some(&context(of)), &nonce)
            .map_err(StateError::library)?;
        Ok([nonce, sealed].concat())
    }

    /// The details, where there are some and this is their key.
    pub(crate) fn open(&self, suite: &Suite, of: &GroupExtension) -> Option<SecretBytes> {
        let (nonce, sealed) = of.charter()?.details.split_at_checked(NONCE_BYTES)?;
        let key = self.0.as_ref()?;
        let provider = adapter::provider(suite).ok()?;
        let opened = provider.aead_open(key.expose(), sealed, Some(&context(of)), nonce).ok()?;
        Some(SecretBytes::new(opened.to_vec()))
    }
}

/// Binds the ciphertext to its group.
fn context(of: &GroupExtension) -> Vec<u8> {
    [LABEL, of.conversation.as_bytes(), &of.generation.0.to_be_bytes()].concat()
}

impl Device {
    /// The details of a loaded group; `None` where it has none, or where their key is not known (yet).
    ///
    /// # Errors
    /// [`MlsError::UnknownGroup`], [`MlsError::State`].
    pub fn details(&mut self, group: &GroupId) -> Result<Option<SecretBytes>, MlsError> {
        let suite = self.suite.clone();
        let loaded = self.loaded(group)?;
        let extension = adapter::extension(&loaded.group)?;
        Ok(loaded.head.details_key().open(&suite, &extension))
    }

    /// The key of a group's details, for a member who lacks it; `None` where this device lacks it too.
    ///
    /// # Errors
    /// [`MlsError::UnknownGroup`], [`MlsError::State`].
    pub fn details_key(&mut self, group: &GroupId) -> Result<Option<Secret<KEY_BYTES>>, MlsError> {
        Ok(self.joined(group)?.head.details_key().0.clone())
    }

    /// Takes the key of a group's details from a message of a member. A key that does not open them changes nothing.
    /// Whether it was taken.
    ///
    /// # Errors
    /// [`MlsError::UnknownGroup`], [`MlsError::State`].
    pub fn learn_details_key(&mut self, group: &GroupId, key: Secret<KEY_BYTES>) -> Result<bool, MlsError> {
        let suite = self.suite.clone();
        let loaded = self.joined(group)?;
        let extension = adapter::extension(&loaded.group)?;
        let key = DetailsKey(Some(key));
        if key.open(&suite, &extension).is_none() {
            return Ok(false);
        }
        loaded.head.set_details_key(key);
        loaded.touch();
        Ok(true)
    }
}
