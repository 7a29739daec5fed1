//! Why a group, a leaf or a Commit is refused.

use hushwire_identity::list::ListHead;
use hushwire_types::{AccountId, DeviceId};
use mls_rs::error::{AnyError, IntoAnyError, MlsError};

/// What a group, a leaf or a Commit does that is not allowed. It is final: the same input is refused for ever, by
/// everybody. The sender's software is faulty or hostile; drop the input and, on the server, answer with a policy error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The bytes are not one MLSMessage of MLS 1.0 with a 32-byte group id.
    #[error("not an MLS message")]
    Malformed,
    /// Rule R9: this kind of message is not accepted at all.
    #[error("{0} are not accepted (R9)")]
    NotAdmitted(&'static str),
    /// Rule R9: a Commit carries a proposal of a kind that is not accepted, or by reference.
    #[error("a Commit must not carry {0} (R9)")]
    ForbiddenProposal(&'static str),
    /// A leaf's credential is not a Hushwire credential.
    #[error("the leaf's credential is malformed")]
    CredentialMalformed,
    /// Rule R3: the list prefix that the credential names does not have the device active.
    #[error("device {1:?} of account {0:?} is not active in the list that its leaf names (R3)")]
    NotActive(AccountId, DeviceId),
    /// Rule R3: the leaf's key is not the MLS key of the device's list entry.
    #[error("the leaf's key is not that of device {1:?} of account {0:?} (R3)")]
    WrongKey(AccountId, DeviceId),
    /// Rule R3: a new leaf names a list prefix that is not at or above the account's floor.
    #[error("a new leaf of account {0:?} is below the account's floor (R3)")]
    BelowFloor(AccountId),
    /// The group's context does not hold exactly the extensions that every Hushwire group has, or one is malformed.
    #[error("the group's extensions are not those of a Hushwire group")]
    Extensions,
    /// The conversation id is not that of the two accounts.
    #[error("the conversation id does not belong to its two accounts")]
    ConversationId,
    /// A Commit changes the group extension in more than a risen floor.
    #[error("a Commit must not change the group extension but to raise floors")]
    ExtensionChanged,
    /// Rule R3: a Commit drops a floor, or moves it to a place that does not lie above it.
    #[error("a floor never sinks (R3): account {0:?}")]
    FloorLowered(AccountId),
    /// A leaf of an account that the conversation is not between.
    #[error("account {0:?} has no place in this conversation")]
    ForeignAccount(AccountId),
    /// A Commit removes the last leaf of an account, and the account's list does not show it revoked at the new floor.
    #[error("a Commit must not put account {0:?} out of a direct conversation")]
    AccountRemoved(AccountId),
    /// A Commit does in a group what its maker may not do.
    #[error("the member who made the Commit may not {0}")]
    NotAllowed(&'static str),
    /// A Commit, or an external one, of an account that has left the group.
    #[error("account {0:?} has left the group")]
    HasLeft(AccountId),
    /// A Commit leaves a role to an account without a leaf.
    #[error("a role must be of an account with a leaf")]
    RoleWithoutLeaf,
    /// Rule R5: a Commit puts an account out and changes the details, whose key that account still has.
    #[error("a Commit must not remove an account and change the details at once (R5)")]
    DetailsWithRemoval,
    /// A Commit would give the group more leaves than a group has.
    #[error("a group has at most 1,000 devices")]
    GroupFull,
    /// A Remove of a leaf that is not there.
    #[error("a Commit removes a leaf that is not in the group")]
    NoSuchLeaf,
    /// Rule R7: an external Commit of an account that is not in the tree.
    #[error("account {0:?} is not in the group, so it cannot join by external Commit (R7)")]
    NotInGroup(AccountId),
    /// Rule R7: an external Commit must remove exactly the same device's leaf if there is one, else nothing.
    #[error("an external Commit must remove exactly its own device's old leaf (R7)")]
    ExternalRemoves,
    /// A Commit was sent by another device than the one that made it.
    #[error("the Commit is not by the device that sent it")]
    NotTheSender,
    /// The group does not start as a new conversation does: at epoch 0, with the creator's leaf alone.
    #[error("a new group must be at epoch 0 with its creator alone")]
    NotANewGroup,
    /// The published GroupInfo is not that of the Commit's epoch, or not signed by the committer.
    #[error("the GroupInfo does not belong to the Commit")]
    GroupInfo,
    /// The published GroupInfo lacks `external_pub`, or holds another extension than that. Rule R5: no name key there.
    #[error("a published GroupInfo must hold external_pub and no other extension (R5)")]
    GroupInfoExtensions,
    /// The Welcome does not address exactly the devices that the Commit adds.
    #[error("the Welcome must be for exactly the added devices")]
    Welcome,
    /// A KeyPackage is malformed, expired, badly signed or of another ciphersuite.
    #[error("the KeyPackage is not valid")]
    KeyPackage,
    /// A KeyPackage is not of the device that it was given for.
    #[error("the KeyPackage is not of that device")]
    KeyPackageOwner,
}

/// Why the policy does not accept something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// It is not allowed. Drop the input.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Rule R3: it can be neither accepted nor refused before these device lists are known at least up to these heads.
    /// Park the group's input, fetch the lists, try again. On the server, which has all lists: refuse.
    #[error("device lists are missing")]
    MissingLists(Vec<(AccountId, ListHead)>),
}

impl PolicyError {
    /// The policy's reason inside an error of mls-rs, where there is one.
    #[must_use]
    pub fn inside(error: &MlsError) -> Option<&Self> {
        match error {
            MlsError::MlsRulesError(inner) | MlsError::IdentityProviderError(inner) => Self::of(inner),
            _ => None,
        }
    }

    fn of(error: &AnyError) -> Option<&Self> {
        error.inner_dyn_error().downcast_ref()
    }
}

impl IntoAnyError for PolicyError {
    fn into_dyn_error(self) -> Result<Box<dyn std::error::Error + Send + Sync>, Self> {
        Ok(self.into())
    }
}
