//! Rules that forbid nothing, and an identity provider that believes everybody.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hushwire_group_policy::CREDENTIAL_TYPE;
use mls_rs::client_builder::PaddingMode;
use mls_rs::group::{GroupContext, Roster};
use mls_rs::mls_rules::{CommitDirection, CommitOptions, CommitSource, EncryptionOptions, ProposalBundle};
use mls_rs::{ExtensionList, MlsRules};
use mls_rs_core::identity::{CredentialType, IdentityProvider, MemberValidationContext, SigningIdentity};
use mls_rs_core::time::MlsTime;

/// No rules.
#[derive(Clone, Default)]
pub(super) struct Lawless {
    encrypt: Arc<AtomicBool>,
    no_path: Arc<AtomicBool>,
}

impl Lawless {
    pub(super) fn encrypt_handshakes(&self, encrypt: bool) {
        self.encrypt.store(encrypt, Ordering::Relaxed);
    }

    pub(super) fn leave_out_paths(&self, no_path: bool) {
        self.no_path.store(no_path, Ordering::Relaxed);
    }
}

impl MlsRules for Lawless {
    type Error = Infallible;

    fn filter_proposals(
        &self,
        _: CommitDirection,
        _: CommitSource,
        _: &Roster<'_>,
        _: &GroupContext,
        proposals: ProposalBundle,
    ) -> Result<ProposalBundle, Infallible> {
        Ok(proposals)
    }

    fn commit_options(
        &self,
        _: &Roster<'_>,
        _: &GroupContext,
        proposals: &ProposalBundle,
    ) -> Result<CommitOptions, Infallible> {
        Ok(CommitOptions::new()
            .with_path_required(
                proposals.reinit_proposals().is_empty() && !self.no_path.load(Ordering::Relaxed),
            )
            .with_ratchet_tree_extension(false)
            .with_allow_external_commit(true))
    }

    fn encryption_options(&self, _: &Roster<'_>, _: &GroupContext) -> Result<EncryptionOptions, Infallible> {
        Ok(EncryptionOptions::new(self.encrypt.load(Ordering::Relaxed), PaddingMode::None))
    }
}

/// Believes every credential, and takes each key for somebody else.
#[derive(Clone)]
pub(super) struct AnyIdentity;

impl IdentityProvider for AnyIdentity {
    type Error = Infallible;

    fn validate_member(
        &self,
        _: &SigningIdentity,
        _: Option<MlsTime>,
        _: MemberValidationContext<'_>,
    ) -> Result<(), Infallible> {
        Ok(())
    }

    fn validate_external_sender(
        &self,
        _: &SigningIdentity,
        _: Option<MlsTime>,
        _: Option<&ExtensionList>,
    ) -> Result<(), Infallible> {
        Ok(())
    }

    fn identity(&self, identity: &SigningIdentity, _: &ExtensionList) -> Result<Vec<u8>, Infallible> {
        Ok(identity.signature_key.to_vec())
    }

    fn valid_successor(
        &self,
        _: &SigningIdentity,
        _: &SigningIdentity,
        _: &ExtensionList,
    ) -> Result<bool, Infallible> {
        Ok(true)
    }

    fn supported_types(&self) -> Vec<CredentialType> {
        vec![CREDENTIAL_TYPE]
    }
}
