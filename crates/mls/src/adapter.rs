//! Where mls-rs, the suite and the policy are put together: the client's configuration, and conversions both ways.
//!
//! Invariants:
//! - Only variants of mls-rs errors decide anything, never their text.
//! - Bytes from outside are one MLS object and nothing behind it.

use std::time::Duration;

use hushwire_group_policy::{
    GROUP_EXTENSION, GroupExtension, Identities, Lists, Policy, PolicyError, leaf_credential,
    signing_identity,
};
use hushwire_identity::LeafCredential;
use hushwire_suite::{CIPHER_SUITE, Suite, SuiteProvider};
use hushwire_types::{GroupId, Timestamp};
use mls_rs::client_builder::{
    BaseConfig, WithCryptoProvider, WithGroupStateStorage, WithIdentityProvider, WithKeyPackageRepo,
    WithMlsRules,
};
use mls_rs::error::MlsError as LibraryError;
use mls_rs::extension::ExtensionType;
use mls_rs::group::{ExportedTree, GroupContext};
use mls_rs::identity::SigningIdentity;
use mls_rs::time::MlsTime;
use mls_rs::{CryptoProvider, MlsMessage};
use mls_rs_codec::MlsDecode;
use mls_rs_core::crypto::SignatureSecretKey;

use crate::device::DeviceKeys;
use crate::error::{MlsError, Refusal, StateError};
use crate::key_package::LEAF_LIFETIME;
use crate::staging::Staging;

/// The configuration of every mls-rs client and group of this crate.
pub(crate) type Config = WithMlsRules<
    Policy,
    WithIdentityProvider<
        Identities,
        WithCryptoProvider<Suite, WithKeyPackageRepo<Staging, WithGroupStateStorage<Staging, BaseConfig>>>,
    >,
>;
/// An mls-rs client.
pub(crate) type Client = mls_rs::Client<Config>;
/// An mls-rs group.
pub(crate) type Group = mls_rs::Group<Config>;

/// The key and the identity that a device signs with.
pub(crate) struct Signer {
    pub(crate) key: SignatureSecretKey,
    pub(crate) identity: SigningIdentity,
}

/// The signer of a device.
pub(crate) fn signer(keys: &DeviceKeys, suite: &Suite) -> Result<Signer, MlsError> {
    let (key, public) = suite.signature_keys(&keys.mls_key).map_err(StateError::library)?;
    Ok(Signer { key, identity: signing_identity(&keys.credential, public) })
}

/// A client of a device over one store.
pub(crate) fn client(
    keys: &DeviceKeys,
    suite: &Suite,
    lists: &Lists,
    staging: &Staging,
) -> Result<Client, MlsError> {
    let Signer { key, identity } = signer(keys, suite)?;
    Ok(mls_rs::Client::builder()
        .group_state_storage(staging.clone())
        .key_package_repo(staging.clone())
        .crypto_provider(suite.clone())
        .identity_provider(Identities::new(lists.clone()))
        .mls_rules(Policy::new(lists.clone()))
        .extension_types([GROUP_EXTENSION, ExtensionType::LAST_RESORT_KEY_PACKAGE])
        .key_package_lifetime(LEAF_LIFETIME)
        .signing_identity(identity, key, CIPHER_SUITE)
        .build())
}

/// The operations of the ciphersuite.
pub(crate) fn provider(suite: &Suite) -> Result<SuiteProvider, StateError> {
    suite.cipher_suite_provider(CIPHER_SUITE).ok_or(StateError::Bug("the suite lacks its own ciphersuite"))
}

/// `now` as mls-rs counts.
pub(crate) fn time(now: Timestamp) -> MlsTime {
    MlsTime::from_duration_since_epoch(Duration::from_secs(now.as_secs()))
}

/// Decodes one MLSMessage.
pub(crate) fn parse(bytes: &[u8]) -> Result<MlsMessage, MlsError> {
    whole(bytes).ok_or(MlsError::Refused(Refusal::Malformed))
}

/// Decodes a ratchet tree. Whether it is the right one shows when it is joined.
pub(crate) fn tree(bytes: &[u8]) -> Result<ExportedTree<'static>, MlsError> {
    whole(bytes).ok_or(MlsError::Refused(Refusal::Tree))
}

fn whole<T: MlsDecode>(bytes: &[u8]) -> Option<T> {
    let mut reader = bytes;
    let value = T::mls_decode(&mut reader).ok()?;
    reader.is_empty().then_some(value)
}

/// The group that a GroupContext is of.
pub(crate) fn group_id(context: &GroupContext) -> Result<GroupId, MlsError> {
    GroupId::try_from(context.group_id.as_slice()).map_err(|_| MlsError::Refused(Refusal::Malformed))
}

/// The group extension of a group that was checked when it was made or entered.
pub(crate) fn extension(group: &Group) -> Result<GroupExtension, StateError> {
    GroupExtension::from_context(&group.context().extensions).map_err(StateError::library)
}

/// The credential of a leaf that was checked when it came into the group.
pub(crate) fn credential(identity: &SigningIdentity) -> Result<LeafCredential, StateError> {
    leaf_credential(identity).map_err(StateError::library)
}

/// All leaves of a group.
pub(crate) fn members(group: &Group) -> Result<Vec<LeafCredential>, StateError> {
    group.roster().member_identities_iter().map(credential).collect()
}

/// The confirmed transcript hash of a group's epoch.
pub(crate) fn transcript_hash(group: &Group) -> Vec<u8> {
    group.context().confirmed_transcript_hash.to_vec()
}

/// A failure of mls-rs while it judged what a peer sent: the policy's reason, or what is missing, or else `reason`.
pub(crate) fn judged(lists: &Lists, error: &LibraryError, reason: Refusal) -> MlsError {
    let missing = lists.take_missing();
    match PolicyError::inside(error) {
        Some(PolicyError::Refused(refusal)) => MlsError::Refused(refusal.clone().into()),
        Some(PolicyError::MissingLists(heads)) if missing.is_empty() => MlsError::MissingLists(heads.clone()),
        Some(PolicyError::MissingLists(_)) => MlsError::MissingLists(missing),
        _ => MlsError::Refused(reason),
    }
}

/// A failure of the policy where it was asked directly: it names all that is missing itself.
pub(crate) fn policy_error(lists: &Lists, error: PolicyError) -> MlsError {
    let _ = lists.take_missing();
    match error {
        PolicyError::Refused(refusal) => MlsError::Refused(refusal.into()),
        PolicyError::MissingLists(heads) => MlsError::MissingLists(heads),
        _ => StateError::Bug("a policy error without a meaning here").into(),
    }
}
