//! The Authentication Service (RFC 9750, section 4.3) as mls-rs asks it: which leaves are valid, by device lists alone.

use hushwire_types::{AccountId, DeviceId};
use mls_rs::ExtensionList;
use mls_rs::identity::{CredentialType, SigningIdentity};
use mls_rs::time::MlsTime;
use mls_rs_core::identity::{IdentityProvider, MemberValidationContext};

use crate::{CREDENTIAL_TYPE, GroupExtension, Lists, PolicyError, Refusal, leaf_credential};

/// The identity provider of client and server. What it finds missing stays in the [`Lists`] that it was made with.
///
/// - Every leaf must be active in the list prefix that it names, with that entry's MLS key (rule R3).
/// - Every leaf must be of an account that has a place in the conversation.
/// - A leaf that a Commit brings (Add, update path, external) must be at or above its account's floor. Leaves that are
///   there already stay valid below it, else a group with one unremoved revoked leaf could not be joined to repair it.
/// - An identity is (account, device), so mls-rs refuses a second leaf of the same device.
#[derive(Clone)]
pub struct Identities {
    lists: Lists,
}

impl Identities {
    /// An identity provider over `lists`.
    #[must_use]
    pub fn new(lists: Lists) -> Self {
        Self { lists }
    }
}

impl IdentityProvider for Identities {
    type Error = PolicyError;

    fn validate_member(
        &self,
        signing_identity: &SigningIdentity,
        _: Option<MlsTime>,
        context: MemberValidationContext<'_>,
    ) -> Result<(), PolicyError> {
        let leaf = self.lists.judge(signing_identity)?;
        let Some(extensions) = context.new_extensions() else { return Ok(()) };
        let group = GroupExtension::from_context(extensions)?;
        if !group.admits(leaf.account) {
            return Err(Refusal::ForeignAccount(leaf.account).into());
        }
        match context {
            MemberValidationContext::ForNewGroup { .. } => Ok(()),
            _ => self.lists.check_floor(&group, &leaf),
        }
    }

    fn validate_external_sender(
        &self,
        _: &SigningIdentity,
        _: Option<MlsTime>,
        _: Option<&ExtensionList>,
    ) -> Result<(), PolicyError> {
        Err(Refusal::NotAdmitted("external senders").into())
    }

    fn identity(
        &self,
        signing_identity: &SigningIdentity,
        _: &ExtensionList,
    ) -> Result<Vec<u8>, PolicyError> {
        let (account, device) = who(signing_identity)?;
        Ok([account.as_bytes().as_slice(), device.as_bytes()].concat())
    }

    fn valid_successor(
        &self,
        predecessor: &SigningIdentity,
        successor: &SigningIdentity,
        _: &ExtensionList,
    ) -> Result<bool, PolicyError> {
        Ok(who(predecessor)? == who(successor)?)
    }

    fn supported_types(&self) -> Vec<CredentialType> {
        vec![CREDENTIAL_TYPE]
    }
}

fn who(identity: &SigningIdentity) -> Result<(AccountId, DeviceId), Refusal> {
    leaf_credential(identity).map(|leaf| (leaf.account, leaf.device))
}
