//! KeyPackages (RFC 9420, section 10): what client and server check of one before they use or store it.

use std::time::Duration;

use hushwire_identity::LeafCredential;
use hushwire_suite::{CIPHER_SUITE, Suite};
use hushwire_types::{AccountId, DeviceId, Timestamp};
use mls_rs::CryptoProvider;
use mls_rs::client::MlsError;
use mls_rs::extension::ExtensionType;
use mls_rs::external_client::ExternalClient;
use mls_rs::time::MlsTime;

use crate::admission::decode;
use crate::{Identities, Lists, PolicyError, Refusal, leaf_credential};

/// A KeyPackage that is valid now and belongs to the device that it was given for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedKeyPackage {
    /// What its leaf's credential claims, and its list confirms.
    pub credential: LeafCredential,
    /// Its KeyPackageRef (RFC 9420, section 5.2), by which a Welcome addresses it.
    pub reference: Vec<u8>,
    /// Whether it may be used more than once.
    pub last_resort: bool,
}

/// Checks a KeyPackage that is said to be of a device.
///
/// # Errors
/// [`Refusal::KeyPackage`], [`Refusal::KeyPackageOwner`], or what rule R3 says of its leaf.
pub fn check_key_package(
    suite: &Suite,
    lists: &Lists,
    bytes: &[u8],
    owner: (AccountId, DeviceId),
    now: Timestamp,
) -> Result<CheckedKeyPackage, PolicyError> {
    let client = ExternalClient::builder()
        .crypto_provider(suite.clone())
        .identity_provider(Identities::new(lists.clone()))
        .build();
    let message = decode(bytes).map_err(|_| Refusal::KeyPackage)?;
    let package = client.validate_key_package(message, Some(mls_time(now))).map_err(refusal)?;

    let credential = leaf_credential(package.signing_identity())?;
    if (credential.account, credential.device) != owner {
        return Err(Refusal::KeyPackageOwner.into());
    }
    let provider = suite.cipher_suite_provider(CIPHER_SUITE).ok_or(Refusal::KeyPackage)?;
    let reference = package.to_reference(&provider).map_err(|_| Refusal::KeyPackage)?;
    Ok(CheckedKeyPackage {
        credential,
        reference: reference.to_vec(),
        last_resort: package.extensions.has_extension(ExtensionType::LAST_RESORT_KEY_PACKAGE),
    })
}

fn refusal(error: MlsError) -> PolicyError {
    PolicyError::inside(&error).cloned().unwrap_or_else(|| Refusal::KeyPackage.into())
}

/// `now` as mls-rs counts.
pub(crate) fn mls_time(now: Timestamp) -> MlsTime {
    MlsTime::from_duration_since_epoch(Duration::from_secs(now.as_secs()))
}
