//! What a committer publishes beside its Commit: the GroupInfo's own extensions, and the Welcome.

use std::collections::BTreeSet;

use hushwire_suite::{CIPHER_SUITE, Suite};
use mls_rs::extension::ExtensionType;
use mls_rs::extension::built_in::ExternalPubExt;
use mls_rs::group::CommitMessageDescription;
use mls_rs::group::proposal::Proposal;
use mls_rs::{CipherSuiteProvider, CryptoProvider, MlsMessage, WireFormat};

use super::new_epoch;
use crate::Refusal;
use crate::admission::decode;

/// Whether a GroupInfo must hold `external_pub`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ExternalPub {
    /// That of a Commit: whoever loses the group's state comes back by it.
    Required,
    /// That of epoch 0, which only the first Commit leaves.
    Optional,
}

/// A published GroupInfo holds `external_pub` and nothing else: no ratchet tree, and no key to the group's names
/// (rule R5).
pub(super) fn check_extensions(
    suite: &Suite,
    message: &MlsMessage,
    wanted: ExternalPub,
) -> Result<(), Refusal> {
    let extensions = message.as_group_info().ok_or(Refusal::GroupInfo)?.extensions();
    if extensions.iter().any(|extension| extension.extension_type != ExtensionType::EXTERNAL_PUB) {
        return Err(Refusal::GroupInfoExtensions);
    }
    let found = extensions.get_as::<ExternalPubExt>().map_err(|_| Refusal::GroupInfoExtensions)?;
    match found {
        Some(found) => {
            let provider = suite.cipher_suite_provider(CIPHER_SUITE).ok_or(Refusal::GroupInfoExtensions)?;
            let valid = provider.kem_public_key_validate(found.external_pub());
            valid.map_err(|_| Refusal::GroupInfoExtensions)
        }
        None if wanted == ExternalPub::Required => Err(Refusal::GroupInfoExtensions),
        None => Ok(()),
    }
}

/// The Welcome addresses exactly the KeyPackages that the Commit adds.
pub(super) fn check_welcome(
    suite: &Suite,
    commit: &CommitMessageDescription,
    welcome: Option<&[u8]>,
) -> Result<(), Refusal> {
    let provider = suite.cipher_suite_provider(CIPHER_SUITE).ok_or(Refusal::Welcome)?;
    let mut added = BTreeSet::new();
    for info in new_epoch(commit)?.applied_proposals() {
        if let Proposal::Add(add) = &info.proposal {
            let reference = add.key_package().to_reference(&provider).map_err(|_| Refusal::Welcome)?;
            added.insert(reference.to_vec());
        }
    }
    if addressed(welcome)? == added.into_iter().collect::<Vec<_>>() { Ok(()) } else { Err(Refusal::Welcome) }
}

/// The references in the Welcome, sorted, repeats kept.
fn addressed(welcome: Option<&[u8]>) -> Result<Vec<Vec<u8>>, Refusal> {
    let Some(bytes) = welcome else { return Ok(vec![]) };
    let message = decode(bytes).map_err(|_| Refusal::Welcome)?;
    if message.wire_format() != WireFormat::Welcome {
        return Err(Refusal::Welcome);
    }
    let mut references: Vec<Vec<u8>> =
        message.welcome_key_package_references().into_iter().map(|reference| reference.to_vec()).collect();
    references.sort();
    Ok(references)
}
